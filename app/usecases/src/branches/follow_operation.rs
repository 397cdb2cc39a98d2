//! Follow an operation to its end.

use super::{BranchPorts, GetOperationUseCase};
use async_trait::async_trait;
use domain::{Caller, Failure, Operation, OperationId};
use ports::{
    driven::{ControlPlane, StoreError},
    driving::{FollowOperation, GetOperation, OperationFeed, UseCase},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// How often an operation that somebody follows is looked at, once it has been followed for a while. Workers write their progress as often.
const EVERY: Duration = Duration::from_millis(500);
/// How soon it is looked at first: a branch from a spare is there within tens of milliseconds.
const SOON: Duration = Duration::from_millis(10);

/// See [`FollowOperation`].
pub struct FollowOperationUseCase {
    get: Arc<GetOperationUseCase>,
    looks: Arc<Looks>,
}

impl FollowOperationUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        let looks = Arc::new(Looks { control_plane: Arc::clone(&ports.control_plane), at: Mutex::default() });
        Self { get: Arc::new(GetOperationUseCase::new(ports)), looks }
    }
}

#[async_trait]
impl UseCase<FollowOperation> for FollowOperationUseCase {
    async fn run(&self, caller: &Caller, command: FollowOperation) -> Result<Box<dyn OperationFeed>, Failure> {
        let first = self.get.run(caller, GetOperation { id: command.id }).await?;
        let changes = (!first.status.is_final()).then(|| Looks::follow(&self.looks, command.id));
        Ok(Box::new(Feed { get: Arc::clone(&self.get), caller: caller.clone(), last: first, first: true, changes }))
    }
}

/// Looks at operations, once for all who follow one.
struct Looks {
    control_plane: Arc<dyn ControlPlane>,
    at: Mutex<HashMap<OperationId, watch::Sender<Option<Operation>>>>,
}

impl Looks {
    fn follow(looks: &Arc<Self>, id: OperationId) -> watch::Receiver<Option<Operation>> {
        let mut at = looks.at();
        if let Some(sender) = at.get(&id) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        at.insert(id, sender);
        let looks = Arc::clone(looks);
        tokio::spawn(async move { looks.look(id).await });
        receiver
    }

    /// Looks until the operation has ended or nobody follows it any more.
    async fn look(&self, id: OperationId) {
        let begun = Instant::now();
        loop {
            // Nobody waits for longer than a quarter of what they have waited for.
            tokio::time::sleep((begun.elapsed() / 4).clamp(SOON, EVERY)).await;
            let found = match self.find(id).await {
                Ok(Some(operation)) => Some(operation),
                // Not reached this time: it goes on whether we look or not.
                Err(_) => None,
                Ok(None) => return self.forget(id),
            };
            let mut at = self.at();
            let Some(sender) = at.get(&id) else { return };
            let ended = found.as_ref().is_some_and(|operation| operation.status.is_final());
            if let Some(operation) = found {
                sender.send_if_modified(|last| {
                    let changed = last.as_ref() != Some(&operation);
                    *last = Some(operation);
                    changed
                });
            }
            if ended || sender.receiver_count() == 0 {
                at.remove(&id);
                return;
            }
        }
    }

    async fn find(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        let mut work = self.control_plane.begin().await?;
        work.operations().find(id).await
    }

    fn forget(&self, id: OperationId) {
        self.at().remove(&id);
    }

    fn at(&self) -> MutexGuard<'_, HashMap<OperationId, watch::Sender<Option<Operation>>>> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Feed {
    get: Arc<GetOperationUseCase>,
    caller: Caller,
    last: Operation,
    /// Whether [`Feed::last`] is still to be told.
    first: bool,
    /// `None` for an operation that had ended before.
    changes: Option<watch::Receiver<Option<Operation>>>,
}

#[async_trait]
impl OperationFeed for Feed {
    async fn next(&mut self) -> Result<Option<Operation>, Failure> {
        if std::mem::take(&mut self.first) {
            return Ok(Some(self.last.clone()));
        }
        let Some(changes) = self.changes.as_mut().filter(|_| !self.last.status.is_final()) else { return Ok(None) };
        while changes.changed().await.is_ok() {
            let found = changes.borrow_and_update().clone();
            if found.is_some_and(|operation| operation != self.last) {
                self.last = self.shown().await?;
                return Ok(Some(self.last.clone()));
            }
        }
        Ok(None)
    }
}

impl Feed {
    /// The operation as the caller may see it by now: what let them in when they began to follow may have been taken back since.
    async fn shown(&self) -> Result<Operation, Failure> {
        loop {
            match self.get.again(&self.caller, self.last.id).await {
                // As with a look that fails: it goes on all the same.
                Err(Failure::Unavailable { .. }) => tokio::time::sleep(EVERY).await,
                shown => return shown,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EVERY, FollowOperationUseCase};
    use crate::{
        branches::BranchPorts,
        testing::{FakeWork, branch, branch_ports, caller, main_branch},
    };
    use domain::{BranchId, Operation, OperationId, OperationKind, Scope, operation::Progress};
    use ports::{
        driven::{MockControlPlane, StoreError},
        driving::{FollowOperation, OperationFeed, UseCase},
    };
    use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };
    use time::OffsetDateTime;
    use tokio::time::Instant;
    use uuid::Uuid;

    const ID: OperationId = OperationId::from_uuid(Uuid::nil());

    fn operation(status: Progress) -> Operation {
        let branch = BranchId::from_uuid(Uuid::nil());
        Operation { status, ..Operation::queued(ID, OperationKind::ResetBranch, branch, OffsetDateTime::UNIX_EPOCH) }
    }

    /// Shows the operation in one state after the other, the last one for ever; `None` is a look that fails. Counts the looks.
    fn showing(states: &'static [Option<Progress>]) -> (FollowOperationUseCase, Arc<AtomicUsize>) {
        let (looks, mut control_plane) = (Arc::new(AtomicUsize::new(0)), MockControlPlane::new());
        let counted = Arc::clone(&looks);
        control_plane.expect_begin().returning(move || {
            let look = counted.fetch_add(1, Ordering::SeqCst).min(states.len() - 1);
            let shown = states[look].ok_or_else(|| StoreError::Unavailable("no".into()))?;
            let mut work = FakeWork::default();
            work.operations.expect_find().returning(move |_| Ok(Some(operation(shown))));
            work.branches.expect_find().returning(|_, _| Ok(Some(main_branch())));
            Ok(Box::new(work))
        });
        let ports = BranchPorts { control_plane: Arc::new(control_plane), ..branch_ports(FakeWork::default()) };
        (FollowOperationUseCase::new(ports), looks)
    }

    async fn follow(use_case: &FollowOperationUseCase) -> Box<dyn OperationFeed> {
        use_case.run(&caller(None, [Scope::AdminBranches]), FollowOperation { id: ID }).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_told_and_nothing_else_until_the_end() {
        use Progress::{Queued, Running, Succeeded};
        let (use_case, _) = showing(&[Some(Queued), Some(Queued), None, Some(Running), Some(Running), Some(Succeeded)]);
        let mut feed = follow(&use_case).await;
        let mut told = Vec::new();
        while let Some(operation) = feed.next().await.unwrap() {
            told.push(operation.status);
        }
        assert_eq!(told, [Queued, Running, Succeeded]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_loses_the_branch_while_following_is_told_nothing_more() {
        let (granted, mut control_plane) = (Arc::new(AtomicBool::new(true)), MockControlPlane::new());
        let still = Arc::clone(&granted);
        control_plane.expect_begin().returning(move || {
            let held = still.load(Ordering::SeqCst);
            let (status, owner) = if held { (Progress::Queued, 1) } else { (Progress::Running, 2) };
            let mut work = FakeWork::default();
            work.operations.expect_find().returning(move |_| Ok(Some(operation(status))));
            work.branches.expect_find().returning(move |_, _| Ok(Some(branch("pr-1", Some(owner)))));
            Ok(Box::new(work))
        });
        let use_case = FollowOperationUseCase::new(BranchPorts { control_plane: Arc::new(control_plane), ..branch_ports(FakeWork::default()) });
        let mut feed = use_case.run(&caller(Some(1), [Scope::ReadBranches]), FollowOperation { id: ID }).await.unwrap();
        assert_eq!(feed.next().await.unwrap().unwrap().status, Progress::Queued);
        granted.store(false, Ordering::SeqCst);
        assert_eq!(feed.next().await.unwrap_err().code(), "branch_access_denied");
    }

    #[tokio::test(start_paused = true)]
    async fn many_followers_are_one_look_and_none_is_none() {
        let (use_case, looks) = showing(&[Some(Progress::Running)]);
        let feeds = [follow(&use_case).await, follow(&use_case).await, follow(&use_case).await];
        tokio::time::sleep(EVERY * 10).await;
        let settled = looks.load(Ordering::SeqCst);
        tokio::time::sleep(EVERY * 10).await;
        assert_eq!(looks.load(Ordering::SeqCst), settled + 10);
        drop(feeds);
        tokio::time::sleep(EVERY * 10).await;
        assert_eq!(looks.load(Ordering::SeqCst), settled + 11, "one more look sees that nobody follows");
        let mut again = follow(&use_case).await;
        assert_eq!(again.next().await.unwrap().unwrap().status, Progress::Running);
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_soon_is_told_soon() {
        let (use_case, _) = showing(&[Some(Progress::Queued), Some(Progress::Running), Some(Progress::Running), Some(Progress::Succeeded)]);
        let begun = Instant::now();
        let mut feed = follow(&use_case).await;
        while feed.next().await.unwrap().is_some() {}
        assert!(begun.elapsed() < EVERY / 5, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_ended_is_told_once_and_not_looked_at() {
        let (use_case, looks) = showing(&[Some(Progress::Failed)]);
        let mut feed = follow(&use_case).await;
        assert_eq!(feed.next().await.unwrap().unwrap().status, Progress::Failed);
        assert!(feed.next().await.unwrap().is_none());
        tokio::time::sleep(EVERY * 4).await;
        assert_eq!(looks.load(Ordering::SeqCst), 1);
    }
}
