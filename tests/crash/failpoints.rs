//! The server aborts before and after each effect of create and of delete: whoever starts next carries the work on to its end.

use crate::world::{ORCHARD, PATIENCE, World};
use domain::OperationKind;
use fluxbase_tests::eventually;
use std::{
    os::unix::process::ExitStatusExt,
    time::{Duration, Instant},
};

/// An operation that a dead server held is taken over at once: nobody waits for its lease of 15 seconds.
const TAKEN_OVER: Duration = Duration::from_secs(12);

macro_rules! crashes {
    ($($name:ident: $kind:ident at $place:literal;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $kind($place).await;
            }
        )*

        #[test]
        fn every_step_crashes_before_and_after_its_effect() {
            let named = [$((stringify!($kind), $place)),*];
            let steps = [("create", OperationKind::CreateBranch), ("delete", OperationKind::DeleteBranch)];
            let expected = steps.iter().flat_map(|(kind, operation)| {
                operation.steps().iter().flat_map(move |step| ["before", "after"].map(|when| (*kind, format!("{step}.{when}"))))
            });
            assert_eq!(named.map(|(kind, place)| (kind, place.to_owned())).to_vec(), expected.collect::<Vec<_>>());
        }
    };
}

crashes! {
    create_survives_a_crash_before_create_database: create at "create_database.before";
    create_survives_a_crash_after_create_database: create at "create_database.after";
    create_survives_a_crash_before_copy_definitions: create at "copy_definitions.before";
    create_survives_a_crash_after_copy_definitions: create at "copy_definitions.after";
    create_survives_a_crash_before_copy_rows: create at "copy_rows.before";
    create_survives_a_crash_after_copy_rows: create at "copy_rows.after";
    create_survives_a_crash_before_add_constraints: create at "add_constraints.before";
    create_survives_a_crash_after_add_constraints: create at "add_constraints.after";
    create_survives_a_crash_before_verify: create at "verify.before";
    create_survives_a_crash_after_verify: create at "verify.after";
    create_survives_a_crash_before_admit: create at "admit.before";
    create_survives_a_crash_after_admit: create at "admit.after";
    create_survives_a_crash_before_switch: create at "switch.before";
    create_survives_a_crash_after_switch: create at "switch.after";
    delete_survives_a_crash_before_shut_out: delete at "shut_out.before";
    delete_survives_a_crash_after_shut_out: delete at "shut_out.after";
    delete_survives_a_crash_before_drop_database: delete at "drop_database.before";
    delete_survives_a_crash_after_drop_database: delete at "drop_database.after";
    delete_survives_a_crash_before_forget: delete at "forget.before";
    delete_survives_a_crash_after_forget: delete at "forget.after";
}

async fn create(place: &str) {
    let mut world = crashing_at(place).await;
    world.create("victim").await;
    crash(&mut world).await;
    let begun = Instant::now();
    world.ready("victim").await;
    assert!(begun.elapsed() < TAKEN_OVER, "it took {:?}", begun.elapsed());
    world.is_whole("victim").await;
    assert_eq!(world.databases().await, world.databases_of(&[("victim", 1)]));
    world.end().await;
}

async fn delete(place: &str) {
    let mut world = crashing_at(place).await;
    world.create("victim").await;
    world.ready("victim").await;
    // Somebody is connected: the branch's pools are open.
    world.is_whole("victim").await;
    world.delete("victim").await;
    crash(&mut world).await;
    let begun = Instant::now();
    world.gone("victim").await;
    assert!(begun.elapsed() < TAKEN_OVER, "it took {:?}", begun.elapsed());
    assert_eq!(world.databases().await, world.databases_of(&[]));
    // The slug is free, and the name of the old database is not used again.
    world.create("victim").await;
    world.ready("victim").await;
    assert_eq!(world.databases().await, world.databases_of(&[("victim", 2)]));
    world.end().await;
}

async fn crashing_at(place: &str) -> World {
    World::on_shared_cluster(ORCHARD, |settings| settings.variable("FLUXBASE_FAILPOINT", place)).await
}

async fn crash(world: &mut World) {
    let healthy = format!("{}/healthz", world.server.url());
    eventually("the server aborts", PATIENCE, async || world.server.http().get(&healthy).send().await.is_err()).await;
    let status = world.server.ended().await;
    assert_eq!(status.signal(), Some(nix::libc::SIGABRT), "{status}");
    world.restart().await;
}
