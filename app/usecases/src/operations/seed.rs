//! Running seed files: in a branch that was just built, and in one that serves.

use super::{
    OperationRunner,
    create::nothing_to_do,
    ending::Ending,
    halt::{Failed, Halt},
    progress::Hold,
};
use crate::{
    branches::{NO_SEEDS, no_seeds},
    trail::{self, FLUXBASE},
};
use domain::{Branch, BranchState, Operation, StepName};
use ports::driven::{BuildProgress, DatabasePlace, DatabaseTag, MigrationProgress, SeedReport, SeedRequest, StoreError};
use serde_json::json;
use std::sync::Arc;

impl OperationRunner {
    /// All of them, whatever ran before: where the branch was cut from may have a log of seeds, and the rows did not come along.
    pub(super) async fn seed(&self, hold: &Arc<Hold>, branch: &Branch, target: &DatabaseTag) -> Result<(), Halt> {
        let target = DatabasePlace { database: target.database.clone(), is_main: false };
        let reports = self.sow(hold, target, true).await?;
        Ok(self.tell_seeds(branch, &reports).await?)
    }

    /// Those that did not run here yet, or have changed. The branch serves meanwhile, and is afterwards what it was.
    pub(super) async fn seed_in_place(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let branch = self.subject(hold).await?;
        if !matches!(branch.state, BranchState::Migrating { .. }) {
            return Err(nothing_to_do(&branch));
        }
        let place = self.settings.names.place(&branch)?;
        self.end_earlier_turns(hold, &place).await?;
        self.note_sown_before(hold, &place).await?;
        let reports = self.sow(hold, place.clone(), false).await?;
        let reports = self.sown_in_all(hold, &place, reports).await;
        let error_before = hold.operation().await.input.error_before;
        let mut ending = self.succeed(hold, Some(reported(&reports))).await?;
        ending.leave_as_it_was(error_before)?;
        tell_sown(&mut ending, &reports).await?;
        ending.commit_with_branch().await?;
        hold.after_effect().await;
        Ok(())
    }

    /// The branch is what it was, with what the files before the one that failed have sown.
    pub(super) async fn fail_seed(&self, hold: &Hold, failed: &Failed) -> Result<(), Halt> {
        let error_before = hold.operation().await.input.error_before;
        let reports = self.sown_until_now(hold).await?;
        let result = (!reports.is_empty()).then(|| reported(&reports));
        let mut ending = self.fail(hold, &Failed { error: failed.error.clone(), result }).await?;
        ending.leave_as_it_was(error_before)?;
        tell_sown(&mut ending, &reports).await?;
        ending.tell("seed_failed", Some(failed.told())).await?;
        ending.commit_with_branch().await
    }

    async fn sow(&self, hold: &Arc<Hold>, target: DatabasePlace, force: bool) -> Result<Vec<SeedReport>, Halt> {
        hold.step(StepName::Seed).await?;
        let Operation { id, input, .. } = hold.operation().await;
        let files = self.ports.seeds.find(input.seeds).await?;
        if files.is_empty() {
            // The replica that took the request may have had some.
            return Err(Halt::failed(NO_SEEDS, no_seeds()));
        }
        let request = SeedRequest { target, files, force, who: input.actor, operation: Some(id) };
        Ok(self.ports.seeds.seed(&request, Arc::clone(hold) as Arc<dyn MigrationProgress>).await?)
    }

    async fn tell_seeds(&self, branch: &Branch, reports: &[SeedReport]) -> Result<(), StoreError> {
        let mut work = self.ports.control_plane.begin().await?;
        for report in reports {
            let now = self.ports.clock.now();
            work.activity().record(&trail::activity(branch.id, FLUXBASE.to_owned(), "seeded", Some(told(report)), now)).await?;
        }
        work.commit().await
    }
}

/// A line of history for each file that was sown.
pub(super) async fn tell_sown(ending: &mut Ending, reports: &[SeedReport]) -> Result<(), Halt> {
    for report in reports.iter().filter(|report| !report.unchanged) {
        ending.tell("seeded", Some(told(report))).await?;
    }
    Ok(())
}

fn told(report: &SeedReport) -> String {
    format!("{}: {} rows in {} ms", report.name, report.rows, report.duration.as_millis())
}

fn reported(reports: &[SeedReport]) -> String {
    let file = |report: &SeedReport| {
        let duration_ms = u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX);
        json!({"name": report.name, "rows": report.rows, "duration_ms": duration_ms, "unchanged": report.unchanged})
    };
    json!({"files": reports.iter().map(file).collect::<Vec<_>>()}).to_string()
}
