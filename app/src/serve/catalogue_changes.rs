//! Hears of changes of main's definitions where an event trigger tells of them, and looks for them where none does.

use domain::branch::DatabaseName;
use postgres::{
    data::PgBranchDatabases,
    provision::{CatalogueSignal, grant_upon_change, refresh_service_grants},
};
use sqlx::{PgPool, postgres::PgListener};
use std::{sync::Arc, time::Duration};

/// How often the change token is looked at where nothing tells of changes. The data path looks at it by itself.
const LOOK: Duration = Duration::from_secs(2);

/// Follows main's definitions until dropped, so that service keys reach new tables, by whichever way there is.
pub(super) async fn follow(signal: CatalogueSignal, pool: PgPool, databases: Arc<PgBranchDatabases>, main: DatabaseName, schemas: Vec<String>) {
    match signal {
        CatalogueSignal::EventTrigger => hear(pool, databases, main, schemas).await,
        CatalogueSignal::ChangeToken => grant_upon_change(pool, schemas, LOOK).await,
    }
}

/// Listens until dropped: every notification makes the catalogue be read anew and new tables reachable for service keys. While nobody listens, the data
/// path looks at the change token itself.
async fn hear(pool: PgPool, databases: Arc<PgBranchDatabases>, main: DatabaseName, schemas: Vec<String>) {
    loop {
        if let Err(error) = listen(&pool, &databases, &main, &schemas).await {
            tracing::warn!(%error, "not hearing of changes of the catalogue; looking at the change token meanwhile");
        }
        databases.set_has_event_trigger(&main, false);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen(pool: &PgPool, databases: &PgBranchDatabases, main: &DatabaseName, schemas: &[String]) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("fluxbase_catalogue").await?;
    databases.set_has_event_trigger(main, true);
    changed(pool, databases, main, schemas).await; // while nobody listened
    // `None` says that the connection was lost: what was notified meanwhile was not heard.
    while let Some(_change) = listener.try_recv().await? {
        changed(pool, databases, main, schemas).await;
    }
    Ok(())
}

async fn changed(pool: &PgPool, databases: &PgBranchDatabases, main: &DatabaseName, schemas: &[String]) {
    databases.invalidate(main);
    if let Err(error) = refresh_service_grants(pool, schemas).await {
        tracing::warn!(%error, "could not grant service_role its rights on new tables");
    }
}
