//! Migrations and the first start.

use super::{Replica, connect, empty_database};
use fluxbase_postgres::control::{ensure_main, migrate};
use sqlx::PgPool;

async fn ledger(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from fluxbase.control_migrations where success").fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn two_replicas_that_start_at_once_both_succeed() {
    let options = empty_database().await;
    let (one, two) = (connect(options.clone(), 2).await, connect(options, 2).await);
    let (first, second) = tokio::join!(migrate(&one), migrate(&two));
    first.unwrap();
    second.unwrap();
    let (first, second) = tokio::join!(ensure_main(&one), ensure_main(&two));
    assert_eq!(first.unwrap(), second.unwrap());
    let applied = ledger(&one).await;
    migrate(&one).await.unwrap();
    assert_eq!(ledger(&one).await, applied);
    let in_public: i64 =
        sqlx::query_scalar("select count(*) from pg_class where relnamespace = 'public'::regnamespace").fetch_one(&one).await.unwrap();
    assert_eq!(in_public, 0);
}

#[tokio::test]
async fn a_failed_migration_leaves_no_lock_behind() {
    let options = empty_database().await;
    let pool = connect(options.clone(), 2).await;
    sqlx::query("create schema branching").execute(&pool).await.unwrap();
    let failure = migrate(&pool).await.unwrap_err();
    assert!(matches!(failure, ports::driven::StoreError::Unexpected(_)), "{failure:?}");
    sqlx::query("drop schema branching").execute(&pool).await.unwrap();
    migrate(&connect(options, 1).await).await.unwrap();
}

#[tokio::test]
async fn everything_is_commented_and_every_constraint_named() {
    let replica = Replica::alone().await;
    let bare: Vec<String> = sqlx::query_scalar(
        "select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace in ('branching'::regnamespace, 'fluxbase'::regnamespace) and c.relkind = 'r' and a.attnum > 0
           and c.relname <> 'control_migrations' and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)",
    )
    .fetch_all(&replica.pool)
    .await
    .unwrap();
    assert_eq!(bare, Vec::<String>::new());
    let generated: Vec<String> = sqlx::query_scalar(
        r"select conname from pg_constraint
          where connamespace in ('branching'::regnamespace, 'fluxbase'::regnamespace) and conname ~ '_(check|fkey|key)\d*$'",
    )
    .fetch_all(&replica.pool)
    .await
    .unwrap();
    assert_eq!(generated, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_else_may_look_in() {
    let replica = Replica::alone().await;
    let open: i64 = sqlx::query_scalar(
        "select count(*) from pg_namespace n, aclexplode(n.nspacl) acl where nspname in ('branching', 'fluxbase') and acl.grantee <> n.nspowner",
    )
    .fetch_one(&replica.pool)
    .await
    .unwrap();
    assert_eq!(open, 0);
}
