//! Call an operation off.

use super::{
    get_operation::missing,
    lookup::{ROW_PATIENCE, check, check_owner, check_seen, wait_for_row},
    ports::BranchPorts,
};
use crate::trail;
use async_trait::async_trait;
use domain::{
    Action, Branch, BranchId, Caller, Failure, Operation, OperationKind,
    branch::{AccessLevel, Status},
    operation::Progress,
};
use ports::{
    driven::UnitOfWork,
    driving::{CancelOperation, UseCase},
};
use time::OffsetDateTime;

/// See [`CancelOperation`].
pub struct CancelOperationUseCase {
    ports: BranchPorts,
}

impl CancelOperationUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<CancelOperation> for CancelOperationUseCase {
    async fn run(&self, caller: &Caller, command: CancelOperation) -> Result<Operation, Failure> {
        let missing = || missing(command.id);
        let (mut work, found, parent_goes) = loop {
            let mut work = self.ports.control_plane.begin().await?;
            let found = work.operations().find(command.id).await?.ok_or_else(missing)?;
            if found.kind != OperationKind::DeleteBranch {
                break (work, found, false);
            }
            match parent_of(&mut *work, &found).await? {
                Parent::Stays => break (work, found, false),
                Parent::Goes => break (work, found, true),
                Parent::Unknown { busy } => {
                    drop(work);
                    wait_for_row(&*self.ports.control_plane, busy).await?;
                }
            }
        };
        // The branch's row first, then the operation's: the order in which workers write them.
        work.wait_at_most(ROW_PATIENCE).await?;
        let branch = work.branches().find(found.branch_id, true).await?.ok_or_else(missing)?;
        check_seen(&branch, &caller.principal, missing)?;
        may_cancel(&branch, found.kind, caller)?;
        let now = self.ports.clock.now();
        if parent_goes && !found.status.is_final() {
            let reason = format!("operation {} can no longer be called off: the branch's parent is being deleted or is gone", found.id);
            return Err(Failure::Conflict { code: "too_late", reason });
        }
        if found.kind != OperationKind::DiscardGeneration && work.operations().cancel_queued(found.id, now).await? {
            back_as_it_was(&mut *work, &branch, &found, now).await?;
        } else if found.status == Progress::Cancelled || found.cancel_requested {
            return already(work, caller, &branch, found, now).await;
        } else if !found.kind.can_be_called_off() || !work.operations().request_cancel(found.id).await? {
            // It may have come to its end since it was found; called off by somebody else, perhaps.
            let found = work.operations().find(found.id).await?.ok_or_else(missing)?;
            if found.status == Progress::Cancelled {
                return already(work, caller, &branch, found, now).await;
            }
            let reason = format!("operation {} can no longer be called off: {}", found.id, why_too_late(&found));
            return Err(Failure::Conflict { code: "too_late", reason });
        }
        let detail = Some(format!("{} {}", found.kind.name(), found.id));
        work.activity().record(&trail::activity(branch.id, trail::actor(caller), "cancel_requested", detail, now)).await?;
        let row = trail::done(caller, Action::CancelOperation, Some(branch.slug.clone()), Some(found.id.to_string()), now);
        work.audit().record(&row).await?;
        let cancelled = work.operations().find(found.id).await?.ok_or_else(missing)?;
        work.commit().await?;
        Ok(cancelled)
    }
}

/// Somebody else called it off; that this caller asked for it, too, stands in the trail.
async fn already(
    mut work: Box<dyn UnitOfWork>,
    caller: &Caller,
    branch: &Branch,
    found: Operation,
    now: OffsetDateTime,
) -> Result<Operation, Failure> {
    let row = trail::done(caller, Action::CancelOperation, Some(branch.slug.clone()), Some(found.id.to_string()), now);
    work.audit().record(&row).await?;
    work.commit().await?;
    Ok(found)
}

/// Who may begin it may call it off.
fn may_cancel(branch: &Branch, kind: OperationKind, caller: &Caller) -> Result<(), Failure> {
    match kind {
        OperationKind::MigrateBranch | OperationKind::SeedBranch => check_owner(branch, &caller.principal),
        OperationKind::DiffBranches => check(branch, &caller.principal, AccessLevel::Read),
        _ => check(branch, &caller.principal, AccessLevel::Admin),
    }
}

/// What becomes of the parent of a branch that is being deleted.
enum Parent {
    /// It is there.
    Stays,
    /// It is being deleted too, or gone. Then the delete cannot be called off: no branch lives on without its parent.
    Goes,
    /// Somebody has the row of this one, the parent or the branch itself: with the lock of admissions no row is waited for.
    Unknown { busy: BranchId },
}

/// It takes the lock under which deletes begin, and the parent's row before its child's, as deletes do. So no delete of the parent begins between this answer
/// and what follows from it.
async fn parent_of(work: &mut dyn UnitOfWork, delete: &Operation) -> Result<Parent, Failure> {
    work.branches().lock_admission(ROW_PATIENCE).await?;
    let Some(branch) = work.branches().find(delete.branch_id, false).await? else { return Ok(Parent::Stays) };
    let Some(parent_id) = branch.parent_id else { return Ok(Parent::Stays) };
    let Some(parent) = work.branches().find_free(parent_id).await? else { return Ok(Parent::Unknown { busy: parent_id }) };
    if work.branches().find_free(branch.id).await?.is_none() {
        return Ok(Parent::Unknown { busy: branch.id });
    }
    Ok(if matches!(parent.state.status(), Status::Deleting | Status::Deleted) { Parent::Goes } else { Parent::Stays })
}

fn why_too_late(operation: &Operation) -> &'static str {
    match operation.status {
        Progress::Succeeded | Progress::Failed | Progress::Cancelled => "it has ended",
        Progress::Queued | Progress::Running => "what it takes away is half gone",
    }
}

/// Nothing was done yet, so there is nothing to take back but the branch's state.
async fn back_as_it_was(work: &mut dyn UnitOfWork, branch: &Branch, operation: &Operation, now: OffsetDateTime) -> Result<(), Failure> {
    if branch.state.operation() != Some(operation.id) {
        return Ok(());
    }
    let mut branch = branch.clone();
    branch.state = branch.state.called_off(operation.input.error_before.clone(), now).map_err(Failure::internal)?;
    branch.updated_at = now;
    work.branches().update(&branch).await?;
    if branch.state.status() == Status::Deleted {
        work.keys().revoke_pinned(&branch.slug, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::CancelOperationUseCase;
    use crate::testing::{FakeWork, branch, branch_ports, caller, main_branch, work_with};
    use domain::{Branch, BranchId, BranchState, Operation, OperationId, OperationKind, Scope, branch::Status, operation::Progress};
    use ports::driving::{CancelOperation, UseCase};
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn id() -> OperationId {
        OperationId::from_uuid(Uuid::from_u128(3))
    }

    fn operation(kind: OperationKind, status: Progress) -> Operation {
        Operation { status, ..Operation::queued(id(), kind, branch("x", None).id, OffsetDateTime::UNIX_EPOCH) }
    }

    fn work(branch: Branch, operation: Operation) -> FakeWork {
        let mut work = work_with(Some(branch));
        work.operations.expect_find().returning(move |_| Ok(Some(operation.clone())));
        work.activity.expect_record().returning(|_| Ok(()));
        work.audit.expect_record().returning(|_| Ok(()));
        work
    }

    async fn cancel(work: FakeWork) -> Result<Operation, domain::Failure> {
        CancelOperationUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::WriteBranches]), CancelOperation { id: id() }).await
    }

    #[tokio::test]
    async fn what_nobody_has_begun_is_as_if_it_was_never_asked_for() {
        let busy = Branch { parent_id: None, ..branch("pr-1", Some(1)) }.delete(id(), OffsetDateTime::UNIX_EPOCH).unwrap();
        let mut work = work(busy, operation(OperationKind::DeleteBranch, Progress::Queued));
        work.operations.expect_cancel_queued().returning(|_, _| Ok(true));
        work.branches.expect_update().once().withf(|branch| branch.state.status() == Status::Ready).returning(|_| Ok(()));
        assert!(cancel(work).await.is_ok());
    }

    #[tokio::test]
    async fn no_child_comes_back_under_a_parent_that_goes() {
        let parent_id = BranchId::from_uuid(Uuid::from_u128(9));
        let main = Branch { id: parent_id, ..main_branch() };
        let old = Branch { id: parent_id, ..branch("old", Some(1)) };
        let going = old.clone().delete(OperationId::from_uuid(Uuid::from_u128(8)), OffsetDateTime::UNIX_EPOCH).unwrap();
        let gone = Branch { state: BranchState::Deleted { at: OffsetDateTime::UNIX_EPOCH }, ..old };
        for (parent, code) in [(main, None), (going, Some("too_late")), (gone, Some("too_late"))] {
            let child = Branch { parent_id: Some(parent_id), ..branch("pr-1", Some(1)) }.delete(id(), OffsetDateTime::UNIX_EPOCH).unwrap();
            let delete = operation(OperationKind::DeleteBranch, Progress::Queued);
            let mut work = FakeWork::default();
            work.branches.expect_lock_admission().once().returning(|_| Ok(()));
            let of_parent = parent.clone();
            let of_child = child.clone();
            work.branches.expect_find_free().returning(move |id| Ok(Some(if id == parent_id { of_parent.clone() } else { of_child.clone() })));
            work.branches.expect_find().returning(move |_, _| Ok(Some(child.clone())));
            work.operations.expect_find().returning(move |_| Ok(Some(delete.clone())));
            work.operations.expect_cancel_queued().times(usize::from(code.is_none())).returning(|_, _| Ok(true));
            work.branches.expect_update().times(usize::from(code.is_none())).returning(|_| Ok(()));
            work.activity.expect_record().returning(|_| Ok(()));
            work.audit.expect_record().returning(|_| Ok(()));
            assert_eq!(cancel(work).await.err().map(|failure| failure.code().to_owned()).as_deref(), code, "{:?}", parent.state);
        }
    }

    #[tokio::test]
    async fn what_runs_is_told_and_what_has_ended_is_too_late() {
        for (kind, ended, code) in [
            (OperationKind::ResetBranch, false, None),
            (OperationKind::ResetBranch, true, Some("too_late")),
            (OperationKind::DeleteBranch, false, Some("too_late")),
        ] {
            let status = if ended { Progress::Succeeded } else { Progress::Running };
            let mut work = work(branch("pr-1", Some(1)), operation(kind, status));
            work.operations.expect_cancel_queued().returning(|_, _| Ok(false));
            work.operations.expect_request_cancel().returning(move |_| Ok(!ended));
            assert_eq!(cancel(work).await.err().map(|failure| failure.code().to_owned()).as_deref(), code, "{kind:?} {ended}");
        }
    }

    #[tokio::test]
    async fn what_somebody_else_called_off_meanwhile_is_called_off() {
        let mut work = work_with(Some(branch("pr-1", Some(1))));
        let mut seen = [Progress::Running, Progress::Cancelled].into_iter();
        work.operations.expect_find().returning(move |_| Ok(seen.next().map(|status| operation(OperationKind::ResetBranch, status))));
        work.operations.expect_cancel_queued().returning(|_, _| Ok(false));
        work.operations.expect_request_cancel().returning(|_| Ok(false));
        work.audit.expect_record().once().returning(|_| Ok(()));
        assert_eq!(cancel(work).await.unwrap().status, Progress::Cancelled);
    }

    #[tokio::test]
    async fn nobody_calls_off_what_others_began() {
        let refused = cancel(work(branch("pr-1", Some(2)), operation(OperationKind::ResetBranch, Progress::Running))).await.unwrap_err();
        assert_eq!(refused.code(), "not_found", "nor learns that there is such an operation");
    }
}
