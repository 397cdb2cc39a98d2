//! A parent that is in use while it is cloned.

use super::{Admin, House, Quiet, connect, execute};
use crate::cluster;
use domain::DataCloneMode;
use fluxbase_pgtools::PgBranchBuilder;
use ports::driven::{BranchBuilder, BuildError};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// Runs a statement over and over until the guard says so.
fn without_pause(house: &House, statements: &'static [&'static str], stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let (main, stop) = (house.main.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let mut connection = connect("postgres", cluster::PASSWORD, main.as_str()).await;
        let mut rounds = 0;
        while !stop.load(Ordering::SeqCst) {
            for statement in statements {
                execute(&mut connection, statement).await;
            }
            rounds += 1;
        }
        rounds
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_keys_hold_while_a_writer_never_pauses() {
    let sql = "create table orders (id bigint generated always as identity primary key, at timestamptz default now());
               create table lines (id bigint generated always as identity primary key, of_order bigint not null references orders, n int);
               insert into orders select from generate_series(1, 20000);
               insert into lines (of_order, n) select id, 1 from orders";
    let house = House::new(Admin::Superuser, sql).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = without_pause(
        &house,
        &["begin; insert into orders default values; insert into lines (of_order, n) select max(id), 2 from orders; commit"],
        &stop,
    );
    for slug in ["w-1", "w-2", "w-3"] {
        let before = house.count(&house.main, "lines").await;
        house.build(slug, DataCloneMode::FullClone).await.unwrap();
        let database = house.target(slug).database;
        let (orders, lines) = (house.count(&database, "orders").await, house.count(&database, "lines").await);
        assert!(lines >= before && orders == lines, "{before} {orders} {lines}");
        assert_eq!(house.count(&database, "pg_constraint where contype = 'f' and convalidated").await, 1);
        let value: i64 = house.value(&database, "select last_value from orders_id_seq").await;
        assert!(value >= house.value::<i64>(&database, "select max(id) from orders").await);
    }
    stop.store(true, Ordering::SeqCst);
    assert!(writer.await.unwrap() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn truncates_and_rewrites_in_a_loop_never_lose_rows_of_the_snapshot() {
    // Each transaction leaves as many rows in `filled` as `marker` says.
    let sql = "create table filled (n int); create table marker (rows int); insert into marker values (0); create table turning (v int);
               insert into turning select generate_series(1, 1000)";
    let house = House::new(Admin::Superuser, sql).await;
    let stop = Arc::new(AtomicBool::new(false));
    let truncating = without_pause(
        &house,
        &["begin; truncate filled; insert into filled select generate_series(1, 1 + (random() * 500)::int);
           update marker set rows = (select count(*) from filled); commit"],
        &stop,
    );
    let altering = without_pause(
        &house,
        &["alter table turning alter v type bigint", "select pg_sleep(0.02)", "alter table turning alter v type int", "select pg_sleep(0.02)"],
        &stop,
    );
    let mut made = 0;
    for round in 0..10 {
        let slug = format!("t-{round}");
        match house.build(&slug, DataCloneMode::FullClone).await {
            Ok(_) => {
                let database = house.target(&slug).database;
                let said: i32 = house.value(&database, "select rows from marker").await;
                assert_eq!(house.count(&database, "filled").await, i64::from(said));
                assert_eq!(house.count(&database, "turning").await, 1000);
                made += 1;
            }
            Err(BuildError::Retryable { message, .. }) => eprintln!("{slug}: {message}"),
            Err(error) => panic!("{error}"),
        }
    }
    stop.store(true, Ordering::SeqCst);
    let rounds = (truncating.await.unwrap(), altering.await.unwrap());
    assert!(made >= 7, "{made} of 10 clones while {rounds:?} rounds went by");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_gives_way_to_a_statement_that_waits_for_it() {
    // Writing the rows takes longer than the statement will wait.
    let sql = "create function slow(int) returns boolean language sql as 'select true';
               create table t (n int check (slow(n))); insert into t select generate_series(1, 10000);
               create or replace function slow(int) returns boolean language plpgsql as $$ begin perform pg_sleep(0.1); return true; end $$";
    let house = House::new(Admin::Superuser, sql).await;
    let mut settings = house.settings.clone();
    settings.give_way_after = Duration::from_secs(1);
    let (builder, request) = (PgBranchBuilder::new(settings), house.request("polite", DataCloneMode::FullClone));
    let main = house.main.clone();
    let statement = tokio::spawn(async move {
        let mut connection = connect("postgres", cluster::PASSWORD, main.as_str()).await;
        let locked = "exists (select from pg_locks where relation = 't'::regclass and pid <> pg_backend_pid() and mode = 'AccessShareLock'
                              and pid in (select pid from pg_stat_activity where query like 'copy %'))";
        let wait = format!("do $$ begin while not {locked} loop perform pg_sleep(0.01), pg_stat_clear_snapshot(); end loop; end $$");
        execute(&mut connection, &wait).await;
        execute(&mut connection, "alter table t add later int").await;
    });
    let outcome = builder.build(&request, Arc::new(super::Quiet)).await;
    assert!(matches!(&outcome, Err(BuildError::Retryable { message, .. }) if message.contains("gave way")), "{outcome:?}");
    statement.await.unwrap();
    builder.drop_database(&request.target, Arc::new(Quiet)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_table_of_the_parent_is_told() {
    let house = House::new(Admin::Plain, "create table held (n int); create table fine (n int)").await;
    let mut session = house.look_into(&house.main).await;
    let prepare = format!("begin; alter table held add later int; prepare transaction 'of {}'", house.main);
    execute(&mut session, &prepare).await;
    let outcome = house.build("waits", DataCloneMode::FullClone).await;
    execute(&mut session, &format!("rollback prepared 'of {}'", house.main)).await;
    let Err(BuildError::Retryable { message, .. }) = outcome else { panic!("{outcome:?}") };
    let told = format!("public.held by the prepared transaction 'of {}', since ", house.main);
    assert!(message.contains(&told) && message.contains("ROLLBACK PREPARED"), "{message}");
    for untrue in ["keep changing", "query", "LOCK TABLE"] {
        assert!(!message.contains(untrue), "{message}");
    }
}
