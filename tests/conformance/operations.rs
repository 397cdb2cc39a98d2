//! Operations: each claimed by one worker, under a lease and a fence.

use crate::{
    values::{NOW, branch, operation},
    worlds::World,
};
use domain::{
    Branch, Operation, OperationId, OperationKind,
    migration::MigrationVersion,
    operation::{Claim, OperationError, OperationInput, Progress},
};
use fluxbase_tests::eventually;
use ports::driven::{StoreError, Workload};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_hours(1);
/// A lease that has run out by the time anybody looks.
const OVER: Duration = Duration::ZERO;

/// Commits operations, one for each number of seconds.
async fn add(world: &World, seconds: &[i64]) -> Vec<Operation> {
    let mut work = world.begin().await;
    let mut operations = Vec::new();
    for seconds in seconds {
        let target = branch(&format!("b{seconds}"), world.main.id);
        work.branches().insert(&target).await.unwrap();
        operations.push(operation(target.id, *seconds));
        work.operations().insert(operations.last().unwrap()).await.unwrap();
    }
    work.commit().await.unwrap();
    operations
}

async fn claim(world: &World, lease: Duration) -> Option<Claim> {
    let mut work = world.begin().await;
    let claim = work.operations().claim_next(lease, Workload::Any).await.unwrap();
    work.commit().await.unwrap();
    claim
}

async fn found(world: &World, id: OperationId) -> Operation {
    world.begin().await.operations().find(id).await.unwrap().unwrap()
}

pub(crate) async fn each_operation_is_claimed_by_one_worker(world: &World) {
    let operations = add(world, &[1, 2, 3]).await;
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let control_plane = Arc::clone(&world.control_plane);
        workers.spawn(async move {
            let mut work = control_plane.begin().await.unwrap();
            let claim = work.operations().claim_next(LONG, Workload::Any).await.unwrap();
            tokio::task::yield_now().await;
            work.commit().await.unwrap();
            claim.map(|claim| claim.operation.id)
        });
    }
    let mut claimed: Vec<OperationId> = workers.join_all().await.into_iter().flatten().collect();
    // Who looked while others held rows may have gone away empty-handed; nothing is given twice, and nothing gets lost.
    while let Some(claim) = claim(world, LONG).await {
        claimed.push(claim.operation.id);
    }
    assert_eq!(claimed.len(), 3);
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), operations.iter().map(|operation| operation.id).collect());
}

pub(crate) async fn the_oldest_is_claimed_first_and_runs_from_then_on(world: &World) {
    let operations = add(world, &[5, 3, 4]).await;
    let claim = claim(world, LONG).await.unwrap();
    let expected = Operation { status: Progress::Running, ..operations[1].clone() };
    assert_eq!((&claim.operation, claim.fence), (&expected, 1));
    assert_eq!(found(world, expected.id).await, expected);
    assert_eq!(found(world, operations[0].id).await, operations[0]);
}

/// Whatever may take for ever is left to those who may wait for ever.
pub(crate) async fn what_runs_nothing_of_peoples_is_claimed_apart(world: &World) {
    let cut = branch("cut", world.main.id);
    let again = Branch { parent_id: Some(cut.id), ..branch("again", world.main.id) };
    let mut work = world.begin().await;
    let mut of_the_house = Vec::new();
    for (target, parent_is_main) in [(&cut, true), (&again, false)] {
        work.branches().insert(target).await.unwrap();
        for (at, kind) in (1..).zip(OperationKind::ALL) {
            let operation = Operation { kind, ..operation(target.id, at + if parent_is_main { 0 } else { 100 }) };
            work.operations().insert(&operation).await.unwrap();
            if !kind.runs_peoples_code(parent_is_main) {
                of_the_house.push(operation.id);
            }
        }
    }
    work.commit().await.unwrap();
    let mut claimed = Vec::new();
    loop {
        let mut work = world.begin().await;
        let claim = work.operations().claim_next(LONG, Workload::OfTheHouse).await.unwrap();
        work.commit().await.unwrap();
        let Some(claim) = claim else { break };
        claimed.push(claim.operation.id);
    }
    assert_eq!(claimed, of_the_house);
    assert!(claim(world, LONG).await.is_some_and(|claim| claim.operation.kind == OperationKind::MigrateBranch), "the others are there");
}

pub(crate) async fn a_claim_holds_until_its_lease_runs_out(world: &World) {
    add(world, &[1]).await;
    let first = claim(world, Duration::from_millis(200)).await.unwrap();
    assert_eq!(claim(world, LONG).await, None);
    let mut second = None;
    eventually("the lease runs out", Duration::from_secs(20), async || {
        second = claim(world, LONG).await;
        second.is_some()
    })
    .await;
    let second = second.unwrap();
    assert_eq!(second.operation, first.operation);
    assert!(second.fence > first.fence);
}

pub(crate) async fn a_stale_claim_writes_nothing(world: &World) {
    add(world, &[1]).await;
    let mut stale = claim(world, OVER).await.unwrap();
    let current = claim(world, LONG).await.unwrap();
    stale.operation.status = Progress::Succeeded;
    stale.operation.finished_at = Some(NOW);
    let mut work = world.begin().await;
    assert!(matches!(work.operations().save(&stale).await, Err(StoreError::Fenced)));
    assert!(matches!(work.operations().renew(&stale, LONG).await, Err(StoreError::Fenced)));
    assert!(matches!(work.operations().retry(&stale, Duration::ZERO).await, Err(StoreError::Fenced)));
    work.commit().await.unwrap();
    assert_eq!(found(world, current.operation.id).await, current.operation);
    assert_eq!(claim(world, LONG).await, None, "the newer claim still holds");

    let mut work = world.begin().await;
    work.operations().save(&current).await.unwrap();
    work.commit().await.unwrap();
}

pub(crate) async fn what_a_branch_had_before_is_noted_once(world: &World) {
    let asked = add(world, &[1]).await.remove(0);
    let noted = [MigrationVersion::new(3), MigrationVersion::new(7)];
    let mut claim = claim(world, OVER).await.unwrap();
    let sown = BTreeMap::from([("1_a.sql".to_owned(), 7)]);
    for (versions, seeds) in [(Some(noted.to_vec()), None), (None, Some(sown.clone())), (Some(Vec::new()), Some(BTreeMap::new()))] {
        let known = seeds.is_some().then(|| sown.clone());
        claim.operation.input.applied_before = versions;
        claim.operation.input.sown_before = seeds;
        let mut work = world.begin().await;
        work.operations().save(&claim).await.unwrap();
        work.commit().await.unwrap();
        let input = found(world, asked.id).await.input;
        assert_eq!(input, OperationInput { applied_before: Some(noted.to_vec()), sown_before: known, ..asked.input.clone() });
    }
}

pub(crate) async fn a_branchs_choice_of_seeds_is_that_of_what_made_it_as_it_is(world: &World) {
    let made = branch("seeded", world.main.id);
    let mut work = world.begin().await;
    work.branches().insert(&made).await.unwrap();
    assert_eq!(work.operations().seeds_of(made.id).await.unwrap(), None);
    work.commit().await.unwrap();
    let (create, reset, undo) = (OperationKind::CreateBranch, OperationKind::ResetBranch, OperationKind::UndoReset);
    let other = OperationKind::SeedBranch;
    let steps = [
        // A failed one leaves what was asked for: a reset makes it again.
        (create, Progress::Failed, Some("1.sql"), Some("1.sql")),
        (reset, Progress::Failed, Some("2.sql"), Some("1.sql")),
        (reset, Progress::Succeeded, Some("3.sql"), Some("3.sql")),
        (other, Progress::Succeeded, Some("4.sql"), Some("3.sql")),
        (undo, Progress::Failed, None, Some("3.sql")),
        (undo, Progress::Succeeded, None, Some("1.sql")),
        (reset, Progress::Succeeded, None, None),
    ];
    for (seconds, (kind, status, seeds, standing)) in (1..).zip(steps) {
        let seeds = seeds.map(|name| vec![name.to_owned()]);
        let asked = operation(made.id, seconds);
        let input = OperationInput { seeds, ..OperationInput::default() };
        let ended = Operation { kind, status, input, finished_at: Some(NOW), ..asked };
        let mut work = world.begin().await;
        work.operations().insert(&ended).await.unwrap();
        work.commit().await.unwrap();
        let found = world.begin().await.operations().seeds_of(made.id).await.unwrap();
        assert_eq!(found, standing.map(|name| vec![name.to_owned()]), "after {kind:?}, {status:?}");
    }
}

pub(crate) async fn a_renewed_lease_lasts(world: &World) {
    add(world, &[1]).await;
    let first = claim(world, OVER).await.unwrap();
    let mut work = world.begin().await;
    work.operations().renew(&first, LONG).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(claim(world, LONG).await, None);
}

pub(crate) async fn a_released_operation_waits_for_its_delay(world: &World) {
    add(world, &[1]).await;
    let first = claim(world, LONG).await.unwrap();
    let mut work = world.begin().await;
    work.operations().retry(&first, Duration::ZERO).await.unwrap();
    work.commit().await.unwrap();
    let second = claim(world, LONG).await.unwrap();
    assert!(second.fence > first.fence);
    let mut work = world.begin().await;
    work.operations().retry(&second, LONG).await.unwrap();
    // A heartbeat that comes late takes nothing back.
    work.operations().renew(&second, OVER).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(claim(world, LONG).await, None);
}

pub(crate) async fn what_did_not_work_out_is_counted_for_whoever_comes_next(world: &World) {
    add(world, &[1]).await;
    for failures in 0..3 {
        let claimed = claim(world, LONG).await.unwrap();
        assert_eq!(claimed.failures, failures);
        let mut work = world.begin().await;
        work.operations().retry(&claimed, Duration::ZERO).await.unwrap();
        work.commit().await.unwrap();
    }
    let stale = claim(world, OVER).await.unwrap();
    claim(world, LONG).await.unwrap();
    assert!(matches!(world.begin().await.operations().retry(&stale, Duration::ZERO).await, Err(StoreError::Fenced)));
}

pub(crate) async fn what_nobody_has_claimed_is_cancelled_at_once(world: &World) {
    let operations = add(world, &[1, 2]).await;
    let claimed = claim(world, LONG).await.unwrap();
    let mut work = world.begin().await;
    assert!(!work.operations().cancel_queued(claimed.operation.id, NOW).await.unwrap(), "somebody is at work on it");
    assert!(work.operations().cancel_queued(operations[1].id, NOW).await.unwrap());
    assert!(!work.operations().cancel_queued(operations[1].id, NOW).await.unwrap(), "it has ended");
    work.commit().await.unwrap();
    let cancelled = found(world, operations[1].id).await;
    assert_eq!((cancelled.status, cancelled.finished_at, cancelled.cancel_requested), (Progress::Cancelled, Some(NOW), true));
    assert_eq!(claim(world, LONG).await, None);
    let unfinished = world.begin().await.operations().unfinished().await.unwrap();
    assert_eq!(unfinished.into_iter().map(|operation| operation.id).collect::<Vec<_>>(), [operations[0].id]);
}

pub(crate) async fn what_is_at_work_is_asked_to_end_and_claimed_at_once_where_it_waits(world: &World) {
    let operations = add(world, &[1]).await;
    let mut claimed = claim(world, LONG).await.unwrap();
    let mut work = world.begin().await;
    work.operations().retry(&claimed, LONG).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(claim(world, LONG).await, None);
    let mut work = world.begin().await;
    assert!(work.operations().request_cancel(operations[0].id).await.unwrap());
    work.commit().await.unwrap();
    claimed = claim(world, LONG).await.unwrap();
    assert!(claimed.operation.cancel_requested);
    claimed.operation.status = Progress::Cancelled;
    claimed.operation.finished_at = Some(NOW);
    let mut work = world.begin().await;
    work.operations().save(&claimed).await.unwrap();
    assert!(work.operations().cancel_requested(operations[0].id).await.unwrap());
    work.commit().await.unwrap();
    assert!(!world.begin().await.operations().request_cancel(operations[0].id).await.unwrap(), "it has ended");
}

pub(crate) async fn a_delayed_operation_is_not_claimed_before_its_time(world: &World) {
    let late = operation(world.main.id, 1);
    let soon = operation(world.main.id, 2);
    let mut work = world.begin().await;
    work.operations().insert_delayed(&late, LONG).await.unwrap();
    work.operations().insert_delayed(&soon, Duration::ZERO).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(claim(world, LONG).await.unwrap().operation.id, soon.id);
    assert_eq!(claim(world, LONG).await, None);
}

pub(crate) async fn turns_are_taken_by_one_and_given_back_at_the_end(world: &World) {
    let (mut first, mut second) = (world.begin().await, world.begin().await);
    assert!(first.operations().try_turn("a").await.unwrap());
    assert!(first.operations().try_turn("a").await.unwrap(), "it is its own already");
    assert!(!second.operations().try_turn("a").await.unwrap());
    assert!(second.operations().try_turn("b").await.unwrap());
    drop(first);
    // A transaction that is dropped is rolled back a moment later.
    eventually("it is given back", Duration::from_secs(10), async || second.operations().try_turn("a").await.unwrap()).await;
}

pub(crate) async fn what_was_saved_is_found_and_what_is_finished_is_not_claimed(world: &World) {
    add(world, &[1]).await;
    let mut claim_of_ours = claim(world, OVER).await.unwrap();
    let operation = &mut claim_of_ours.operation;
    operation.steps[0].status = Progress::Failed;
    operation.steps[0].started_at = Some(NOW);
    operation.steps[0].finished_at = Some(NOW);
    operation.steps[0].done = Some(3);
    operation.steps[0].total = Some(u64::from(u32::MAX) * 9);
    operation.steps[0].unit = Some("rows".to_owned());
    operation.status = Progress::Failed;
    operation.error = Some(OperationError::new("build_failed", "it's \"full\""));
    operation.finished_at = Some(NOW);
    let mut work = world.begin().await;
    work.operations().save(&claim_of_ours).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(found(world, claim_of_ours.operation.id).await, claim_of_ours.operation);
    assert_eq!(claim(world, LONG).await, None);
    // Its worker did not hear that this was committed.
    let mut work = world.begin().await;
    assert!(matches!(work.operations().save(&claim_of_ours).await, Err(StoreError::Fenced)));
    assert!(matches!(work.operations().retry(&claim_of_ours, Duration::ZERO).await, Err(StoreError::Fenced)));
    drop(work);
    assert_eq!(found(world, claim_of_ours.operation.id).await, claim_of_ours.operation);
}

pub(crate) async fn a_claim_that_was_rolled_back_was_never_made(world: &World) {
    let operations = add(world, &[1]).await;
    let mut work = world.begin().await;
    work.operations().claim_next(LONG, Workload::Any).await.unwrap().unwrap();
    drop(work);
    assert_eq!(found(world, operations[0].id).await, operations[0]);
    assert_eq!(claim(world, LONG).await.unwrap().operation.id, operations[0].id);
}

pub(crate) async fn workers_are_woken_by_new_work(world: &World) {
    // A bell that still rings from the beginning is heard first.
    world.signals.wait(Duration::from_millis(1)).await;
    let begun = Instant::now();
    let woken = async {
        while claim(world, LONG).await.is_none() {
            world.signals.wait(Duration::from_secs(30)).await;
        }
    };
    tokio::join!(woken, add(world, &[1]));
    assert!(begun.elapsed() < Duration::from_secs(10), "nobody rang");
}

pub(crate) async fn workers_do_not_wait_longer_than_they_want(world: &World) {
    let begun = Instant::now();
    for _ in 0..3 {
        world.signals.wait(Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
}
