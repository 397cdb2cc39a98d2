//! Applying migrations to a branch in place.

use super::{
    OperationRunner,
    create::nothing_to_do,
    ending::{Ending, elsewhere},
    halt::{Failed, Halt, file_error},
    migration_report::MigrationReport,
    progress::Hold,
};
use domain::{
    Branch, BranchState, Slug, StepName,
    migration::{Coverage, LedgerEntry, MigrationFile, MigrationSet, plan},
    operation::OperationInput,
};
use ports::driven::{
    AppliedFile, ApplyRequest, BuildProgress, DatabasePlace, FileFailure, MigrationError, MigrationHistory, MigrationOutcome, MigrationProgress,
};
use std::{sync::Arc, time::Duration};

impl OperationRunner {
    /// Applies what the branch's ledger lacks. Its generation serves meanwhile, and after a failure too.
    pub(super) async fn migrate(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let input = hold.operation().await.input;
        if input.dry_run {
            return self.try_migrations(hold).await;
        }
        let branch = self.subject(hold).await?;
        if !matches!(branch.state, BranchState::Migrating { .. }) {
            return Err(nothing_to_do(&branch));
        }
        let route = self.settings.names.route(&branch).ok_or_else(|| nothing_to_do(&branch))?;
        let target = DatabasePlace { database: route.database, is_main: branch.is_main() };
        hold.step(StepName::Migrate).await?;
        self.end_earlier_turns(hold, &target).await?;
        let drift = self.drift_before(hold, &target).await?;
        self.note_applied_before(hold, &target).await?;
        let files = self.pending(&input, &branch.slug, &target).await?;
        let request = ApplyRequest {
            branch: branch.slug.clone(),
            target: target.clone(),
            files,
            who: input.actor,
            operation: Some(hold.operation().await.id),
            observe: false,
        };
        let applied = match self.ports.migrations.apply(&request, Arc::clone(hold) as Arc<dyn MigrationProgress>).await {
            Ok(applied) => applied,
            Err(MigrationError::File { failure, applied }) => return self.migration_failed(hold, &request, &failure, applied).await,
            Err(other) => return Err(other.into()),
        };
        let applied = self.applied_in_all(hold, &target, applied).await;
        let way_out = self.way_out_of_drift(drift, &branch.slug, &target).await;
        let mut ending = self.succeed(hold, Some(MigrationReport::of(&applied, None).drifted(drift, way_out).json())).await?;
        ending.branch.state = ending.branch.state.clone().migrated().map_err(elsewhere)?;
        record(&mut ending, &applied, None).await?;
        ending.tell("migrated", Some(files_told(&applied))).await?;
        ending.commit_with_branch().await?;
        hold.after_effect().await;
        Ok(())
    }

    /// The files that the ledger lacks, in order, or what stands in the way.
    pub(super) async fn pending(&self, input: &OperationInput, branch: &Slug, target: &DatabasePlace) -> Result<Vec<MigrationFile>, Halt> {
        let files = self.files(input).await?;
        let ledger: Vec<LedgerEntry> = self.ports.migrations.ledger(target).await?;
        let plan = plan(&files.files, Coverage::of_request(&input.files, input.whole), &ledger, input.allow_out_of_order);
        let Some(first) = plan.refusals.first() else { return Ok(plan.pending) };
        let told: Vec<_> = plan.refusals.iter().map(|refusal| refusal.told(branch)).collect();
        Err(Halt::failed(first.code(), told.join("\n")))
    }

    /// The files of the call, or the project's.
    async fn files(&self, input: &OperationInput) -> Result<MigrationSet, Halt> {
        let hash = |text: &[u8]| self.ports.migrations.checksum(text);
        let read = if input.files.is_empty() {
            let files = self.ports.migration_files.read().await?;
            MigrationSet::read(files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())), hash)
        } else {
            MigrationSet::read(input.files.iter().map(|file| (file.name.as_str(), file.text.as_bytes())), hash)
        };
        read.map_err(|faults| {
            let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
            Halt::failed("migrations_invalid", told.join("\n"))
        })
    }

    /// The file failed: the branch is as it was before that file, serves on, and says what is wrong until it is migrated or reset.
    async fn migration_failed(&self, hold: &Hold, request: &ApplyRequest, failure: &FileFailure, applied: Vec<AppliedFile>) -> Result<(), Halt> {
        let applied = self.applied_in_all(hold, &request.target, applied).await;
        let failed = Failed { error: file_error(failure), result: Some(MigrationReport::of(&applied, None).json()) };
        let mut ending = self.fail(hold, &failed).await?;
        ending.branch.state = ending.branch.state.clone().migrate_failed(failure.to_string()).map_err(elsewhere)?;
        let file = request.files.iter().find(|file| file.name == failure.file);
        record(&mut ending, &applied, file.map(|file| (file, failure))).await?;
        ending.tell("migrate_failed", Some(failure.to_string())).await?;
        ending.commit_with_branch().await?;
        tracing::info!(database = %request.target.database, file = %failure.file, "a migration failed");
        Ok(())
    }

    /// A file that was at work left nothing, or nobody knows: the branch is what it was, with the files before that one.
    pub(super) async fn fail_migrate(&self, hold: &Arc<Hold>, failed: &Failed) -> Result<(), Halt> {
        let input = hold.operation().await.input;
        if input.dry_run {
            return self.fail_trial(hold, failed).await;
        }
        let applied = self.applied_until_now(hold).await?;
        let result = failed.result.clone().or_else(|| (!applied.is_empty()).then(|| MigrationReport::of(&applied, None).json()));
        let mut ending = self.fail(hold, &Failed { error: failed.error.clone(), result }).await?;
        ending.leave_as_it_was(input.error_before)?;
        record(&mut ending, &applied, None).await?;
        ending.tell("migrate_failed", Some(failed.error.message.clone())).await?;
        ending.commit_with_branch().await
    }
}

impl OperationRunner {
    /// What an operation that ends before its time has applied.
    pub(super) async fn applied_until_now(&self, hold: &Hold) -> Result<Vec<AppliedFile>, Halt> {
        let branch = self.branch(hold.operation().await.branch_id).await?;
        let Some(route) = self.settings.names.route(&branch) else { return Ok(Vec::new()) };
        let target = DatabasePlace { database: route.database, is_main: branch.is_main() };
        self.leave_nothing_at_work(hold, &target).await;
        Ok(self.applied_in_all(hold, &target, Vec::new()).await)
    }
}

fn files_told(applied: &[AppliedFile]) -> String {
    match applied {
        [] => "nothing was pending".to_owned(),
        files => files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// Writes the lines of `branching.migration_history`.
pub(super) async fn record(ending: &mut Ending, applied: &[AppliedFile], failed: Option<(&MigrationFile, &FileFailure)>) -> Result<(), Halt> {
    let Branch { id: branch_id, .. } = ending.branch;
    let (who, at) = (ending.actor().to_owned(), ending.now);
    let line = |version, name: &str, outcome, duration, detail| {
        let who = who.clone();
        MigrationHistory { branch_id, version, name: name.to_owned(), outcome, duration, who, at, detail }
    };
    for file in applied {
        let line = line(file.version, &file.name, MigrationOutcome::Applied, file.duration, None);
        ending.work.migrations().record(&line).await?;
    }
    if let Some((file, failure)) = failed {
        let line = line(file.version, &file.name, MigrationOutcome::Failed, Duration::ZERO, Some(failure.to_string()));
        ending.work.migrations().record(&line).await?;
    }
    Ok(())
}
