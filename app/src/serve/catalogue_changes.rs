//! Hears of changes of main's definitions, where an event trigger tells of them.

use domain::branch::DatabaseName;
use postgres::{data::PgBranchDatabases, provision::refresh_service_grants};
use sqlx::{PgPool, postgres::PgListener};
use std::{sync::Arc, time::Duration};

/// Listens until dropped: every notification makes the catalogue be read anew and new tables reachable for service keys. While nobody listens, the data
/// path looks at the change token itself.
pub(super) async fn follow(pool: PgPool, databases: Arc<PgBranchDatabases>, main: DatabaseName, schemas: Vec<String>) {
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
    // `None` says that the connection was lost: what was notified meanwhile was not heard.
    while let Some(_change) = listener.try_recv().await? {
        databases.invalidate(main);
        if let Err(error) = refresh_service_grants(pool, schemas).await {
            tracing::warn!(%error, "could not grant service_role its rights on new tables");
        }
    }
    Ok(())
}
