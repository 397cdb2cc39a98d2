//! How many branches and operations there are: for gauges.

use sqlx::PgPool;

/// How many branches and operations there are, by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Live branches by status; main is not among them.
    pub branches: Vec<(String, i64)>,
    /// Operations by kind and status, those that ended long ago too.
    pub operations: Vec<(String, String, i64)>,
}

/// Counts.
pub async fn census(pool: &PgPool) -> Result<Census, sqlx::Error> {
    let branches = sqlx::query_as("select status, count(*) from branching.branches where status <> 'deleted' and type <> 'main' group by status")
        .fetch_all(pool);
    let operations = sqlx::query_as("select kind, status, count(*) from branching.operations group by kind, status").fetch_all(pool);
    Ok(Census { branches: branches.await?, operations: operations.await? })
}
