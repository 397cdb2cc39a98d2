//! Workers that end at any place: the next one carries on to the end.

use crate::world::{GRACE, World};
use domain::{DataCloneMode, Generation, Operation, branch::Status, operation::Progress};
use std::time::Duration;
use tokio::time::sleep;

/// Does something to a world in which `x` is ready, with a crash at each place in turn, until there are no more places.
async fn at_every_place(prepare: impl AsyncFn(&mut World), begin: impl AsyncFn(&World) -> Operation, holds: impl AsyncFn(&World, &Operation)) {
    for place in 1.. {
        let mut world = World::new().await;
        prepare(&mut world).await;
        let before = world.crash.reached();
        world.crash.after(place);
        let operation = begin(&world).await;
        world.settled().await;
        let crashed = world.crash.reached() - before >= place;
        assert_eq!(world.operation(operation.id).await.status, Progress::Succeeded, "crash at place {place}");
        holds(&world, &operation).await;
        world.check().await;
        sleep(GRACE * 2).await;
        world.check().await;
        if !crashed {
            assert!(place > 2, "there are places to crash at");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_survives() {
    at_every_place(
        async |_| {},
        async |world| world.create("x", DataCloneMode::SeedData, None).await.unwrap(),
        async |world, _| assert_eq!(world.databases().into_iter().collect::<Vec<_>>(), ["b_x_g1"]),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_survives() {
    at_every_place(
        async |world| {
            world.ready("x").await;
            world.let_people_into("b_x_g1");
        },
        async |world| world.reset("x").await.unwrap(),
        async |world, _| {
            assert_eq!(world.branch("x").await.unwrap().state.serving(), Generation::new(2));
            assert!(world.are_people_in("b_x_g2"));
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_survives() {
    at_every_place(
        async |world| {
            world.ready("x").await;
            world.reset("x").await.unwrap();
            world.settled().await;
            sleep(GRACE * 2).await;
        },
        async |world| world.undo("x").await.unwrap(),
        async |world, _| {
            assert_eq!(world.branch("x").await.unwrap().state.serving(), Some(Generation::FIRST));
            assert!(world.are_people_in("b_x_g1"));
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_survives() {
    at_every_place(
        async |world| {
            world.ready("x").await;
            world.reset("x").await.unwrap();
            world.settled().await;
        },
        async |world| world.delete("x").await.unwrap(),
        async |world, _| assert!(world.databases().is_empty() && world.branch("x").await.is_none()),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_seed_survives_and_sows_once() {
    at_every_place(
        async |world| drop(world.ready("x").await),
        async |world| world.seed("x", None).await.unwrap(),
        async |world, _| {
            assert_eq!(world.branch("x").await.unwrap().state.status(), Status::Ready);
            assert_eq!(*world.seeds.0.lock().unwrap(), ["b_x_g1/1_users.sql"]);
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_migrate_survives_and_so_does_its_dry_run() {
    for dry_run in [false, true] {
        at_every_place(
            async |world| drop(world.ready("x").await),
            async |world| world.migrate("x", &[("1_a.sql", "select 1")], dry_run).await.unwrap(),
            async |world, _| {
                assert_eq!(world.branch("x").await.unwrap().state.status(), Status::Ready);
                let applied = world.ledgers.0.lock().unwrap().get("b_x_g1").map_or(0, Vec::len);
                assert_eq!(applied, usize::from(!dry_run));
                let history = world.migrations(&world.branch("x").await.unwrap()).await;
                assert_eq!(history, if dry_run { vec![] } else { vec![(1, "applied")] });
            },
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_applied_before_it_was_gone_is_history_however_it_ends() {
    for (last, ended) in [("select 3", Progress::Succeeded), ("fail", Progress::Failed)] {
        let mut world = World::new().await;
        let branch = world.ready("x").await;
        let migrate = world.migrate("x", &[("1_a.sql", "select 1"), ("2_b.sql", "wait"), ("3_c.sql", last)], false).await.unwrap();
        sleep(Duration::from_secs(20)).await;
        assert_eq!(world.migrations(&branch).await, []);
        world.restart().await;
        sleep(Duration::from_hours(2)).await;
        world.settled().await;
        assert_eq!(world.operation(migrate.id).await.status, ended);
        let third = if ended == Progress::Failed { "failed" } else { "applied" };
        assert_eq!(world.migrations(&branch).await, [(1, "applied"), (2, "applied"), (3, third)]);
        // What it reports has them all, too.
        assert!(world.operation(migrate.id).await.result.unwrap().contains("\"version\":1,"));
    }
}
