//! In databases that serve on, where others wait for them or for what they take.

use super::{Prepared, become_people, failed, roll_back, roll_back_by_admin};
use crate::{
    logins::names::{self, OF_BRANCHES},
    settings::Settings,
};
use domain::branch::{DatabaseName, OWNER_ROLE};
use ports::driven::{BuildError, LoginPurpose};
use sqlx::PgConnection;

/// What a prepared transaction is rolled back for though nobody asked.
#[derive(Clone, Copy)]
pub(crate) enum InTheWay {
    /// Somebody has waited for it to end, for a row that it has changed, or for a lock that is about something of the whole server.
    WaitedFor,
    /// It holds more than its share of so many places for locks: a quarter is for all that there may be, or for 25 where those are fewer. Two phases are for a
    /// few changed rows.
    TakesPlaces(i64),
}

/// Whether the prepared transaction `p` is that, with the places as `$1`, or NULL. Its locks are known by that of its own number: they are nobody's.
macro_rules! is_in_the_way {
    () => {
        "case when $1::int8 is null
              then p.prepared < clock_timestamp() - interval '1 second' and exists (
                       select from pg_locks mine join pg_locks held using (virtualtransaction) join pg_locks asked on not asked.granted
                        where mine.pid is null and mine.locktype = 'transactionid' and mine.transactionid = p.transaction and held.pid is null
                          and (asked.transactionid = held.transactionid
                               or asked.locktype = held.locktype and asked.database = 0 and held.database = 0
                                  and (asked.relation, asked.classid, asked.objid, asked.objsubid)
                                      is not distinct from (held.relation, held.classid, held.objid, held.objsubid)))
              else (select count(distinct (held.locktype, held.database, held.relation, held.page, held.tuple, held.transactionid::text, held.classid,
                                           held.objid, held.objsubid))
                      from pg_locks mine join pg_locks held using (virtualtransaction)
                     where mine.pid is null and mine.locktype = 'transactionid' and mine.transactionid = p.transaction and held.pid is null
                       and held.mode <> 'SIReadLock') > $1 / 4 / greatest(25, current_setting('max_prepared_transactions')::int8) end"
    };
}

impl InTheWay {
    fn places(self) -> Option<i64> {
        match self {
            Self::WaitedFor => None,
            Self::TakesPlaces(places) => Some(places),
        }
    }
}

/// The same for those that are in the way of others, in a branch's database that serves on. Gives how many there were.
pub(crate) async fn roll_back_shared(
    admin: &mut PgConnection,
    settings: &Settings,
    database: &DatabaseName,
    in_the_way: InTheWay,
) -> Result<usize, BuildError> {
    let mut ended = 0;
    let prepared = shared(&mut *admin, in_the_way, database, None).await?;
    if prepared.is_empty() {
        return Ok(0);
    }
    if let Err(error) = become_people(&mut *admin, settings, database, &prepared).await {
        tracing::warn!(%error, %database, "the branch's builder could not become who prepared a transaction");
    }
    for purpose in LoginPurpose::ALL {
        let login = settings.logins.of(purpose, database).name;
        let theirs = shared(&mut *admin, in_the_way, database, Some(&login)).await?;
        if !theirs.is_empty() {
            match roll_back(settings, purpose, database, &theirs).await {
                Ok(of_login) => ended += of_login,
                // One that cannot come in, as one whose sessions are all taken, keeps no other.
                Err(error) => tracing::warn!(%error, %database, login, "a branch's login could not roll back what was prepared in its database"),
            }
        }
    }
    Ok(ended)
}

/// Those of roles that the login may become, or of all.
async fn shared(admin: &mut PgConnection, in_the_way: InTheWay, database: &DatabaseName, by: Option<&str>) -> Result<Vec<Prepared>, BuildError> {
    sqlx::query_as(concat!(
        "select p.transaction::text, owner::text from pg_prepared_xacts p
          where database = $2 and owner is not null and ($3::name is null or pg_has_role($3::name, owner, 'member')) and ",
        is_in_the_way!()
    ))
    .bind(in_the_way.places())
    .bind(database.as_str())
    .bind(by)
    .fetch_all(admin)
    .await
    .map_err(failed)
}

/// The same for those that a branch's login prepared in a database that is no branch's, such as that which everybody may connect to; and, while locks are scarce
/// and outside of the metadata database, for those of roles that are gone. No branch's user has made anything there: the admin goes in itself.
pub(crate) async fn roll_back_elsewhere(
    admin: &mut PgConnection,
    settings: &Settings,
    database: &DatabaseName,
    in_the_way: InTheWay,
) -> Result<usize, BuildError> {
    let prepared: Vec<Prepared> = sqlx::query_as(concat!(
        "select p.transaction::text, owner::text from pg_prepared_xacts p
          where database = $2 and (owner is null and $1::int8 is not null and $2 <> current_database()
                                   or starts_with(owner, $3) and owner ~ $4 or owner = $5) and ",
        is_in_the_way!()
    ))
    .bind(in_the_way.places())
    .bind(database.as_str())
    .bind(names::prefix(settings.instance))
    .bind(OF_BRANCHES)
    .bind(OWNER_ROLE)
    .fetch_all(&mut *admin)
    .await
    .map_err(failed)?;
    if prepared.is_empty() { Ok(0) } else { roll_back_by_admin(settings, database, &prepared).await }
}
