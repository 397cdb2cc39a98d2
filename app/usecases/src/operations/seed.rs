//! Running seed files in a branch that was just built.

use super::{OperationRunner, halt::Halt, progress::Hold};
use crate::{
    branches::{NO_SEEDS, no_seeds},
    trail::{self, FLUXBASE},
};
use domain::{Branch, StepName};
use ports::driven::{BuildProgress, DatabasePlace, DatabaseTag, MigrationProgress, SeedReport, SeedRequest, StoreError};
use std::sync::Arc;

impl OperationRunner {
    pub(super) async fn seed(&self, hold: &Arc<Hold>, branch: &Branch, target: &DatabaseTag) -> Result<(), Halt> {
        hold.step(StepName::Seed).await?;
        let input = hold.operation().await.input;
        let files = self.ports.seeds.find(input.seeds).await?;
        if files.is_empty() {
            // The replica that took the request may have had some.
            return Err(Halt::failed(NO_SEEDS, no_seeds()));
        }
        let request = SeedRequest {
            target: DatabasePlace { database: target.database.clone(), is_main: false },
            files,
            // The log of seeds may have come along with the definitions; the rows did not.
            force: true,
            who: input.actor,
        };
        let reports = self.ports.seeds.seed(&request, Arc::clone(hold) as Arc<dyn MigrationProgress>).await?;
        Ok(self.tell_seeds(branch, &reports).await?)
    }

    async fn tell_seeds(&self, branch: &Branch, reports: &[SeedReport]) -> Result<(), StoreError> {
        let mut work = self.ports.control_plane.begin().await?;
        for report in reports {
            let detail = format!("{}: {} rows in {} ms", report.name, report.rows, report.duration.as_millis());
            let now = self.ports.clock.now();
            work.activity().record(&trail::activity(branch.id, FLUXBASE.to_owned(), "seeded", Some(detail), now)).await?;
        }
        work.commit().await
    }
}
