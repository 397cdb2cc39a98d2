//! Locks that others hold: a file gives way, and others never queue behind it for long.

use super::{Told, branch, failure};
use fluxbase_postgres::migrations::{MigrationLimits, MigrationSettings, PgMigrationRunner};
use ports::driven::{MigrationEvent, MigrationRunner, NoMigrationProgress};
use std::{sync::Arc, time::Duration};

#[tokio::test]
async fn a_file_gives_way_and_begins_again_until_the_lock_is_free() {
    let branch = branch("gives_way").await;
    branch.apply(&[("1_a.sql", "create table a (id int)")]).await.unwrap();
    let mut reader = branch.root.acquire().await.unwrap();
    sqlx::raw_sql("begin; select * from a").execute(&mut *reader).await.unwrap();

    let request = branch.request(&[("2_b.sql", "create table b ();\nalter table a add c int")]);
    let told = Arc::new(Told::default());
    let failed = failure(branch.runner.apply(&request, told.clone()).await.unwrap_err());
    assert_eq!((failed.code, failed.line, failed.sqlstate.as_deref()), ("lock_timeout", Some(2), Some("55P03")));
    assert!(failed.message.contains("try again when they are done"), "{}", failed.message);
    let waits = |told: &Told| told.events.lock().unwrap().iter().filter(|event| matches!(event, MigrationEvent::GaveWay { .. })).count();
    assert_eq!(waits(&told), 2);
    assert_eq!(branch.text("select to_regclass('b')::text").await, "");

    // This time the reader ends once the file has given way.
    let told = Arc::new(Told::default());
    let ends = async {
        while waits(&told) == 0 {
            told.rang.notified().await;
        }
        sqlx::raw_sql("commit").execute(&mut *reader).await.unwrap();
    };
    let (applied, ()) = tokio::join!(branch.runner.apply(&request, told.clone()), ends);
    let applied = applied.unwrap();
    assert!(applied[0].attempts >= 2, "{applied:?}");
    assert_eq!(branch.text("select count(*)::text from pg_attribute where attrelid = 'a'::regclass and attname = 'c'").await, "1");
}

#[tokio::test]
async fn the_first_tries_wait_for_a_short_time_only_and_a_file_that_says_how_long_is_obeyed() {
    let branch = branch("waits_briefly").await;
    branch.apply(&[("1_a.sql", "create table a (id int)")]).await.unwrap();
    let limits = MigrationLimits { first_lock_timeout: Duration::from_millis(20), lock_timeout: Duration::from_mins(5), ..branch.settings.limits };
    let runner = PgMigrationRunner::new(MigrationSettings { limits, ..branch.settings.clone() });
    let mut reader = branch.root.acquire().await.unwrap();
    sqlx::raw_sql("begin; select * from a").execute(&mut *reader).await.unwrap();
    for sql in ["alter table a add b int", "-- fluxbase:no-transaction\nalter table a add b int"] {
        let request = branch.request(&[("2_b.sql", sql)]);
        let apply = runner.apply(&request, Arc::new(NoMigrationProgress));
        let failed = tokio::time::timeout(limits.lock_timeout / 2, apply).await.expect("it waited as long as it may at last");
        assert_eq!(failure(failed.unwrap_err()).code, "lock_timeout", "{sql}");
    }
    sqlx::raw_sql("commit").execute(&mut *reader).await.unwrap();
    branch.run("delete from fluxbase_migrations.ledger where version = 2").await;
    let own =
        "-- fluxbase:no-transaction\nset lock_timeout = '7s';\nselect 1;\ncreate table said as select current_setting('lock_timeout') as waits;";
    runner.apply(&branch.request(&[("2_b.sql", own)]), Arc::new(NoMigrationProgress)).await.unwrap();
    assert_eq!(branch.text("select waits from said").await, "7s");
}
