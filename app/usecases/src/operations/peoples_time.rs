//! What people wrote may run for ever: it is counted where it runs, and ended when its time is up. Waiting for a turn to copy is none of that time.

use super::{OperationRunner, halt::Halt, progress::Hold};
use domain::{Operation, OperationKind};
use std::{future::Future, time::Duration};
use tokio::sync::watch;

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
            Some(most) => tokio::select! {
                outcome = work => outcome,
                () = hold.has_worked_for(most) => Err(out_of_time(most)),
            },
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

#[cfg(test)]
mod tests {
    use super::super::progress::Hold;
    use domain::{BranchId, Operation, OperationId, OperationKind, operation::Claim};
    use ports::driven::{BuildProgress, MockClock, MockControlPlane, NoFailpoints};
    use std::{sync::Arc, time::Duration};
    use time::OffsetDateTime;
    use tokio::time::{Instant, sleep};
    use uuid::Uuid;

    #[tokio::test(start_paused = true)]
    async fn waiting_for_turns_takes_nothing_of_its_time() {
        let (hour, minute) = (Duration::from_hours(1), Duration::from_mins(1));
        let (id, branch) = (OperationId::from_uuid(Uuid::nil()), BranchId::from_uuid(Uuid::nil()));
        let operation = Operation::queued(id, OperationKind::CreateBranch, branch, OffsetDateTime::UNIX_EPOCH);
        let claim = Claim { operation, fence: 1, failures: 0 };
        let hold = Hold::new(claim, Arc::new(MockControlPlane::new()), Arc::new(MockClock::new()), Arc::new(NoFailpoints), minute);
        let began = Instant::now();
        let waits = async {
            for _ in 0..3 {
                sleep(minute * 10).await;
                hold.waits_for_turn(true);
                sleep(hour).await;
                hold.waits_for_turn(false);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = waits => {}
            () = hold.has_worked_for(hour) => {}
        }
        assert_eq!(began.elapsed().as_secs(), 4 * 3600);
    }
}
