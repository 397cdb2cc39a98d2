//! Transactions that were prepared in a branch and hold what belongs to the whole server: there is no session to end.

use super::PATIENCE;
use crate::{
    database::{
        prepared_transactions::{self, is_in_the_way},
        tag::Mark,
    },
    error::from_sql,
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::BuildError;
use sqlx::PgConnection;

/// What part of the table of locks one of them may hold when that is nearly full. There can be many, and two phases are for a few changed rows.
const SHARE: i64 = 100;

/// Rolls back those of this instance's branches; whoever prepared them does not hear of it before they ask. What cannot be rolled back keeps no other.
///
/// Those that others wait for, and, where the table of locks has no more than so many places, those that hold more of them than their share.
pub(super) async fn roll_back(admin: &mut PgConnection, settings: &Settings, places: Option<i64>) -> Result<(), BuildError> {
    let most_locks = places.map(|places| places / SHARE);
    for database in held(admin, settings, most_locks).await? {
        match prepared_transactions::roll_back_shared(admin, settings, &database, most_locks).await {
            Ok(ended) if ended > 0 => {
                tracing::warn!(
                    %database,
                    ended,
                    "transactions that were prepared in a branch held what the work on other branches needed, and were rolled back"
                );
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, %database, "a transaction that was prepared in a branch is in the way, and could not be rolled back");
            }
        }
    }
    Ok(())
}

/// Our branches' databases with some that are in the way.
async fn held(admin: &mut PgConnection, settings: &Settings, most_locks: Option<i64>) -> Result<Vec<DatabaseName>, BuildError> {
    let found: Vec<(String, Option<String>)> = sqlx::query_as(concat!(
        "select distinct d.datname::text, shobj_description(d.oid, 'pg_database')
           from pg_prepared_xacts p join pg_database d on d.datname = p.database
          where p.prepared < clock_timestamp() - make_interval(secs => $2) and ",
        is_in_the_way!()
    ))
    .bind(most_locks)
    .bind(PATIENCE.as_secs_f64())
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("looking for prepared transactions", error))?;
    let is_ours = |comment: &Option<String>| comment.as_deref().and_then(Mark::read).is_some_and(|mark| mark.is_of(settings.instance));
    Ok(found.into_iter().filter(|(_, comment)| is_ours(comment)).map(|(name, _)| DatabaseName::existing(name)).collect())
}
