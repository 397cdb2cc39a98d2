//! What branches go through when nothing goes wrong.

use crate::world::{GRACE, KEPT, World};
use domain::{DataCloneMode, Generation, StepName, branch::Status, operation::Progress};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_reset_switches_keeps_closes_and_discards_what_it_replaced() {
    let mut world = World::new().await;
    world.ready("x").await;
    world.let_people_into("b_x_g1");
    world.reset("x").await.unwrap();
    world.settled().await;
    let branch = world.branch("x").await.unwrap();
    assert_eq!(branch.state.serving(), Generation::new(2));
    assert!(world.is_open("b_x_g1") && world.is_open("b_x_g2"), "requests that began before end on the old one");
    assert!(world.are_people_in("b_x_g2") && !world.are_people_in("b_x_g1"), "people's tools go where requests go, at once");
    assert_eq!(world.open.0.lock().unwrap()[0].database.as_str(), "b_x_g2", "the first requests wait for no connection");
    sleep(GRACE + Duration::from_secs(5)).await;
    assert!(!world.is_open("b_x_g1") && world.is_open("b_x_g2"));
    assert_eq!(world.databases().len(), 2, "it is kept");
    world.check().await;
    sleep(KEPT).await;
    assert_eq!(world.databases().into_iter().collect::<Vec<_>>(), ["b_x_g2"]);
    assert_eq!(world.undo("x").await.unwrap_err().code(), "nothing_to_undo");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_brings_back_what_was_closed_and_a_second_one_is_refused() {
    let mut world = World::new().await;
    world.ready("x").await;
    world.reset("x").await.unwrap();
    world.settled().await;
    sleep(KEPT / 2).await;
    let undo = world.undo("x").await.unwrap();
    world.settled().await;
    assert_eq!(world.operation(undo.id).await.status, Progress::Succeeded);
    let branch = world.branch("x").await.unwrap();
    assert_eq!((branch.state.status(), branch.state.serving()), (Status::Ready, Some(Generation::FIRST)));
    assert!(world.is_open("b_x_g1") && world.is_open("b_x_g2"), "requests that began before end on what was undone");
    assert_eq!(world.undo("x").await.unwrap_err().code(), "nothing_to_undo");
    sleep(GRACE + Duration::from_secs(5)).await;
    assert_eq!(world.databases().into_iter().collect::<Vec<_>>(), ["b_x_g1"]);
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn there_is_one_step_back() {
    let mut world = World::new().await;
    world.ready("x").await;
    for _ in 0..3 {
        world.reset("x").await.unwrap();
        world.settled().await;
    }
    world.check().await;
    sleep(GRACE * 2).await;
    assert_eq!(world.databases().into_iter().collect::<Vec<_>>(), ["b_x_g3", "b_x_g4"]);
    world.undo("x").await.unwrap();
    world.settled().await;
    assert_eq!(world.branch("x").await.unwrap().state.serving(), Generation::new(3));
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_takes_all_generations_and_the_slug_is_free() {
    let mut world = World::new().await;
    world.ready("x").await;
    for _ in 0..2 {
        world.reset("x").await.unwrap();
        world.settled().await;
    }
    assert_eq!(world.databases().len(), 3, "one serves, one is kept, one is about to go");
    world.delete("x").await.unwrap();
    assert_eq!(world.delete("x").await.unwrap_err().code(), "operation_running");
    world.settled().await;
    assert!(world.databases().is_empty() && world.branch("x").await.is_none());
    world.ready("x").await;
    assert_eq!(world.databases().into_iter().collect::<Vec<_>>(), ["b_x_g4"], "names never come twice");
    sleep(GRACE * 2).await;
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn seeds_are_sown_before_anybody_is_let_in_and_again_after_a_reset() {
    let mut world = World::new().await;
    let create = world.create("x", DataCloneMode::SeedData, Some("2_more.sql")).await.unwrap();
    world.settled().await;
    let steps: Vec<_> = world.operation(create.id).await.steps.iter().map(|step| (step.name, step.status)).collect();
    assert!(steps.contains(&(StepName::Seed, Progress::Succeeded)) && steps.iter().all(|(_, status)| *status == Progress::Succeeded), "{steps:?}");
    world.reset("x").await.unwrap();
    world.settled().await;
    assert_eq!(*world.seeds.0.lock().unwrap(), ["b_x_g1/2_more.sql", "b_x_g2/2_more.sql"], "what was chosen is kept");
    let lines = world.history(&world.branch("x").await.unwrap()).await;
    assert!(lines.iter().any(|line| line.action == "seeded" && line.detail.as_deref() == Some("2_more.sql: 2 rows in 0 ms")), "{lines:?}");
    let bad = world.create("y", DataCloneMode::SeedData, Some("bad.sql")).await.unwrap();
    world.settled().await;
    let error = world.operation(bad.id).await.error.unwrap();
    assert_eq!((error.file.as_deref(), error.line), (Some("bad.sql"), Some(3)));
    assert_eq!(world.branch("y").await.unwrap().state.status(), Status::Error);
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn seeds_are_run_again_where_they_are_new_and_leave_the_branch_what_it_was() {
    let mut world = World::new().await;
    let branch = world.ready("x").await;
    world.migrate("x", &[("1_a.sql", "fail")], false).await.unwrap();
    world.settled().await;
    for (unchanged, lines) in [(false, 1), (true, 1)] {
        let seed = world.seed("x", None).await.unwrap();
        assert_eq!(world.reset("x").await.unwrap_err().code(), "operation_running");
        world.settled().await;
        let operation = world.operation(seed.id).await;
        assert_eq!(operation.status, Progress::Succeeded, "{:?}", operation.error);
        assert!(operation.result.unwrap().contains(&format!("\"unchanged\":{unchanged}")));
        assert_eq!(world.history(&branch).await.iter().filter(|line| line.action == "seeded").count(), lines);
    }
    let bad = world.seed("x", Some("bad.sql")).await.unwrap();
    world.settled().await;
    let error = world.operation(bad.id).await.error.unwrap();
    assert_eq!((error.file.as_deref(), error.line), (Some("bad.sql"), Some(3)));
    let branch = world.branch("x").await.unwrap();
    assert_eq!((branch.state.status(), branch.state.error()), (Status::Error, Some("1_a.sql, line 1: syntax error")), "as it was before");
    assert_eq!(world.seed("main", None).await.unwrap_err().code(), "main_branch");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_migration_is_told_and_the_next_one_mends_it() {
    let mut world = World::new().await;
    world.ready("x").await;
    let files = [("1_a.sql", "select 1"), ("2_b.sql", "fail")];
    let failed = world.migrate("x", &files, false).await.unwrap();
    assert_eq!(world.reset("x").await.unwrap_err().code(), "operation_running");
    world.settled().await;
    let operation = world.operation(failed.id).await;
    let error = operation.error.unwrap();
    assert_eq!((operation.status, error.file.as_deref(), error.sqlstate.as_deref()), (Progress::Failed, Some("2_b.sql"), Some("42601")));
    assert!(operation.result.unwrap().contains("1_a.sql"));
    let branch = world.branch("x").await.unwrap();
    assert_eq!((branch.state.status(), branch.state.serving()), (Status::Error, Some(Generation::FIRST)), "it serves on");
    world.check().await;

    // A dry run of what would mend it changes nothing.
    let mended = [("1_a.sql", "select 1"), ("2_b.sql", "select 2")];
    let tried = world.migrate("x", &mended, true).await.unwrap();
    world.settled().await;
    let tried = world.operation(tried.id).await;
    assert_eq!(tried.status, Progress::Succeeded, "{:?}", tried.error);
    let result = tried.result.unwrap();
    assert!(result.contains("\"diff\"") && result.contains(r#""copy":{"rows":true}"#), "{result}");
    assert_eq!(world.branch("x").await.unwrap().state.status(), Status::Error);
    world.check().await;

    world.migrate("x", &mended, false).await.unwrap();
    world.settled().await;
    assert_eq!(world.branch("x").await.unwrap().state.status(), Status::Ready);
    let page = domain::page::PageRequest { limit: 9, cursor: None };
    let mut work = ports::driven::ControlPlane::begin(&world.control_plane).await.unwrap();
    let history = work.migrations().list(branch.id, &page).await.unwrap().items;
    assert_eq!(
        history.iter().map(|line| (line.name.as_str(), line.outcome.as_str())).collect::<Vec<_>>(),
        [("2_b.sql", "applied"), ("2_b.sql", "failed"), ("1_a.sql", "applied")]
    );
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_the_way_of_migrating_leaves_the_branch_as_it_was() {
    let mut world = World::new().await;
    world.ready("x").await;
    world.migrate("x", &[("2_b.sql", "select 2")], false).await.unwrap();
    world.settled().await;
    let refused = world.migrate("x", &[("1_a.sql", "select 1"), ("2_b.sql", "select 2")], false).await.unwrap();
    world.settled().await;
    let operation = world.operation(refused.id).await;
    assert_eq!((operation.status, operation.error.unwrap().code.as_str()), (Progress::Failed, "migration_out_of_order"));
    assert_eq!(world.branch("x").await.unwrap().state.status(), Status::Ready);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_rows_from_a_copy_keeps_no_dry_run_from_it() {
    let mut world = World::new().await;
    world.ready("x").await;
    *world.trials.1.lock().unwrap() = Some("a column of a new table is not classified");
    let tried = world.migrate("x", &[("1_a.sql", "select 1")], true).await.unwrap();
    world.settled().await;
    let tried = world.operation(tried.id).await;
    assert_eq!(tried.status, Progress::Succeeded, "{:?}", tried.error);
    let result = tried.result.unwrap();
    assert!(result.contains(r#""copy":{"rows":false,"reason":"a column of a new table is not classified"}"#), "{result}");
    world.check().await;
}
