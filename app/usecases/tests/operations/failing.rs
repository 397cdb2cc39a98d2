//! Steps that fail, once and for good.

use crate::world::{GRACE, PEOPLES_TIME, World};
use domain::{
    BranchId, DataCloneMode, Generation, Operation, OperationId, OperationKind, StepName,
    branch::{DatabaseName, Status},
    operation::Progress,
};
use memory::Failing;
use ports::driven::{BuildError, ControlPlane, DatabaseTag};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

const BUILD: [StepName; 6] =
    [StepName::CreateDatabase, StepName::CopyDefinitions, StepName::CopyRows, StepName::AddConstraints, StepName::Verify, StepName::Admit];

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_once_is_made_up_for() {
    for step in BUILD {
        let mut world = World::new().await;
        world.builder.fail(step, Failing::Once);
        world.ready("x").await;
        world.check().await;
        world.builder.fail(step, Failing::Once);
        let reset = world.reset("x").await.unwrap();
        world.settled().await;
        assert_eq!(world.operation(reset.id).await.status, Progress::Succeeded, "{step}");
        assert_eq!(world.branch("x").await.unwrap().state.serving(), Generation::new(2));
        world.check().await;
    }
    for step in [StepName::ShutOut, StepName::DropDatabase] {
        let mut world = World::new().await;
        world.ready("x").await;
        world.builder.fail(step, Failing::Once);
        world.delete("x").await.unwrap();
        world.settled().await;
        assert!(world.databases().is_empty() && world.branch("x").await.is_none(), "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_build_that_fails_for_good_leaves_nothing_but_the_reason() {
    for step in BUILD {
        let mut world = World::new().await;
        world.builder.fail(step, Failing::ForGood);
        let create = world.create("x", DataCloneMode::SchemaOnly, None).await.unwrap();
        world.settled().await;
        assert_eq!(world.operation(create.id).await.error.unwrap().code, "told_to_fail");
        assert_eq!(world.branch("x").await.unwrap().state.status(), Status::Error);
        assert!(world.databases().is_empty(), "{step}");
        world.check().await;

        // What was never built may be built again, or be deleted.
        world.builder.heal();
        world.reset("x").await.unwrap();
        world.settled().await;
        assert_eq!(world.branch("x").await.unwrap().state.serving(), Generation::new(2));

        // A reset that fails leaves what serves.
        world.builder.fail(step, Failing::ForGood);
        world.reset("x").await.unwrap();
        world.settled().await;
        let branch = world.branch("x").await.unwrap();
        assert_eq!((branch.state.status(), branch.state.serving()), (Status::Error, Generation::new(2)));
        world.check().await;
        world.builder.heal();
        world.delete("x").await.unwrap();
        world.settled().await;
        assert!(world.databases().is_empty());
    }
}

/// What another instance on the same server, or a person, called like one of `x`'s generations.
fn somebody_elses(number: u32) -> DatabaseTag {
    let database = DatabaseName::existing(format!("b_x_g{number}"));
    DatabaseTag { database, branch_id: BranchId::from_uuid(Uuid::from_u128(7)), generation: Generation::new(number).unwrap() }
}

#[tokio::test(start_paused = true)]
async fn where_somebody_elses_database_has_the_name_the_operation_ends_and_the_database_stays() {
    let mut world = World::new().await;
    world.builder.place(somebody_elses(1));
    let create = world.create("x", DataCloneMode::SchemaOnly, None).await.unwrap();
    world.settled().await;
    let operation = world.operation(create.id).await;
    assert_eq!((operation.status, operation.error.unwrap().code.as_str()), (Progress::Failed, BuildError::NOT_OURS));
    assert_eq!(world.branch("x").await.unwrap().state.status(), Status::Error);

    // The next generation has another name.
    world.reset("x").await.unwrap();
    world.settled().await;
    assert_eq!(world.branch("x").await.unwrap().state.serving(), Generation::new(2));
    world.builder.place(somebody_elses(3));
    let reset = world.reset("x").await.unwrap();
    world.settled().await;
    assert_eq!(world.operation(reset.id).await.status, Progress::Failed);
    assert_eq!(world.branch("x").await.unwrap().state.serving(), Generation::new(2));

    world.delete("x").await.unwrap();
    world.settled().await;
    assert_eq!(world.databases().into_iter().collect::<Vec<_>>(), ["b_x_g1", "b_x_g3"]);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_keeps_failing_is_given_up_after_some_tries() {
    let mut world = World::new().await;
    for _ in 0..3 {
        world.builder.fail(StepName::CopyRows, Failing::Once);
    }
    let create = world.create("x", DataCloneMode::SchemaOnly, None).await.unwrap();
    world.settled().await;
    let operation = world.operation(create.id).await;
    assert_eq!((operation.status, operation.error.unwrap().code.as_str()), (Progress::Failed, "build_failed"));
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_cannot_be_done_leaves_what_serves_and_closes_what_it_opened() {
    let mut world = World::new().await;
    world.ready("x").await;
    world.reset("x").await.unwrap();
    world.settled().await;
    world.builder.fail(StepName::Admit, Failing::ForGood);
    let undo = world.undo("x").await.unwrap();
    world.settled().await;
    assert_eq!(world.operation(undo.id).await.status, Progress::Failed);
    let branch = world.branch("x").await.unwrap();
    assert_eq!((branch.state.status(), branch.state.serving()), (Status::Ready, Generation::new(2)));
    assert!(world.are_people_in("b_x_g2"), "an attempt may have seen them off");
    world.builder.heal();
    sleep(GRACE * 2).await;
    assert!(!world.is_open("b_x_g1"));
    world.undo("x").await.unwrap();
    world.settled().await;
    assert_eq!(world.branch("x").await.unwrap().state.serving(), Some(Generation::FIRST));
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_cannot_be_done_is_tried_until_it_can() {
    let mut world = World::new().await;
    world.ready("x").await;
    world.builder.fail(StepName::DropDatabase, Failing::ForGood);
    let delete = world.delete("x").await.unwrap();
    sleep(std::time::Duration::from_mins(5)).await;
    let operation = world.operation(delete.id).await;
    assert_eq!((operation.status, operation.error.unwrap().code.as_str()), (Progress::Running, "told_to_fail"), "people see why");
    assert_eq!(world.cancel(delete.id).await.unwrap_err().code(), "too_late");
    world.builder.heal();
    world.settled().await;
    let operation = world.operation(delete.id).await;
    assert_eq!((operation.status, operation.error), (Progress::Succeeded, None));
    assert!(world.databases().is_empty());
}

/// There is one worker, and it is at a file that takes hours.
#[tokio::test(start_paused = true)]
async fn what_people_wrote_holds_up_nobodys_branches_and_ends_when_its_time_is_up() {
    let mut world = World::new().await;
    world.ready("x").await;
    for dry_run in [true, false] {
        let migrate = world.migrate("x", &[("1_a.sql", "wait long")], dry_run).await.unwrap();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(world.operation(migrate.id).await.status, Progress::Running);
        world.create("y", DataCloneMode::SchemaOnly, None).await.unwrap();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(world.branch("y").await.unwrap().state.status(), Status::Ready);
        world.delete("y").await.unwrap();
        sleep(Duration::from_secs(10)).await;
        assert!(world.branch("y").await.is_none());

        sleep(PEOPLES_TIME).await;
        let ended = world.operation(migrate.id).await;
        assert_eq!((ended.status, ended.error.unwrap().code.as_str()), (Progress::Failed, "operation_timeout"));
        assert_eq!(world.branch("x").await.unwrap().state.status(), Status::Ready);
        world.check().await;
    }
    // Administrators know what they do in main.
    let migrate = world.migrate("main", &[("1_a.sql", "wait long")], false).await.unwrap();
    sleep(PEOPLES_TIME * 3).await;
    assert_eq!(world.operation(migrate.id).await.status, Progress::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn what_was_sown_is_told_however_it_ends() {
    let lines = async |world: &World| -> Vec<String> {
        let lines = world.history(&world.branch("x").await.unwrap()).await;
        lines.into_iter().map(|line| line.action).filter(|action| action.contains("seed") || action == "cancelled").collect()
    };
    let mut world = World::new().await;
    world.ready("x").await;
    let failed = world.seed("x", Some("1_users.sql bad.sql")).await.unwrap();
    world.settled().await;
    assert_eq!(lines(&world).await, ["seed_requested", "seeded", "seed_failed"]);
    let result = world.operation(failed.id).await.result.unwrap();
    assert!(result.contains("\"name\":\"1_users.sql\"") && result.contains("\"unchanged\":false"), "{result}");

    // The worker that sowed it is gone, and the one that went on finds it as it was.
    for called_off in [false, true] {
        let mut world = World::new().await;
        world.ready("x").await;
        let seed = world.seed("x", Some("1_users.sql wait.sql")).await.unwrap();
        sleep(Duration::from_secs(20)).await;
        world.restart().await;
        sleep(Duration::from_mins(1)).await;
        if called_off {
            world.cancel(seed.id).await.unwrap();
        } else {
            sleep(Duration::from_hours(1)).await;
        }
        world.settled().await;
        if called_off {
            assert_eq!(lines(&world).await, ["seed_requested", "seeded", "cancelled"]);
        } else {
            assert_eq!(lines(&world).await, ["seed_requested", "seeded", "seeded"]);
            assert!(!world.operation(seed.id).await.result.unwrap().contains("\"unchanged\":true"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_that_fails_says_that_the_migration_did_and_keeps_what_was_seen() {
    let mut world = World::new().await;
    world.ready("x").await;
    let tried = world.migrate("x", &[("1_a.sql", "select 1"), ("2_b.sql", "fail")], true).await.unwrap();
    world.settled().await;
    let tried = world.operation(tried.id).await;
    assert_eq!((tried.status, tried.error.unwrap().file.as_deref()), (Progress::Failed, Some("2_b.sql")));
    let status = |name| tried.steps.iter().find(|step| step.name == name).unwrap().status;
    assert_eq!(status(StepName::Migrate), Progress::Failed);
    assert_ne!(status(StepName::DropTrial), Progress::Failed, "{:?}", tried.steps);
    let result: serde_json::Value = serde_json::from_str(&tried.result.unwrap()).unwrap();
    assert_eq!((&result["files"][0]["name"], &result["copy"]["rows"]), (&"1_a.sql".into(), &true.into()), "{result}");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_waits_for_what_another_version_is_at_on_the_branch() {
    let mut world = World::new().await;
    let branch = world.ready("x").await;
    let id = OperationId::from_uuid(Uuid::from_u128(0xdead));
    let mut discard = Operation::queued(id, OperationKind::DiscardGeneration, branch.id, branch.created_at);
    discard.input.generation = Generation::new(7);
    world.control_plane.cannot_read(id);
    let mut work = world.control_plane.begin().await.unwrap();
    work.operations().insert(&discard).await.unwrap();
    work.commit().await.unwrap();

    let delete = world.delete("x").await.unwrap();
    sleep(Duration::from_mins(10)).await;
    assert!(world.operation(delete.id).await.finished_at.is_none(), "nobody can tell what else has to be dropped");
    assert!(world.is_open("b_x_g1"));
    world.control_plane.can_read_all();
    world.settled().await;
    assert_eq!(world.operation(delete.id).await.status, Progress::Succeeded);
    assert!(world.databases().is_empty());
}
