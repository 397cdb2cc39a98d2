//! Transactions that were prepared by branches' logins and are in the way of everybody: there is no session to end.

use crate::{
    database::prepared_transactions::{self, InTheWay},
    error::from_sql,
    logins::login_objects::owner_instance,
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::BuildError;
use sqlx::PgConnection;
use uuid::Uuid;

/// Rolls back those of this instance's branches; whoever prepared them does not hear of it before they ask. What cannot be rolled back keeps no other.
pub(super) async fn roll_back(admin: &mut PgConnection, settings: &Settings, in_the_way: InTheWay) -> Result<(), BuildError> {
    for (database, instance) in databases(admin).await? {
        let ended = match instance {
            Some(instance) if instance == settings.instance => prepared_transactions::roll_back_shared(admin, settings, &database, in_the_way).await,
            // Another instance's watch looks after it.
            Some(_) => continue,
            None => prepared_transactions::roll_back_elsewhere(admin, settings, &database, in_the_way).await,
        };
        match ended {
            Ok(ended) if ended > 0 => {
                tracing::warn!(
                    %database,
                    ended,
                    "transactions that were prepared by a branch's login held what the work on other branches needed, and were rolled back"
                );
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, %database, "a transaction that was prepared by a branch's login is in the way, and could not be rolled back");
            }
        }
    }
    Ok(())
}

/// Where transactions are prepared, with the instance whose branch that is, or copy of the stock.
async fn databases(admin: &mut PgConnection) -> Result<Vec<(DatabaseName, Option<Uuid>)>, BuildError> {
    let found: Vec<(String, Option<String>)> = sqlx::query_as(
        "select distinct d.datname::text, shobj_description(d.oid, 'pg_database') from pg_prepared_xacts p join pg_database d on d.datname = p.database",
    )
    .fetch_all(admin)
    .await
    .map_err(|error| from_sql("looking for prepared transactions", error))?;
    let of = |(name, comment): (String, Option<String>)| (DatabaseName::existing(name), comment.as_deref().and_then(owner_instance));
    Ok(found.into_iter().map(of).collect())
}
