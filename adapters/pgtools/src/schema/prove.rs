//! Scripts, tried out on a copy.

use super::PgSchemas;
use crate::{connect::run, error::from_sql};
use async_trait::async_trait;
use domain::{
    branch::DatabaseName,
    schema::{SchemaDiff, SchemaSnapshot, ScriptStatement},
};
use ports::driven::{BuildError, DatabasePlace, Proof, SchemaReader, ScriptProver};
use sqlx::{Connection, PgConnection};

#[async_trait]
impl ScriptProver for PgSchemas {
    async fn prove(&self, copy: &DatabaseName, script: &[ScriptStatement], source: &SchemaSnapshot) -> Result<Proof, BuildError> {
        let mut connection = self.settings.builder_in(copy).await?;
        if let Some((statement, error)) = apply(&mut connection, script).await? {
            let message = error
                .as_database_error()
                .map_or_else(|| error.to_string(), |error| format!("{} (SQLSTATE {})", error.message(), error.code().unwrap_or_default()));
            return Ok(Proof::Failed { statement, message });
        }
        let _ = connection.close().await;
        let result = self.read(&DatabasePlace { database: copy.clone(), is_main: false }).await?;
        Ok(Proof::Ran(Box::new(SchemaDiff::between(&result, source))))
    }
}

/// Runs the statements as the script's text has them. Gives the one that failed, and why.
async fn apply(connection: &mut PgConnection, script: &[ScriptStatement]) -> Result<Option<(usize, sqlx::Error)>, BuildError> {
    let trying = |error| from_sql("trying the script", error);
    run(connection, "set search_path = pg_catalog; set check_function_bodies = off").await.map_err(trying)?;
    let mut within = false;
    // The copy has no rows, and asks no other server for any.
    let tried = |statement: &&ScriptStatement| !statement.sql.starts_with("REFRESH MATERIALIZED VIEW");
    for (place, statement) in script.iter().enumerate().filter(|(_, statement)| tried(statement)) {
        if statement.in_transaction != within {
            run(connection, if statement.in_transaction { "begin" } else { "commit" }).await.map_err(trying)?;
            within = statement.in_transaction;
        }
        match run(connection, statement.sql.as_str()).await {
            Ok(()) => {}
            Err(error @ sqlx::Error::Database(_)) => return Ok(Some((place, error))),
            Err(error) => return Err(trying(error)),
        }
    }
    if within {
        run(connection, "commit").await.map_err(trying)?;
    }
    Ok(None)
}
