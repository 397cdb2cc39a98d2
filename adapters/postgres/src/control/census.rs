//! How many branches and operations there are: for gauges.

use sqlx::PgPool;

/// How many branches and operations there are, by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Live branches by status; main is not among them.
    pub branches: Vec<(String, i64)>,
    /// Operations by kind and status: those that have not ended, and those of the last day that have.
    pub operations: Vec<(String, String, i64)>,
}

/// Counts.
pub async fn census(pool: &PgPool) -> Result<Census, sqlx::Error> {
    let branches = sqlx::query_as("select status, count(*) from branching.branches where status <> 'deleted' and type <> 'main' group by status")
        .fetch_all(pool);
    // Each by its index: what ended long ago stays on record and is not counted again and again.
    let operations = sqlx::query_as(
        "select kind, status, count(*) from (
             select kind, status from branching.operations where finished_at is null
             union all
             select kind, status from branching.operations where finished_at > clock_timestamp() - interval '1 day'
         ) counted group by kind, status",
    )
    .fetch_all(pool);
    Ok(Census { branches: branches.await?, operations: operations.await? })
}
