//! What people wrote may run for ever: it is counted where it runs, and ended when its time is up.

use super::{OperationRunner, halt::Halt, progress::Hold};
use domain::{Operation, OperationKind};
use std::{future::Future, time::Duration};
use tokio::{sync::watch, time::timeout};

/// What an operation runs of what people wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peoples {
    /// Nothing.
    Nothing,
    /// What administrators have run in main: they say themselves how long that may take.
    InMain,
    /// Anything of anybody's.
    Anything,
}

/// A worker that is at what people wrote, until this is dropped.
struct AtWork<'a>(&'a watch::Sender<usize>);

impl<'a> AtWork<'a> {
    fn begin(workers: &'a watch::Sender<usize>) -> Self {
        workers.send_modify(|busy| *busy += 1);
        Self(workers)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|busy| *busy -= 1);
    }
}

impl OperationRunner {
    /// Carries it out, for as long as it may take.
    pub(super) async fn in_time(&self, hold: &Hold, work: impl Future<Output = Result<(), Halt>>) -> Result<(), Halt> {
        let peoples = self.peoples(&hold.operation().await).await?;
        if peoples == Peoples::Nothing {
            return work.await;
        }
        let _at_work = AtWork::begin(&self.at_peoples);
        match self.settings.peoples_time.filter(|_| peoples == Peoples::Anything) {
            Some(most) => timeout(most, work).await.unwrap_or_else(|_| Err(out_of_time(most))),
            None => work.await,
        }
    }

    async fn peoples(&self, operation: &Operation) -> Result<Peoples, Halt> {
        let kind = operation.kind;
        if !kind.runs_peoples_code(false) {
            return Ok(Peoples::Nothing);
        }
        let branch = self.branch(operation.branch_id).await?;
        let in_place = matches!(kind, OperationKind::MigrateBranch | OperationKind::SeedBranch) && !operation.is_trial();
        if in_place && branch.is_main() {
            return Ok(Peoples::InMain);
        }
        let parent_is_main = match branch.parent_id {
            Some(parent) if !kind.runs_peoples_code(true) => self.branch(parent).await?.is_main(),
            _ => true,
        };
        Ok(if kind.runs_peoples_code(parent_is_main) { Peoples::Anything } else { Peoples::Nothing })
    }
}

fn out_of_time(most: Duration) -> Halt {
    let told = format!(
        "it was at work for {} s and was not done, so it was ended: make it smaller, or have branching.operation_timeout raised",
        most.as_secs()
    );
    Halt::failed("operation_timeout", told)
}
