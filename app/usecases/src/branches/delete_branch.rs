//! Delete a branch.

use super::{
    lookup::{check, find_admitted, wait_for_row},
    ports::BranchPorts,
};
use crate::trail;
use async_trait::async_trait;
use domain::{
    Action, Branch, BranchId, Caller, Failure, Operation, OperationId, OperationKind, Principal,
    branch::{AccessLevel, Status, main_stays},
    operation::OperationInput,
};
use ports::{
    driven::{Clock, Ids, UnitOfWork},
    driving::{DeleteBranch, StartedDelete, StartedOperation, UseCase},
};

/// See [`DeleteBranch`].
pub struct DeleteBranchUseCase {
    ports: BranchPorts,
}

impl DeleteBranchUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<DeleteBranch> for DeleteBranchUseCase {
    async fn run(&self, caller: &Caller, command: DeleteBranch) -> Result<StartedDelete, Failure> {
        let control_plane = &*self.ports.control_plane;
        let (mut work, doomed) = loop {
            // The lock that new branches are inserted under: no child appears between the look and the delete.
            let (mut work, branch) = find_admitted(control_plane, caller, &command.branch, AccessLevel::Admin).await?;
            if branch.is_main() {
                return Err(main_stays());
            }
            branch.check_unprotected()?;
            branch.check_idle()?;
            match with_descendants(&mut *work, branch).await? {
                Family::Held(doomed) => break (work, doomed),
                Family::Busy(child) => {
                    drop(work);
                    wait_for_row(control_plane, child).await?;
                }
            }
        };
        let (branch, descendants) = doomed.split_first().expect("the branch itself is first");
        let all_theirs = descendants.iter().all(|child| check(child, &caller.principal, AccessLevel::Admin).is_ok());
        let they_go_too = command.force && all_theirs;
        if !descendants.is_empty() && !they_go_too {
            return Err(has_children(branch, descendants, &caller.principal, all_theirs));
        }
        let actor = trail::actor(caller);
        let (ids, clock) = (&*self.ports.ids, &*self.ports.clock);
        let mut going = Vec::with_capacity(descendants.len());
        for child in descendants {
            going.push(begin_delete(&mut *work, ids, clock, child.clone(), &actor, "delete_requested").await?);
        }
        let StartedOperation { branch, operation } = begin_delete(&mut *work, ids, clock, branch.clone(), &actor, "delete_requested").await?;
        let row = trail::done(caller, Action::DeleteBranch, Some(branch.slug.clone()), Some(command.branch), clock.now());
        work.audit().record(&row).await?;
        work.commit().await?;
        Ok(StartedDelete { branch, operation, descendants: going })
    }
}

/// A branch and its descendants.
enum Family {
    /// The branch first, then everything that was cut from it, straight or not, their rows locked; what is being deleted already counts as gone.
    Held(Vec<Branch>),
    /// Somebody else has this one's row.
    Busy(BranchId),
}

async fn with_descendants(work: &mut dyn UnitOfWork, branch: Branch) -> Result<Family, Failure> {
    let mut found = vec![branch];
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        for child in work.branches().children(parent.id).await? {
            // Parents are locked before their children, always in this order, under the admission lock.
            let Some(locked) = work.branches().find_free(child.id).await? else { return Ok(Family::Busy(child.id)) };
            if !matches!(locked.state.status(), Status::Deleting | Status::Deleted) {
                found.push(locked);
            }
        }
        next += 1;
    }
    Ok(Family::Held(found))
}

/// Names only those that the caller may see.
fn has_children(branch: &Branch, descendants: &[Branch], principal: &Principal, all_theirs: bool) -> Failure {
    let seen = descendants.iter().filter(|child| check(child, principal, AccessLevel::Read).is_ok());
    let mut names: Vec<String> = seen.map(|child| child.slug.to_string()).collect();
    let unseen = descendants.len() - names.len();
    if unseen > 0 {
        names.push(format!("{unseen} of other people"));
    }
    let way_out = if all_theirs {
        "delete them first, or force=true to delete them too"
    } else {
        "force=true deletes only what you administer: those whose they are have to delete them, or an administrator"
    };
    Failure::Conflict { code: "has_children", reason: format!("branch '{}' has children: {}; {way_out}", branch.slug, names.join(", ")) }
}

/// Marks one branch as deleting and adds the operation that takes it away.
pub(super) async fn begin_delete(
    work: &mut dyn UnitOfWork,
    ids: &dyn Ids,
    clock: &dyn Clock,
    branch: Branch,
    actor: &str,
    action: &str,
) -> Result<StartedOperation, Failure> {
    let now = clock.now();
    let operation_id = OperationId::from_uuid(ids.fresh());
    let input = OperationInput { error_before: branch.state.error().map(str::to_owned), actor: actor.to_owned(), ..OperationInput::default() };
    let branch = branch.delete(operation_id, now)?;
    let operation = Operation::queued(operation_id, OperationKind::DeleteBranch, branch.id, now).with_input(input);
    work.branches().update(&branch).await?;
    work.operations().insert(&operation).await?;
    work.activity().record(&trail::activity(branch.id, actor.to_owned(), action, None, now)).await?;
    Ok(StartedOperation { branch: branch.told_at(now), operation })
}

#[cfg(test)]
mod tests {
    use super::DeleteBranchUseCase;
    use crate::testing::{FakeWork, branch, branch_ports, caller, main_branch, work_with};
    use domain::{BranchId, Scope, branch::Status};
    use ports::driving::{DeleteBranch, UseCase};
    use std::sync::atomic::Ordering;

    fn over(work: FakeWork) -> DeleteBranchUseCase {
        DeleteBranchUseCase::new(branch_ports(work))
    }

    fn command(force: bool) -> DeleteBranch {
        DeleteBranch { branch: "pr-1".to_owned(), force }
    }

    #[tokio::test]
    async fn a_creator_deletes_its_own_branch_and_nobody_elses() {
        let mut work = work_with(Some(branch("pr-1", Some(1))));
        work.branches.expect_children().returning(|_| Ok(Vec::new()));
        work.branches.expect_update().once().returning(|_| Ok(()));
        work.operations.expect_insert().once().returning(|_| Ok(()));
        work.activity.expect_record().returning(|_| Ok(()));
        work.audit.expect_record().once().returning(|_| Ok(()));
        let committed = work.committed();
        let deleted = over(work).run(&caller(Some(1), [Scope::WriteBranches]), command(false)).await.unwrap();
        assert_eq!(deleted.branch.state.status(), Status::Deleting);
        assert!(committed.load(Ordering::SeqCst));

        let stranger = over(work_with(Some(branch("pr-1", Some(1))))).run(&caller(Some(2), [Scope::WriteBranches]), command(true)).await;
        assert_eq!(stranger.unwrap_err().code(), "branch_access_denied");
    }

    #[tokio::test]
    async fn what_is_protected_is_not_deleted_and_neither_is_what_is_being_worked_on() {
        let protected = domain::Branch { protected: true, ..branch("pr-1", Some(1)) };
        let refused = over(work_with(Some(protected))).run(&caller(Some(1), [Scope::WriteBranches]), command(true)).await.unwrap_err();
        assert_eq!(refused.code(), "branch_protected");
        let operation = domain::OperationId::from_uuid(uuid::Uuid::from_u128(77));
        let busy = branch("pr-1", Some(1)).migrate(operation, time::OffsetDateTime::UNIX_EPOCH).unwrap();
        let refused = over(work_with(Some(busy))).run(&caller(Some(1), [Scope::WriteBranches]), command(true)).await.unwrap_err();
        assert_eq!(refused.code(), "operation_running");
        assert!(refused.to_string().contains(&operation.to_string()), "{refused}");
    }

    #[tokio::test]
    async fn main_is_never_deleted() {
        let work = work_with(Some(main_branch()));
        let refused = over(work).run(&caller(None, [Scope::AdminBranches]), command(true)).await.unwrap_err();
        assert_eq!(refused.code(), "main_branch");
    }

    #[tokio::test]
    async fn children_are_a_reason_to_refuse_unless_they_go_too() {
        let with_child = || {
            let child = domain::Branch { id: BranchId::from_uuid(uuid::Uuid::from_u128(2)), ..branch("pr-2", None) };
            let mut work = FakeWork::default();
            work.branches.expect_lock_admission().returning(|_| Ok(()));
            work.branches.expect_find_by_slug().returning(|_| Ok(Some(branch("pr-1", None))));
            let found = child.clone();
            work.branches.expect_find_free().returning(move |id| Ok(Some(if id == found.id { found.clone() } else { branch("pr-1", None) })));
            let mut children = vec![vec![], vec![child]];
            work.branches.expect_children().returning(move |_| Ok(children.pop().unwrap_or_default()));
            work
        };
        let refused = over(with_child()).run(&caller(None, [Scope::AdminBranches]), command(false)).await.unwrap_err();
        assert!(refused.to_string().contains("pr-2"), "{refused}");

        let mut work = with_child();
        work.branches.expect_update().times(2).returning(|_| Ok(()));
        work.operations.expect_insert().times(2).returning(|_| Ok(()));
        work.activity.expect_record().times(2).returning(|_| Ok(()));
        work.audit.expect_record().once().returning(|_| Ok(()));
        let deleted = over(work).run(&caller(None, [Scope::AdminBranches]), command(true)).await.unwrap();
        // Who waits has to wait for each of them.
        let [child] = &deleted.descendants[..] else { panic!("{deleted:?}") };
        assert_eq!((child.branch.slug.as_str(), child.branch.state.operation()), ("pr-2", Some(child.operation.id)));
        assert_eq!(deleted.branch.state.operation(), Some(deleted.operation.id));
        assert_ne!(deleted.operation.branch_id, child.operation.branch_id);
    }

    #[tokio::test]
    async fn a_child_of_somebody_else_is_neither_deleted_nor_named() {
        let child = domain::Branch { id: BranchId::from_uuid(uuid::Uuid::from_u128(2)), ..branch("secret-deal", Some(2)) };
        for force in [false, true] {
            let mut work = FakeWork::default();
            work.branches.expect_lock_admission().returning(|_| Ok(()));
            work.branches.expect_find_by_slug().returning(|_| Ok(Some(branch("pr-1", Some(1)))));
            let found = child.clone();
            work.branches.expect_find_free().returning(move |id| Ok(Some(if id == found.id { found.clone() } else { branch("pr-1", Some(1)) })));
            let mut children = vec![vec![], vec![child.clone()]];
            work.branches.expect_children().returning(move |_| Ok(children.pop().unwrap_or_default()));
            let refused = over(work).run(&caller(Some(1), [Scope::WriteBranches]), command(force)).await.unwrap_err();
            assert_eq!(refused.code(), "has_children");
            assert!(refused.to_string().contains("1 of other people") && !refused.to_string().contains("secret"), "{refused}");
        }
    }
}
