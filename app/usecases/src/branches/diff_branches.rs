//! Compare the schemas of two branches.

use super::{
    lookup::{check_no_tables, find_visible},
    ports::BranchPorts,
    start::Start,
};
use async_trait::async_trait;
use domain::{Action, Branch, Caller, Failure, Fault, OperationKind, operation::OperationInput};
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
    check_no_tables(&caller.principal)?;
    let source = find_visible(work, caller, branch).await?;
    let parent = source.parent_id.map(|id| id.to_string());
    let Some(target) = target.or(parent.as_deref()) else {
        return Err(Fault::new("/target", "main has no parent to be compared with: name a branch").into());
    };
    let target = find_visible(work, caller, target).await?;
    Ok((source, target))
}

#[async_trait]
impl UseCase<DiffBranches> for DiffBranchesUseCase {
    async fn run(&self, caller: &Caller, command: DiffBranches) -> Result<BranchDiff, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let (source, target) = both(&mut *work, caller, &command.branch, command.target.as_deref()).await?;
        drop(work);
        let BranchPorts { names, schemas, .. } = &self.ports;
        let (from, to) = (names.place(&source)?, names.place(&target)?);
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
        let (source, target) = both(&mut *work, caller, &command.branch, command.target.as_deref()).await?;
        source.check_serves()?;
        target.check_serves()?;
        let mut start = Start::new(&self.ports, caller, Action::ProveDiff, "diff_requested");
        start.detail = Some(format!("against {}", target.slug));
        let input = OperationInput { target: Some(target.id), ..OperationInput::default() };
        let operation = start.operation(OperationKind::DiffBranches, &source, input);
        start.commit(work, source, false, operation).await
    }
}
