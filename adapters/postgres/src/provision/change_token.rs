//! Keeps the rights of `service_role` current where nothing tells of changes: by looking at the change token.

use super::{error::ProvisionError, grants::refresh_service_grants};
use sqlx::PgPool;
use std::time::Duration;

const TOKEN: &str = include_str!("../data/catalogue/token.sql");

/// Looks at the catalogue's change token every so often, until dropped, and grants `service_role` what it lacks whenever that moved.
pub async fn grant_upon_change(pool: PgPool, schemas: Vec<String>, every: Duration) {
    let mut seen = None;
    let mut failing = false;
    loop {
        let outcome = look(&pool, &schemas, &mut seen).await;
        match &outcome {
            Err(error) if !failing => tracing::warn!(%error, "could not look after the rights of service_role on new tables; trying on"),
            Ok(()) if failing => tracing::info!("looking after the rights of service_role again"),
            Ok(()) | Err(_) => {}
        }
        failing = outcome.is_err();
        tokio::time::sleep(every).await;
    }
}

async fn look(pool: &PgPool, schemas: &[String], seen: &mut Option<String>) -> Result<(), ProvisionError> {
    let token: Option<String> = sqlx::query_scalar(TOKEN).fetch_one(pool).await?;
    if *seen != token {
        refresh_service_grants(pool, schemas).await?;
        // What was granted moves it once more: then nothing is missing any longer. What somebody held is missing still, and looked for each time.
        *seen = token;
    }
    Ok(())
}
