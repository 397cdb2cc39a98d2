//! How many dry runs and proofs may wait or run at once: each copies a database, and all of them share the workers with everybody's branches.

use crate::trail;
use domain::{Branch, Caller, Failure};
use ports::driven::UnitOfWork;

/// So many of one caller, and so many of one branch.
const MOST: usize = 3;

/// Refuses one more where there are enough that have not ended. Administrators may have as many on each branch; and who owns a branch finds room there
/// whatever others try on it. To be asked under [`ports::driven::BranchRepository::lock_admission`].
pub(super) async fn check_room(work: &mut dyn UnitOfWork, caller: &Caller, branch: &Branch) -> Result<(), Failure> {
    let (principal, actor) = (&caller.principal, trail::actor(caller));
    let (mut of_caller, mut of_branch) = (0, 0);
    for trial in work.operations().unfinished().await?.iter().filter(|operation| operation.is_trial()) {
        let here = trial.branch_id == branch.id;
        of_branch += usize::from(here);
        of_caller += usize::from(trial.input.actor == actor && (here || !principal.administers_branches()));
    }
    if of_caller >= MOST {
        return Err(too_many(format!("{of_caller} dry runs and proofs of yours have not ended; wait for one, or cancel it")));
    }
    if of_branch >= MOST && branch.check_access(principal, branch.owner_level()).is_err() {
        return Err(too_many(format!("{of_branch} dry runs and proofs of branch '{}' have not ended; wait for one", branch.slug)));
    }
    Ok(())
}

fn too_many(reason: String) -> Failure {
    Failure::Conflict { code: "too_many_trials", reason }
}

#[cfg(test)]
mod tests {
    use super::check_room;
    use crate::{
        testing::{FakeWork, branch, caller, main_branch},
        trail,
    };
    use domain::{Branch, BranchId, Caller, Operation, OperationId, OperationKind, Scope, operation::OperationInput};
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn other() -> Branch {
        Branch { id: BranchId::from_uuid(Uuid::from_u128(6)), ..branch("other", None) }
    }

    fn trial(who: &Caller, on: &Branch, kind: OperationKind, dry_run: bool) -> Operation {
        let input = OperationInput { actor: trail::actor(who), dry_run, ..OperationInput::default() };
        Operation::queued(OperationId::from_uuid(Uuid::nil()), kind, on.id, OffsetDateTime::UNIX_EPOCH).with_input(input)
    }

    #[tokio::test]
    async fn a_few_wait_for_each_caller_and_on_each_branch() {
        let (alice, bob) = (caller(Some(1), [Scope::WriteBranches]), caller(Some(2), [Scope::WriteBranches]));
        let admin = caller(None, [Scope::AdminBranches]);
        let hers = branch("pr-1", Some(1));
        let proofs = |who: &Caller, on: &Branch, count: usize| vec![trial(who, on, OperationKind::DiffBranches, false); count];
        let dry_runs = |who: &Caller, on: &Branch, count: usize| vec![trial(who, on, OperationKind::MigrateBranch, true); count];
        let migrates = |who: &Caller, on: &Branch, count: usize| vec![trial(who, on, OperationKind::MigrateBranch, false); count];
        for (what, who, on, waiting, room) in [
            ("two of one's own", &alice, &hers, [proofs(&alice, &hers, 1), dry_runs(&alice, &other(), 1)], true),
            ("three of one's own", &alice, &hers, [proofs(&alice, &hers, 1), dry_runs(&alice, &other(), 2)], false),
            ("what changes a branch is no trial", &alice, &hers, [migrates(&alice, &hers, 5), Vec::new()], true),
            ("three on a branch of everybody", &alice, &main_branch(), [proofs(&bob, &main_branch(), 3), Vec::new()], false),
            ("three of others on one's own branch", &alice, &hers, [proofs(&bob, &hers, 3), Vec::new()], true),
            ("an administrator on another branch", &admin, &hers, [proofs(&admin, &other(), 9), Vec::new()], true),
            ("an administrator on the same branch", &admin, &hers, [proofs(&admin, &hers, 3), Vec::new()], false),
        ] {
            let mut work = FakeWork::default();
            work.operations.expect_unfinished().returning(move || Ok(waiting.concat()));
            let outcome = check_room(&mut work, who, on).await;
            assert_eq!(outcome.is_ok(), room, "{what}");
            assert!(outcome.err().is_none_or(|refused| refused.code() == "too_many_trials"), "{what}");
        }
    }
}
