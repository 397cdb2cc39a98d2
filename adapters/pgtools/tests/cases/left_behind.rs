//! What crashes leave, and what is nobody's to take away.

use super::{Admin, House, Quiet, StopAt, execute, refusal};
use async_trait::async_trait;
use domain::{DataCloneMode, OperationId, StepName};
use ports::driven::{BranchBuilder, BuildError, BuildProgress, TrialCopies, TrialSource};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use uuid::Uuid;

const SQL: &str = "create table t (id int primary key); insert into t select generate_series(1, 100)";

#[tokio::test(flavor = "multi_thread")]
async fn a_build_stopped_at_any_step_is_done_afresh_or_taken_away() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    let request = house.request("again", DataCloneMode::FullClone);
    for step in [StepName::CreateDatabase, StepName::CopyDefinitions, StepName::CopyRows, StepName::AddConstraints, StepName::Verify] {
        assert!(matches!(builder.build(&request, Arc::new(StopAt(step))).await, Err(BuildError::Stopped)), "{step}");
    }
    builder.build(&request, Arc::new(Quiet)).await.unwrap();
    assert_eq!(house.count(&request.target.database, "t").await, 100);
    assert!(matches!(builder.build(&request, Arc::new(StopAt(StepName::CopyRows))).await, Err(BuildError::Stopped)));
    builder.drop_database(&request.target, Arc::new(Quiet)).await.unwrap();
    builder.drop_database(&request.target, Arc::new(Quiet)).await.unwrap();
    builder.shut_out(&request.target).await.unwrap();
    assert_eq!(house.databases().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_a_crash_left_unmarked_is_the_branchs_to_drop() {
    let house = House::new(Admin::Superuser, SQL).await;
    let target = house.target("crash");
    // A crash between CREATE DATABASE and COMMENT leaves exactly this.
    let name = format!("fluxbase_build_{}_{}", &house.settings.instance.simple().to_string()[..8], target.branch_id.as_uuid().simple());
    let create = format!("create database {name} allow_connections false");
    execute(&mut house.look_into(&house.main).await, &create).await;
    house.build("crash", DataCloneMode::SchemaOnly).await.unwrap();
    assert_eq!(house.databases().await, [target.database.as_str()]);

    execute(&mut house.look_into(&house.main).await, &create).await;
    house.builder().drop_database(&target, Arc::new(Quiet)).await.unwrap();
    assert_eq!(house.databases().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_being_dropped_can_only_be_dropped() {
    let house = House::new(Admin::Plain, SQL).await;
    let (builder, target) = (house.builder(), house.target("halfway"));
    // A crash of PostgreSQL within DROP DATABASE leaves exactly this.
    let half_drop = format!("update pg_database set datconnlimit = -2 where datname = '{}'", target.database);
    house.build("halfway", DataCloneMode::SchemaOnly).await.unwrap();
    execute(&mut house.look_into(&house.main).await, &half_drop).await;
    assert_eq!(refusal(builder.admit(&target).await).0, "database_missing");
    builder.shut_out(&target).await.unwrap();
    builder.drop_database(&target, Arc::new(Quiet)).await.unwrap();
    assert_eq!(house.databases().await, [""; 0]);

    house.build("halfway", DataCloneMode::SchemaOnly).await.unwrap();
    execute(&mut house.look_into(&house.main).await, &half_drop).await;
    house.build("halfway", DataCloneMode::SchemaOnly).await.unwrap();
    assert_eq!(house.databases().await, [target.database.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_database_of_the_same_name_is_never_touched() {
    let house = House::new(Admin::Superuser, SQL).await;
    let (builder, target) = (house.builder(), house.target("taken"));
    let own = target.database.as_str();
    execute(&mut house.look_into(&house.main).await, &format!("create database {own}")).await;
    let other_branch =
        r#"{"fluxbase":{"instance":"00000000-0000-0000-0000-000000000001","branch":"00000000-0000-0000-0000-000000000002","generation":1}}"#;
    for comment in ["", "production", other_branch] {
        execute(&mut house.look_into(&house.main).await, &format!("comment on database {own} is '{comment}'")).await;
        assert_eq!(refusal(house.build("taken", DataCloneMode::SchemaOnly).await).0, "database_not_ours");
        assert_eq!(refusal(builder.drop_database(&target, Arc::new(Quiet)).await).0, "database_not_ours");
        assert_eq!(refusal(builder.shut_out(&target).await).0, "database_not_ours");
        assert_eq!(refusal(builder.admit(&target).await).0, "database_not_ours");
        assert_eq!(house.databases().await, [own]);
    }
    let main = ports::driven::DatabaseTag { database: house.main.clone(), ..target };
    assert_eq!(refusal(builder.drop_database(&main, Arc::new(Quiet)).await).0, "not_a_branch_database");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_blocks_a_drop_is_named() {
    let house = House::new(Admin::Superuser, SQL).await;
    house.build("held", DataCloneMode::FullClone).await.unwrap();
    let target = house.target("held");
    let mut connection = house.look_into(&target.database).await;
    execute(&mut connection, "begin; insert into t values (0); prepare transaction 'left over'").await;
    let (code, message) = refusal(house.builder().drop_database(&target, Arc::new(Quiet)).await);
    assert!(code == "database_in_use" && message.contains("prepared transaction"), "{message}");
    let mut connection = house.look_into(&target.database).await;
    execute(&mut connection, "rollback prepared 'left over'").await;
    house.builder().drop_database(&target, Arc::new(Quiet)).await.unwrap();
    assert_eq!(house.databases().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_are_never_at_one_branch() {
    let house = House::new(Admin::Superuser, SQL).await;
    let (first, second) = (house.builder(), house.builder());
    let request = house.request("both", DataCloneMode::FullClone);
    let (one, other) = tokio::join!(first.build(&request, Arc::new(Quiet)), second.build(&request, Arc::new(Quiet)));
    assert_eq!((one.unwrap().rows, other.unwrap().rows), (100, 100));
    assert_eq!(house.count(&request.target.database, "t").await, 100);
}

/// A worker that was frozen, and another has its operation by now.
struct TakenOver;

#[async_trait]
impl BuildProgress for TakenOver {
    async fn step(&self, _: StepName) -> Result<(), BuildError> {
        Err(BuildError::Stopped)
    }

    async fn advance(&self, _: u64, _: u64, _: &'static str) -> Result<(), BuildError> {
        Err(BuildError::Stopped)
    }

    async fn still_mine(&self) -> Result<(), BuildError> {
        Err(BuildError::Stopped)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_taken_over_takes_nothing_of_the_successors_away() {
    let house = House::new(Admin::Superuser, SQL).await;
    let (builder, request) = (house.builder(), house.request("late", DataCloneMode::FullClone));
    builder.build(&request, Arc::new(Quiet)).await.unwrap();
    let operation = OperationId::from_uuid(Uuid::from_u128(0x1a7e));
    let source = TrialSource { database: house.main.clone(), is_main: true, rows: true };
    let trial = builder.copy(operation, &source, Arc::new(Quiet)).await.unwrap();
    let stopped = [
        builder.build(&request, Arc::new(TakenOver)).await.map(drop),
        builder.drop_database(&request.target, Arc::new(TakenOver)).await,
        builder.copy(operation, &source, Arc::new(TakenOver)).await.map(drop),
        builder.discard(operation, Arc::new(TakenOver)).await,
    ];
    assert!(stopped.iter().all(|outcome| matches!(outcome, Err(BuildError::Stopped))), "{stopped:?}");
    assert_eq!((house.count(&request.target.database, "t").await, house.count(&trial, "t").await), (100, 100));
    // What it held is let go.
    builder.discard(operation, Arc::new(Quiet)).await.unwrap();
    builder.drop_database(&request.target, Arc::new(Quiet)).await.unwrap();
    assert_eq!(house.databases().await, [""; 0]);
}

/// Stops in the middle of a step.
struct StopWithin(StepName, Mutex<Option<StepName>>);

#[async_trait]
impl BuildProgress for StopWithin {
    async fn step(&self, step: StepName) -> Result<(), BuildError> {
        *self.1.lock().unwrap() = Some(step);
        Ok(())
    }

    async fn advance(&self, _: u64, _: u64, _: &'static str) -> Result<(), BuildError> {
        if *self.1.lock().unwrap() == Some(self.0) { Err(BuildError::Stopped) } else { Ok(()) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_heard_in_the_middle_of_a_step() {
    // The index takes far longer than anybody would wait.
    let sql = "create function slow(int) returns int language plpgsql immutable as $$ begin perform pg_sleep(0.1); return $1; end $$;
               create table t (id int); create index on t (slow(id)); alter table t disable trigger all;
               create or replace function slow(int) returns int language sql immutable as 'select $1';
               insert into t select generate_series(1, 10000);
               create or replace function slow(int) returns int language plpgsql immutable as $$ begin perform pg_sleep(0.1); return $1; end $$";
    let house = House::new(Admin::Superuser, sql).await;
    for step in [StepName::CopyDefinitions, StepName::CopyRows, StepName::AddConstraints] {
        let progress = Arc::new(StopWithin(step, Mutex::new(None)));
        let request = house.request("halt", DataCloneMode::FullClone);
        let outcome = tokio::time::timeout(Duration::from_mins(1), house.builder().build(&request, progress)).await;
        assert!(matches!(outcome, Ok(Err(BuildError::Stopped))), "{step}: {outcome:?}");
    }
    house.builder().drop_database(&house.target("halt"), Arc::new(Quiet)).await.unwrap();
    assert_eq!(house.databases().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_abandoned_at_any_moment_leaves_nothing_that_is_not_taken_away() {
    let house = House::new(Admin::Superuser, SQL).await;
    let builder = house.builder();
    let mut done = 0;
    for round in 0..16_u64 {
        let request = house.request("gone", DataCloneMode::FullClone);
        let build = builder.build(&request, Arc::new(Quiet));
        done += u32::from(tokio::time::timeout(Duration::from_millis(20 + round * 90), build).await.is_ok());
        if round % 3 == 2 {
            builder.drop_database(&request.target, Arc::new(Quiet)).await.unwrap();
            assert_eq!(house.databases().await, [""; 0], "round {round}");
        }
    }
    assert!(done < 16);
    house.build("gone", DataCloneMode::FullClone).await.unwrap();
    assert_eq!(house.count(&house.target("gone").database, "t").await, 100);
}
