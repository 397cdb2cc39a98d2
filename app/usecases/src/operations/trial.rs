//! What is only tried, on throw-away copies: migrations, and the scripts of diffs.

use super::{
    OperationRunner,
    halt::{Failed, Halt, file_error},
    migration_report::MigrationReport,
    progress::Hold,
};
use domain::{Branch, OperationId, StepName, branch::DatabaseName, schema::SchemaDiff};
use ports::driven::{ApplyRequest, BuildError, BuildProgress, DatabasePlace, MigrationError, MigrationProgress, Proof, TrialSource};
use serde_json::json;
use std::sync::Arc;

/// Rows come along to a trial up to this size: they decide whether a constraint holds and how long a rewrite takes.
const ROWS_UP_TO: u64 = 256 * 1024 * 1024;

impl OperationRunner {
    /// Applies what the branch lacks to a copy of it, looking at locks and rewrites, and compares the copy with the branch.
    pub(super) async fn try_migrations(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let operation = hold.operation().await;
        let branch = self.branch(operation.branch_id).await?;
        let place = self.settings.names.place(&branch)?;
        hold.step(StepName::CopyForTrial).await?;
        let (copy, without_rows) = self.copy_to_try(hold, operation.id, &place).await?;
        let target = DatabasePlace { database: copy, is_main: false };
        hold.step(StepName::Migrate).await?;
        let files = self.pending(&operation.input, &branch.slug, &target).await?;
        let request = ApplyRequest { branch: branch.slug, target, files, who: operation.input.actor, operation: Some(operation.id), observe: true };
        let applied = match self.ports.migrations.apply(&request, Arc::clone(hold) as Arc<dyn MigrationProgress>).await {
            Ok(applied) => applied,
            // The step that failed is this one: the copy is dropped when the operation ends.
            Err(MigrationError::File { failure, applied }) => {
                let result = Some(MigrationReport::of(&applied, None).tried(without_rows.as_deref()).json());
                return Err(Halt::Failed(Box::new(Failed { error: file_error(&failure), result })));
            }
            Err(other) => return Err(other.into()),
        };
        let diff = self.ports.schemas.diff(&place, &request.target).await?;
        let drift = self.drift(&place).await?;
        let way_out = self.way_out_of_drift(drift, &request.branch, &place).await;
        let result = Some(MigrationReport::of(&applied, Some(&diff)).tried(without_rows.as_deref()).drifted(drift, way_out).json());
        hold.step(StepName::DropTrial).await?;
        self.ports.trials.discard(operation.id, Arc::clone(hold) as Arc<dyn BuildProgress>).await?;
        self.succeed(hold, result).await?.commit().await?;
        hold.after_effect().await;
        Ok(())
    }

    /// Compares two branches, runs the script in a copy of the target, and compares that with the source.
    pub(super) async fn prove(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let operation = hold.operation().await;
        let Some(target) = operation.input.target else {
            return Err(Halt::failed("no_target", "the operation names no branch to compare with"));
        };
        let (source, target) = (self.branch(operation.branch_id).await?, self.branch(target).await?);
        let (from, to) = (self.settings.names.place(&source)?, self.settings.names.place(&target)?);
        hold.step(StepName::Compare).await?;
        let (wanted, present) = tokio::try_join!(self.ports.schemas.read(&from), self.ports.schemas.read(&to))?;
        let diff = SchemaDiff::between(&present, &wanted);
        hold.step(StepName::CopyForTrial).await?;
        let without_rows = TrialSource { database: to.database, is_main: to.is_main, rows: false };
        let copy = self.ports.trials.copy(operation.id, &without_rows, Arc::clone(hold) as Arc<dyn BuildProgress>).await?;
        hold.step(StepName::Prove).await?;
        let proof = self.ports.prover.prove(&copy, &diff.script, &wanted).await?;
        hold.step(StepName::DropTrial).await?;
        self.ports.trials.discard(operation.id, Arc::clone(hold) as Arc<dyn BuildProgress>).await?;
        self.succeed(hold, Some(proof_told(&source, &target, &diff, &proof))).await?.commit().await?;
        hold.after_effect().await;
        Ok(())
    }

    /// Drops the copy, and says that it failed; nothing else was touched.
    pub(super) async fn fail_trial(&self, hold: &Arc<Hold>, failed: &Failed) -> Result<(), Halt> {
        self.ports.trials.discard(hold.operation().await.id, Arc::clone(hold) as Arc<dyn BuildProgress>).await?;
        self.fail(hold, failed).await?.commit().await
    }

    /// Copies the branch, with its rows where they come along, and else says why not: what keeps rows from a copy does not keep a migration from the branch.
    async fn copy_to_try(
        &self,
        hold: &Arc<Hold>,
        operation: OperationId,
        place: &DatabasePlace,
    ) -> Result<(DatabaseName, Option<String>), BuildError> {
        let copy = async |rows| {
            let source = TrialSource { database: place.database.clone(), is_main: place.is_main, rows };
            self.ports.trials.copy(operation, &source, Arc::clone(hold) as Arc<dyn BuildProgress>).await
        };
        let without_rows = if self.rows_fit(&place.database).await {
            match copy(true).await {
                Err(BuildError::Refused { message, .. }) => message,
                copied => return Ok((copied?, None)),
            }
        } else {
            format!("the database is bigger than {} MB, or its size could not be read", ROWS_UP_TO / 1024 / 1024)
        };
        Ok((copy(false).await?, Some(without_rows)))
    }

    /// A size that is not known is taken for a large one.
    async fn rows_fit(&self, database: &DatabaseName) -> bool {
        let health = self.ports.probe.probe(database).await;
        health.is_ok_and(|health| health.size_bytes.is_some_and(|bytes| bytes <= ROWS_UP_TO))
    }
}

fn proof_told(source: &Branch, target: &Branch, diff: &SchemaDiff, proof: &Proof) -> String {
    let (proved, left, failure) = match proof {
        Proof::Ran(left) => (left.is_empty(), Some(left), None),
        Proof::Failed { statement, message } => (false, None, Some(json!({"statement": statement, "message": message}))),
    };
    let left = left.filter(|left| !left.is_empty());
    let copy = json!({"rows": false, "reason": "a proof is of the schema: what the script does to rows is told by its hazards"});
    json!({"source": source.slug, "target": target.slug, "proved": proved, "copy": copy, "left": left, "failure": failure, "diff": diff}).to_string()
}
