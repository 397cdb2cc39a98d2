//! Operations: claims, leases, fences, the bell.

use super::{Replica, branch, connect, moment, uuid, within_two_seconds};
use domain::{
    Operation, OperationId, OperationKind,
    operation::{Claim, OperationError, Progress},
};
use fluxbase_postgres::control::Presence;
use ports::driven::{ControlPlane, Footing, StoreError, Workload};
use sqlx::postgres::PgListener;
use std::{sync::Arc, time::Duration};

const LEASE: Duration = Duration::from_secs(30);
/// A lease that has run out when the next statement runs.
const MOMENT: Duration = Duration::from_micros(1);

/// Operations for one branch, committed.
async fn enqueue(replica: &Replica, numbers: impl IntoIterator<Item = u32>) -> Vec<Operation> {
    let branch = branch(100, "pr-1", &replica.main().await);
    let mut work = replica.begin().await;
    let mut operations = vec![];
    for number in numbers {
        let operation = Operation::queued(OperationId::from_uuid(uuid(number)), OperationKind::CreateBranch, branch.id, moment(number));
        // Before its branch: the order within a unit of work is nobody's business.
        work.operations().insert(&operation).await.unwrap();
        operations.push(operation);
    }
    work.branches().insert(&branch).await.unwrap();
    work.commit().await.unwrap();
    operations
}

async fn claim(replica: &Replica, lease: Duration) -> Option<Claim> {
    let mut work = replica.begin().await;
    let claim = work.operations().claim_next(lease, Workload::Any).await.unwrap();
    work.commit().await.unwrap();
    claim
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_share_the_work_and_nobody_gets_anothers() {
    let (replica, options) = Replica::first().await;
    enqueue(&replica, 1..=12).await;
    let other = Replica::another(&options, false).await;
    let (replica, other) = (Arc::new(replica), Arc::new(other));
    let workers: Vec<_> = (0..16)
        .map(|number| {
            let replica = Arc::clone(if number % 2 == 0 { &replica } else { &other });
            tokio::spawn(async move { claim(&replica, LEASE).await.map(|claim| claim.operation.id) })
        })
        .collect();
    let mut claimed = vec![];
    for worker in workers {
        claimed.extend(worker.await.unwrap());
    }
    // One that is being claimed is skipped, so a worker may have come away with nothing: the rest is there for the next ones.
    while let Some(claim) = claim(&replica, LEASE).await {
        claimed.push(claim.operation.id);
    }
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=12).map(|number| OperationId::from_uuid(uuid(number))).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_can_write_nothing_more() {
    let replica = Replica::alone().await;
    let queued = enqueue(&replica, [2, 1]).await;
    let mut stale = claim(&replica, MOMENT).await.unwrap();
    assert_eq!((stale.operation.id, stale.operation.status, stale.fence), (queued[1].id, Progress::Running, 1), "the oldest comes first");
    let fresh = claim(&replica, LEASE).await.unwrap();
    assert_eq!((fresh.operation.id, fresh.fence), (queued[1].id, 2));
    stale.operation.status = Progress::Failed;
    stale.operation.finished_at = Some(moment(9));
    let mut work = replica.begin().await;
    assert!(matches!(work.operations().save(&stale).await, Err(StoreError::Fenced)));
    assert!(matches!(work.operations().renew(&stale, LEASE).await, Err(StoreError::Fenced)));
    assert!(matches!(work.operations().retry(&stale, Duration::ZERO).await, Err(StoreError::Fenced)));
    assert_eq!(work.operations().find(fresh.operation.id).await.unwrap(), Some(fresh.operation));
}

#[tokio::test]
async fn what_a_claim_saves_is_read_back_and_what_is_finished_is_never_claimed() {
    let replica = Replica::alone().await;
    enqueue(&replica, [1]).await;
    let mut claim_ = claim(&replica, LEASE).await.unwrap();
    assert_eq!(claim(&replica, LEASE).await, None);
    let step = &mut claim_.operation.steps[2];
    (step.status, step.started_at, step.done, step.total, step.unit) =
        (Progress::Running, Some(moment(3)), Some(5), Some(u64::from(u32::MAX) * 9), Some("rows".to_owned()));
    claim_.operation.error = Some(OperationError::new("build_failed", "disk full"));
    let mut work = replica.begin().await;
    work.operations().save(&claim_).await.unwrap();
    work.operations().renew(&claim_, MOMENT).await.unwrap();
    work.commit().await.unwrap();
    let again = claim(&replica, LEASE).await.unwrap();
    assert_eq!(again.operation, claim_.operation);
    let mut done = again;
    (done.operation.status, done.operation.finished_at) = (Progress::Succeeded, Some(moment(4)));
    let mut work = replica.begin().await;
    work.operations().save(&done).await.unwrap();
    // A heartbeat that comes late changes nothing.
    work.operations().renew(&done, MOMENT).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(claim(&replica, LEASE).await, None);
}

#[tokio::test]
async fn what_is_given_back_waits_for_its_delay() {
    let replica = Replica::alone().await;
    enqueue(&replica, [1]).await;
    let release = async |held: &Claim, delay| {
        let mut work = replica.begin().await;
        work.operations().retry(held, delay).await.unwrap();
        // Given back is given back, whatever a late heartbeat says.
        work.operations().renew(held, LEASE).await.unwrap();
        work.commit().await.unwrap();
    };
    let first = claim(&replica, LEASE).await.unwrap();
    release(&first, Duration::ZERO).await;
    let second = claim(&replica, LEASE).await.unwrap();
    assert_eq!((second.operation.id, second.fence), (first.operation.id, 2));
    release(&second, Duration::from_mins(1)).await;
    assert_eq!(claim(&replica, LEASE).await, None);
}

#[tokio::test]
async fn workers_everywhere_are_woken_by_new_work_and_not_by_progress() {
    let (replica, options) = Replica::first().await;
    let other = Replica::another(&options, true).await;
    // The listener rings when it begins.
    other.rung().await;
    tokio::join!(enqueue(&replica, [1]), other.rung());
    let mut listener = PgListener::connect_with(&other.pool).await.unwrap();
    listener.listen("fluxbase_operations").await.unwrap();
    let held = claim(&replica, LEASE).await.unwrap();
    let mut work = replica.begin().await;
    work.operations().save(&held).await.unwrap();
    work.operations().renew(&held, LEASE).await.unwrap();
    work.commit().await.unwrap();
    replica.sql("notify fluxbase_operations, 'nothing before this'").await;
    assert_eq!(listener.recv().await.unwrap().payload(), "nothing before this");
    let mut work = replica.begin().await;
    work.operations().retry(&held, Duration::ZERO).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), held.operation.id.to_string());
}

#[tokio::test]
async fn a_step_that_nobody_knows_is_corrupt() {
    let replica = Replica::alone().await;
    let operation = enqueue(&replica, [1]).await.remove(0);
    replica.sql("update branching.operations set steps = '[{\"name\": \"dance\", \"status\": \"queued\"}]'").await;
    let corrupt = replica.begin().await.operations().find(operation.id).await.unwrap_err();
    assert!(matches!(corrupt, StoreError::Corrupt { table: "branching.operations", .. }), "{corrupt:?}");
}

#[tokio::test]
async fn what_cannot_be_read_here_is_left_to_others_and_keeps_nobody_from_the_rest() {
    let replica = Replica::alone().await;
    let operations = enqueue(&replica, 1..=3).await;
    let odd = |number: usize, set: &str| format!("update branching.operations set {set} where id = '{}'", operations[number].id);
    replica.sql("alter table branching.operations drop constraint operations_kind_known").await;
    replica.sql(&odd(0, "kind = 'merge_branch'")).await;
    replica.sql(&odd(1, "steps = '[{\"name\": \"dance\", \"status\": \"queued\"}]'")).await;

    let claimed = claim(&replica, LEASE).await.expect("what can be read is claimed");
    assert_eq!((claimed.operation.id, claimed.operation.status, claimed.fence), (operations[2].id, Progress::Running, 1));
    assert_eq!(claim(&replica, LEASE).await, None);
    let mut work = replica.begin().await;
    let unfinished: Vec<_> = work.operations().unfinished().await.unwrap().into_iter().map(|operation| operation.id).collect();
    assert_eq!(unfinished, [operations[2].id]);
    let unreadable = work.operations().unreadable().await.unwrap();
    assert_eq!(
        unreadable,
        [0, 1].map(|number| (operations[number].id, operations[number].branch_id)),
        "what they are at work on is nobody's to drop"
    );
    drop(work);
    replica.sql(&odd(0, "kind = 'create_branch'")).await;
    assert_eq!(claim(&replica, LEASE).await.map(|claim| (claim.operation.id, claim.fence)), Some((operations[0].id, 1)), "nobody had touched it");
}

#[tokio::test]
async fn nobody_waits_for_the_lease_of_a_replica_that_is_gone() {
    let (replica, options) = Replica::first().await;
    enqueue(&replica, [1]).await;
    let presence = Presence::begin(connect(options.clone(), 1).await).await.unwrap();
    let other = Replica::another(&options, false).await;
    let present = other.control_plane.clone().present(presence);
    let mut work = present.begin().await.unwrap();
    let held = work.operations().claim_next(LEASE, Workload::Any).await.unwrap().unwrap();
    work.commit().await.unwrap();
    assert_eq!(claim(&replica, LEASE).await, None, "it lives");

    drop(present);
    let next = within_two_seconds(async || claim(&replica, LEASE).await).await;
    assert_eq!((next.operation.id, next.fence), (held.operation.id, held.fence + 1));
    let stale = replica.begin().await.operations().save(&held).await;
    assert!(matches!(stale, Err(StoreError::Fenced)));
    assert_eq!(claim(&replica, LEASE).await, None, "a claim of nobody present holds by its lease");
}

#[tokio::test]
async fn what_stands_still_loses_its_locks_and_what_said_so_does_not() {
    let (_replica, options) = Replica::first().await;
    let replica = Replica::another(&options.options([("idle_in_transaction_session_timeout", "200ms")]), false).await;
    let main = replica.main().await;
    for (patience, commits) in [(Some(Duration::from_mins(1)), true), (Some(Duration::from_millis(100)), false), (None, false)] {
        let mut work = replica.begin().await;
        work.branches().find(main.id, true).await.unwrap();
        let mut footing = None;
        if let Some(patience) = patience {
            footing = Some(work.may_stand_still(patience).await.unwrap());
        }
        // Longer than it may be, and that is what is looked at.
        tokio::time::sleep(Duration::from_millis(800)).await;
        if let Some(Footing(transaction)) = footing {
            let held = format!("select pg_xact_status('{transaction}') = 'in progress'");
            let held: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(held)).fetch_one(&replica.pool).await.unwrap();
            assert_eq!(held, commits, "others see whether it holds what it has locked");
        }
        work.branches().warned(main.id, moment(1)).await.map_or_else(|_| assert!(!commits), |()| assert!(commits));
        assert_eq!(work.commit().await.is_ok(), commits);
    }
}
