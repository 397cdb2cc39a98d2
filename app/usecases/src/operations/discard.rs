//! Dropping a generation that serves no more.

use super::{OperationRunner, halt::Halt, progress::Hold, runner::NOT_TO_DISCARD};
use domain::{Branch, Generation, Operation, OperationId, OperationKind, StepName, operation::OperationInput};
use ports::driven::{BuildProgress, StoreError, UnitOfWork};
use std::sync::Arc;
use time::OffsetDateTime;

impl OperationRunner {
    /// Adds the operation that drops a generation, in the transaction that makes it serve no more. Requests that began before may end on it first.
    pub(super) async fn queue_discard(
        &self,
        work: &mut dyn UnitOfWork,
        branch: &Branch,
        generation: Generation,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let operation = discard_operation(OperationId::from_uuid(self.ports.ids.fresh()), branch, generation, now);
        work.operations().insert_delayed(&operation, self.settings.grace).await
    }

    /// Cuts off who is still on the generation, and drops it.
    pub(super) async fn discard(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let operation = hold.operation().await;
        let branch = self.branch(operation.branch_id).await?;
        let Some(generation) = operation.input.generation else {
            return Err(Halt::failed(NOT_TO_DISCARD, "the operation names no generation to discard"));
        };
        if branch.generations().contains(&generation) {
            return Err(Halt::failed(NOT_TO_DISCARD, format!("generation {generation} of branch '{}' is in use and not discarded", branch.slug)));
        }
        let target = self.settings.names.tag(&branch, generation);
        hold.step(StepName::ShutOut).await?;
        self.ports.builder.shut_out(&target).await?;
        hold.step(StepName::DropDatabase).await?;
        self.ports.builder.drop_database(&target, Arc::clone(hold) as Arc<dyn BuildProgress>).await?;
        self.succeed(hold, None).await?.commit().await?;
        hold.after_effect().await;
        Ok(())
    }
}

/// The operation that drops a generation.
pub(super) fn discard_operation(id: OperationId, branch: &Branch, generation: Generation, now: OffsetDateTime) -> Operation {
    let input = OperationInput { generation: Some(generation), ..OperationInput::default() };
    Operation::queued(id, OperationKind::DiscardGeneration, branch.id, now).with_input(input)
}
