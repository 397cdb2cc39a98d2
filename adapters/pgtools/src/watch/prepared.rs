//! Transactions that were prepared in a branch and hold what belongs to the whole server: there is no session to end.

use super::PATIENCE;
use crate::{
    database::{
        prepared_transactions::{self, others_wait},
        tag::Mark,
    },
    error::from_sql,
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::BuildError;
use sqlx::PgConnection;

/// Rolls back those of this instance's branches; whoever prepared them does not hear of it before they ask. What cannot be rolled back keeps no other.
pub(super) async fn roll_back(admin: &mut PgConnection, settings: &Settings) -> Result<(), BuildError> {
    for database in held(admin, settings).await? {
        match prepared_transactions::roll_back_shared(admin, settings, &database).await {
            Ok(ended) if ended > 0 => {
                tracing::warn!(%database, ended, "transactions that were prepared in a branch held what the work on other branches waited for, and were rolled back");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, %database, "a transaction that was prepared in a branch is in the way, and could not be rolled back");
            }
        }
    }
    Ok(())
}

/// Our branches' databases with some that hold locks of the whole server.
async fn held(admin: &mut PgConnection, settings: &Settings) -> Result<Vec<DatabaseName>, BuildError> {
    let found: Vec<(String, Option<String>)> = sqlx::query_as(concat!(
        "select distinct d.datname::text, shobj_description(d.oid, 'pg_database')
           from pg_prepared_xacts p join pg_database d on d.datname = p.database
          where p.prepared < clock_timestamp() - make_interval(secs => $1) and ",
        others_wait!()
    ))
    .bind(PATIENCE.as_secs_f64())
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("looking for prepared transactions", error))?;
    let is_ours = |comment: &Option<String>| comment.as_deref().and_then(Mark::read).is_some_and(|mark| mark.is_of(settings.instance));
    Ok(found.into_iter().filter(|(_, comment)| is_ours(comment)).map(|(name, _)| DatabaseName::existing(name)).collect())
}
