//! Who holds tables of a parent so that nobody can read them: people's own sessions, or transactions that they prepared and left.

use crate::error::listed;
use sqlx::PgConnection;

/// How many of them are told.
const SHOWN: usize = 3;

/// Tells what is held in the connection's database, since when and by whom, for people; no text of a statement, which may be of rows.
pub(crate) async fn told(connection: &mut PgConnection) -> String {
    let held: Result<Vec<String>, _> = sqlx::query_scalar(
        "select concat('table ', c.oid::regclass, ' by ',
                       case when l.pid is null then format('the prepared transaction %L', p.gid)
                            else concat('session ', l.pid, ' of ' || a.usename) end,
                       ', since ' || date_trunc('second', coalesce(p.prepared, a.xact_start)))
           from pg_locks l join pg_class c on c.oid = l.relation
           left join pg_stat_activity a on a.pid = l.pid
           left join pg_prepared_xacts p
             on l.pid is null and exists (select from pg_locks x where x.pid is null and x.virtualtransaction = l.virtualtransaction
                                                                   and x.transactionid = p.transaction)
          where l.granted and l.mode = 'AccessExclusiveLock' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
            and l.database = (select oid from pg_database where datname = current_database())
          order by coalesce(p.prepared, a.xact_start), 1",
    )
    .fetch_all(connection)
    .await;
    match held {
        Ok(held) if !held.is_empty() => listed(&held, SHOWN),
        _ => "a table, by somebody who let it go meanwhile".to_owned(),
    }
}
