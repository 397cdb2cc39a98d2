//! Dropping a generation that serves no more.

use super::{OperationRunner, create::unavailable, progress::Hold};
use domain::{BranchId, Generation, Operation, OperationId, OperationKind, StepName, operation::OperationError, operation::OperationInput};
use ports::driven::{BuildError, BuildProgress, StoreError, UnitOfWork};
use std::sync::Arc;
use time::OffsetDateTime;

impl OperationRunner {
    /// Adds the operation that drops a generation, in the transaction that makes it serve no more.
    pub(super) async fn queue_discard(
        &self,
        work: &mut dyn UnitOfWork,
        branch: BranchId,
        generation: Generation,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let id = OperationId::from_uuid(self.ports.ids.fresh());
        let input = OperationInput { generation: Some(generation), ..OperationInput::default() };
        work.operations().insert(&Operation::queued(id, OperationKind::DiscardGeneration, branch, now).with_input(input)).await
    }

    /// Cuts off who is still on the generation, and drops it.
    pub(super) async fn discard(&self, hold: &Arc<Hold>) -> Result<(), BuildError> {
        let operation = hold.operation().await;
        let branch = self.branch(operation.branch_id).await?;
        let Some(generation) = operation.input.generation else {
            return Err(BuildError::Refused { code: "no_generation", message: "the operation names no generation to discard".to_owned() });
        };
        if branch.state.serving() == Some(generation) {
            let message = format!("generation {generation} of branch '{}' serves and is not discarded", branch.slug);
            return Err(BuildError::Refused { code: "generation_serves", message });
        }
        let target = self.tag(&branch, generation);
        hold.step(StepName::ShutOut).await?;
        self.ports.builder.shut_out(&target).await?;
        hold.step(StepName::DropDatabase).await?;
        self.ports.builder.drop_database(&target).await?;
        self.finish(hold).await.map_err(unavailable)?;
        hold.after_effect().await;
        Ok(())
    }

    /// Says that the operation is done, where nothing else has to be said in the same transaction.
    pub(super) async fn finish(&self, hold: &Hold) -> Result<(), StoreError> {
        let claim = hold.finished().await;
        let mut work = self.ports.control_plane.begin().await?;
        work.operations().save(&claim).await?;
        work.commit().await
    }

    /// Says that the operation failed, where nothing else has to be said in the same transaction.
    pub(super) async fn fail(&self, hold: &Hold, error: OperationError) -> Result<(), StoreError> {
        let claim = hold.failed(error).await;
        let mut work = self.ports.control_plane.begin().await?;
        work.operations().save(&claim).await?;
        work.commit().await
    }
}
