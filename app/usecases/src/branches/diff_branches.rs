//! Compare the schemas of two branches.

use super::{
    lookup::{ROW_PATIENCE, find_parent, find_visible},
    ports::BranchPorts,
    start::Start,
    trials::check_room,
};
use async_trait::async_trait;
use domain::{Action, Branch, Caller, Failure, OperationKind, operation::OperationInput};
use ports::{
    driven::{Readings, UnitOfWork},
    driving::{BranchDiff, DiffBranches, ProveDiff, StartedOperation, UseCase},
};

/// See [`DiffBranches`], [`ProveDiff`].
pub struct DiffBranchesUseCase {
    ports: BranchPorts,
}

impl DiffBranchesUseCase {
    /// Over the control plane and the schemas.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

/// The branch that was named, and the one it is compared with: its parent, where none is named.
async fn both(work: &mut dyn UnitOfWork, caller: &Caller, branch: &str, target: Option<&str>) -> Result<(Branch, Branch), Failure> {
    let source = find_visible(work, caller, branch).await?;
    let target = match target {
        Some(named) => find_visible(work, caller, named).await.map_err(|failure| pinned_elsewhere(failure, &source))?,
        None => find_parent(work, caller, &source).await?,
    };
    Ok((source, target))
}

/// A pinned key names no other branch; the parent need not be named.
fn pinned_elsewhere(failure: Failure, source: &Branch) -> Failure {
    let Failure::BadRequest { code: "branch_mismatch", .. } = failure else { return failure };
    let reason = format!("the key is pinned to branch '{}' and names no other: leave the target out to compare it with its parent", source.slug);
    Failure::bad_request("branch_mismatch", reason)
}

#[async_trait]
impl UseCase<DiffBranches> for DiffBranchesUseCase {
    async fn run(&self, caller: &Caller, command: DiffBranches) -> Result<BranchDiff, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let (source, target) = both(&mut *work, caller, &command.branch, command.target.as_deref()).await?;
        drop(work);
        let BranchPorts { names, schemas, .. } = &self.ports;
        let (from, to) = (names.place_to_look(&source)?, names.place_to_look(&target)?);
        // What is told twice is told of one reading.
        let readings = schemas.both(&to, &from).await?;
        let text = command.text.then(|| match &readings {
            Readings::Equal(_) => String::new(),
            Readings::Unequal { target, source } => schemas.unified_text(&target.map, &source.map),
        });
        Ok(BranchDiff { source: source.slug, target: target.slug, diff: readings.diff(), text })
    }
}

#[async_trait]
impl UseCase<ProveDiff> for DiffBranchesUseCase {
    async fn run(&self, caller: &Caller, command: ProveDiff) -> Result<StartedOperation, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        // Trials are counted under the lock that they are added under.
        work.branches().lock_admission(ROW_PATIENCE).await?;
        let (source, target) = both(&mut *work, caller, &command.branch, command.target.as_deref()).await?;
        source.check_serves()?;
        target.check_serves()?;
        check_room(&mut *work, caller, &source).await?;
        let mut start = Start::new(&self.ports, caller, Action::ProveDiff, "diff_requested");
        start.detail = Some(format!("against {}", target.id));
        let input = OperationInput { target: Some(target.id), ..OperationInput::default() };
        let operation = start.operation(OperationKind::DiffBranches, &source, input);
        start.commit(work, source, false, operation).await
    }
}

#[cfg(test)]
mod tests {
    use super::both;
    use crate::testing::{FakeWork, branch, caller, main_branch, pinned_to};
    use domain::{Branch, Caller, Scope};

    fn work(branches: &[Branch]) -> FakeWork {
        let mut work = FakeWork::default();
        let (by_id, by_slug) = (branches.to_vec(), branches.to_vec());
        work.branches.expect_find().returning(move |id, _| Ok(by_id.iter().find(|branch| branch.id == id).cloned()));
        work.branches.expect_find_by_slug().returning(move |slug| Ok(by_slug.iter().find(|branch| branch.slug == *slug).cloned()));
        work
    }

    async fn target(caller: &Caller, target: Option<&str>, private_parent: bool) -> Result<String, String> {
        let main = Branch { id: domain::BranchId::from_uuid(uuid::Uuid::from_u128(77)), ..main_branch() };
        let parent = if private_parent { Branch { id: main.id, ..branch("secret", Some(2)) } } else { main };
        let child = Branch { parent_id: Some(parent.id), ..branch("pr-1", Some(1)) };
        let found = both(&mut work(&[parent, child]), caller, "pr-1", target).await;
        found.map(|(_, target)| target.slug.to_string()).map_err(|failure| format!("{}: {failure}", failure.code()))
    }

    #[tokio::test]
    async fn a_pinned_key_compares_its_branch_with_the_parent_that_it_need_not_name() {
        let pinned = pinned_to("pr-1", Scope::ReadBranches);
        assert_eq!(target(&pinned, None, false).await.as_deref(), Ok("main"));
        let refused = target(&pinned, Some("main"), false).await.unwrap_err();
        assert!(refused.starts_with("branch_mismatch: ") && refused.contains("leave the target out"), "{refused}");
    }

    #[tokio::test]
    async fn a_parent_that_the_caller_may_not_see_stays_nameless() {
        let refused = target(&caller(Some(1), [Scope::ReadBranches]), None, true).await.unwrap_err();
        assert!(refused.starts_with("branch_access_denied: ") && !refused.contains("secret"), "{refused}");
    }
}
