//! A table that is held, so that whoever comes to it waits.

use crate::world::PATIENCE;
use fluxbase_tests::eventually;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};

/// Nothing can be read of the table while this is held: a clone of its database waits, and so does a request.
pub(crate) async fn hold(database: &PgPool, table: &str) -> Transaction<'static, Postgres> {
    let mut holding = database.begin().await.unwrap();
    sqlx::query(AssertSqlSafe(format!("lock table public.{table} in access exclusive mode"))).execute(&mut *holding).await.unwrap();
    holding
}

/// Waits until that many wait for the table.
pub(crate) async fn waited_for(database: &PgPool, table: &str, by: i64) {
    eventually(&format!("{by} wait for {table}"), PATIENCE, async || {
        let waiting = sqlx::query_scalar::<_, i64>("select count(*) from pg_locks where not granted and relation = $1::text::regclass");
        waiting.bind(format!("public.{table}")).fetch_one(database).await.unwrap() >= by
    })
    .await;
}
