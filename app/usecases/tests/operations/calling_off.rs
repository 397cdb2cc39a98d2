//! Operations that are called off.

use crate::world::World;
use domain::{DataCloneMode, Generation, StepName, branch::Status, operation::Progress};
use memory::Failing;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_create_that_waits_to_be_tried_again_is_called_off_and_nothing_is_left() {
    let mut world = World::new().await;
    world.builder.fail(StepName::Verify, Failing::Once);
    let create = world.create("x", DataCloneMode::SchemaOnly, None).await.unwrap();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(world.databases().len(), 1, "half built");
    assert!(world.cancel(create.id).await.unwrap().cancel_requested);
    world.settled().await;
    assert_eq!(world.operation(create.id).await.status, Progress::Cancelled);
    assert!(world.branch("x").await.is_none() && world.databases().is_empty());
    assert_eq!(world.cancel(create.id).await.unwrap().status, Progress::Cancelled, "a second time is no error");
    world.ready("x").await;
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_and_an_undo_that_are_called_off_leave_what_served() {
    let mut world = World::new().await;
    world.ready("x").await;
    world.builder.fail(StepName::CopyRows, Failing::Once);
    let reset = world.reset("x").await.unwrap();
    sleep(Duration::from_millis(500)).await;
    world.cancel(reset.id).await.unwrap();
    world.settled().await;
    assert_eq!(world.operation(reset.id).await.status, Progress::Cancelled);
    let branch = world.branch("x").await.unwrap();
    assert_eq!((branch.state.status(), branch.state.serving()), (Status::Ready, Some(Generation::FIRST)));
    assert!(world.are_people_in("b_x_g1"), "an attempt may have seen them off");
    world.check().await;

    world.reset("x").await.unwrap();
    world.settled().await;
    world.builder.fail(StepName::Admit, Failing::Once);
    let undo = world.undo("x").await.unwrap();
    sleep(Duration::from_millis(500)).await;
    world.cancel(undo.id).await.unwrap();
    world.settled().await;
    assert_eq!(world.operation(undo.id).await.status, Progress::Cancelled);
    assert_eq!(world.branch("x").await.unwrap().state.serving(), Generation::new(3));
    assert!(world.are_people_in("b_x_g3"));
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_runs_is_called_off_within_seconds_and_keeps_what_was_wrong_before() {
    let mut world = World::new().await;
    world.ready("x").await;
    world.migrate("x", &[("1_a.sql", "fail")], false).await.unwrap();
    world.settled().await;
    for dry_run in [false, true] {
        let migrate = world.migrate("x", &[("1_a.sql", "wait")], dry_run).await.unwrap();
        sleep(Duration::from_secs(20)).await;
        assert_eq!(world.operation(migrate.id).await.status, Progress::Running);
        world.cancel(migrate.id).await.unwrap();
        sleep(Duration::from_secs(3)).await;
        assert_eq!(world.operation(migrate.id).await.status, Progress::Cancelled);
        let branch = world.branch("x").await.unwrap();
        assert_eq!((branch.state.status(), branch.state.error()), (Status::Error, Some("1_a.sql, line 1: syntax error")));
        world.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_applied_before_a_migration_was_called_off_is_history_and_marked() {
    let mut world = World::new().await;
    let branch = world.ready("x").await;
    world.migrate("x", &[("1_a.sql", "select 1")], false).await.unwrap();
    world.settled().await;
    let files = [("1_a.sql", "select 1"), ("2_b.sql", "select 2"), ("3_c.sql", "wait"), ("4_d.sql", "select 4")];
    let migrate = world.migrate("x", &files, false).await.unwrap();
    sleep(Duration::from_secs(20)).await;
    world.cancel(migrate.id).await.unwrap();
    world.settled().await;
    assert_eq!(world.operation(migrate.id).await.status, Progress::Cancelled);
    assert_eq!(world.migrations(&branch).await, [(1, "applied"), (2, "applied")]);
    assert_eq!(*world.ledgers.1.lock().unwrap(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_has_switched_is_too_late_to_be_called_off() {
    let mut world = World::new().await;
    let create = world.create("x", DataCloneMode::SchemaOnly, None).await.unwrap();
    world.settled().await;
    assert_eq!(world.cancel(create.id).await.unwrap_err().code(), "too_late");
}
