//! A worker's hold on an operation: its steps as they are written down, its lease as it is renewed, and whether it was called off.

use super::halt::{Failed, Halt};
use async_trait::async_trait;
use domain::{
    StepName,
    migration::MigrationVersion,
    operation::{Claim, Operation, Progress, Step},
};
use ports::driven::{
    BuildError, BuildProgress, Clock, ControlPlane, Failpoints, MigrationError, MigrationEvent, MigrationProgress, StoreError, UnitOfWork,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout},
};

/// The claim of one worker on one operation, shared by what it runs.
pub(super) struct Hold {
    control_plane: Arc<dyn ControlPlane>,
    clock: Arc<dyn Clock>,
    failpoints: Arc<dyn Failpoints>,
    lease: Duration,
    cancelled: AtomicBool,
    waits_for_turn: watch::Sender<bool>,
    held: Mutex<Held>,
}

struct Held {
    claim: Claim,
    current: Option<StepName>,
    told: Instant,
}

impl Hold {
    /// Seconds between two lines of progress in the metadata database.
    const TELL_EVERY: Duration = Duration::from_millis(500);
    /// How often it is looked whether somebody called the operation off.
    const LOOK_EVERY: Duration = Duration::from_secs(1);

    pub(super) fn new(
        claim: Claim,
        control_plane: Arc<dyn ControlPlane>,
        clock: Arc<dyn Clock>,
        failpoints: Arc<dyn Failpoints>,
        lease: Duration,
    ) -> Self {
        let cancelled = AtomicBool::new(claim.operation.cancel_requested && claim.operation.kind.can_be_called_off());
        let held = Mutex::new(Held { claim, current: None, told: Instant::now() });
        Self { control_plane, clock, failpoints, lease, cancelled, waits_for_turn: watch::Sender::new(false), held }
    }

    /// The operation as it stands.
    pub(super) async fn operation(&self) -> Operation {
        self.held.lock().await.claim.operation.clone()
    }

    /// Whether somebody was at it before: this replica, or another one that may wake up again.
    pub(super) async fn is_taken_over(&self) -> bool {
        self.held.lock().await.claim.fence > 1
    }

    /// The claim.
    pub(super) async fn claim(&self) -> Claim {
        self.held.lock().await.claim.clone()
    }

    /// Whether somebody called the operation off, and was heard.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Ends once it was at work for so long. While it waits for its turn behind others the time stands still.
    pub(super) async fn has_worked_for(&self, most: Duration) {
        let mut turn = self.waits_for_turn.subscribe();
        let mut left = most;
        loop {
            drop(turn.wait_for(|waits| !waits).await);
            let since = Instant::now();
            if timeout(left, turn.wait_for(|waits| *waits)).await.is_err() {
                return;
            }
            left = left.saturating_sub(since.elapsed());
        }
    }

    /// Renews the lease until the claim is lost, the operation is called off, or the future is dropped.
    pub(super) async fn keep(&self) -> Halt {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(Self::LOOK_EVERY.min(self.lease / 3)).await;
            let due = renewed.elapsed() >= self.lease / 3;
            match self.look(due).await {
                Err(Halt::Again { source, .. }) => {
                    // Not reached this time: the lease still has two thirds to go, and writes are fenced anyway.
                    tracing::warn!(cause = source.map(|error| error.to_string()), "could not renew the lease");
                }
                Err(halt) => return halt,
                Ok(()) if due => renewed = Instant::now(),
                Ok(()) => {}
            }
        }
    }

    /// Renews the lease until the claim is lost or the future is dropped, whoever calls it off: for taking back what was made.
    pub(super) async fn keep_to_the_end(&self) -> Halt {
        loop {
            tokio::time::sleep(self.lease / 3).await;
            if let Err(StoreError::Fenced) = self.renew().await {
                return Halt::Lost;
            }
        }
    }

    async fn look(&self, renew: bool) -> Result<(), Halt> {
        let claim = self.claim().await;
        let mut work = self.control_plane.begin().await?;
        let cancelled = claim.operation.kind.can_be_called_off() && work.operations().cancel_requested(claim.operation.id).await?;
        if cancelled {
            self.cancelled.store(true, Ordering::Release);
            return Err(Halt::Cancelled);
        }
        if renew {
            work.operations().renew(&claim, self.lease).await?;
            work.commit().await?;
        }
        Ok(())
    }

    /// Makes the lease last from now; [`StoreError::Fenced`] where the claim is lost.
    pub(super) async fn renew(&self) -> Result<(), StoreError> {
        let claim = self.claim().await;
        let mut work = self.control_plane.begin().await?;
        work.operations().renew(&claim, self.lease).await?;
        work.commit().await
    }

    /// Writes down which migrations the branch had before this operation.
    pub(super) async fn note_applied_before(&self, applied: Vec<MigrationVersion>) -> Result<(), BuildError> {
        let mut held = self.held.lock().await;
        held.claim.operation.input.applied_before = Some(applied);
        self.save(&held.claim).await
    }

    /// Writes down which seed files had run in the branch before this operation.
    pub(super) async fn note_sown_before(&self, sown: BTreeMap<String, i64>) -> Result<(), BuildError> {
        let mut held = self.held.lock().await;
        held.claim.operation.input.sown_before = Some(sown);
        self.save(&held.claim).await
    }

    /// The claim with every step done and the operation succeeded, to be saved in the transaction of the last effect. Until that is committed, the
    /// last step is still at work.
    pub(super) async fn finished(&self, result: Option<String>) -> Claim {
        self.ended(Progress::Succeeded, None, result).await
    }

    /// The claim with the present step and the operation failed.
    pub(super) async fn failed(&self, failed: &Failed) -> Claim {
        self.ended(Progress::Failed, Some(failed.error.clone()), failed.result.clone()).await
    }

    /// The claim with the present step and the operation called off.
    pub(super) async fn called_off(&self) -> Claim {
        self.ended(Progress::Cancelled, None, None).await
    }

    async fn ended(&self, status: Progress, error: Option<domain::operation::OperationError>, result: Option<String>) -> Claim {
        let held = self.held.lock().await;
        let now = self.clock.now();
        let mut claim = held.claim.clone();
        if let Some(step) = claim.operation.steps.iter_mut().find(|step| Some(step.name) == held.current) {
            step.status = status;
            step.finished_at = Some(now);
        }
        claim.operation.status = status;
        claim.operation.error = error;
        claim.operation.result = result;
        claim.operation.finished_at = Some(now);
        claim
    }

    /// The claim with the error of a try that did not work out.
    pub(super) async fn troubled(&self, error: domain::operation::OperationError) -> Claim {
        let mut claim = self.claim().await;
        claim.operation.error = Some(error);
        claim
    }

    /// Tells a test that the effect of the last step is in the world.
    pub(super) async fn after_effect(&self) {
        if let Some(step) = self.held.lock().await.current {
            self.failpoints.reached(&format!("{step}.after"));
        }
    }

    fn begin(&self, held: &mut Held, name: StepName) {
        if let Some(current) = held.current {
            self.failpoints.reached(&format!("{current}.after"));
        }
        held.begin(name, self.clock.now());
    }

    /// Tells how far the steps are, and hears whether somebody called the operation off.
    async fn tell(&self, claim: &Claim) -> Result<(), BuildError> {
        let mut work = self.control_plane.begin().await.map_err(stopped)?;
        work.only_tells();
        self.save_in(work, claim).await
    }

    /// The same for what is read again after a crash.
    async fn save(&self, claim: &Claim) -> Result<(), BuildError> {
        let work = self.control_plane.begin().await.map_err(stopped)?;
        self.save_in(work, claim).await
    }

    async fn save_in(&self, mut work: Box<dyn UnitOfWork>, claim: &Claim) -> Result<(), BuildError> {
        work.operations().save(claim).await.map_err(stopped)?;
        if claim.operation.kind.can_be_called_off() && work.operations().cancel_requested(claim.operation.id).await.map_err(stopped)? {
            self.cancelled.store(true, Ordering::Release);
        }
        work.commit().await.map_err(stopped)?;
        if self.is_cancelled() { Err(BuildError::Stopped) } else { Ok(()) }
    }
}

/// Whatever keeps a worker from writing under its claim ends its turn; another claim goes on from there.
fn stopped(error: StoreError) -> BuildError {
    match error {
        StoreError::Fenced => BuildError::Stopped,
        other => BuildError::Retryable { message: "the metadata database is not available".to_owned(), source: Some(other.into()) },
    }
}

impl Held {
    fn step(&mut self, name: StepName) -> Option<&mut Step> {
        self.claim.operation.steps.iter_mut().find(|step| step.name == name)
    }

    /// The next step begins, and the one before is done. An attempt that begins anew begins its later steps anew as well.
    fn begin(&mut self, name: StepName, now: time::OffsetDateTime) {
        self.end_current(now);
        let mut later = false;
        for step in &mut self.claim.operation.steps {
            later |= step.name == name;
            if later {
                *step = Step::queued(step.name);
            }
        }
        if let Some(step) = self.step(name) {
            step.status = Progress::Running;
            step.started_at = Some(now);
        }
        self.current = Some(name);
        self.told = Instant::now();
    }

    fn end_current(&mut self, now: time::OffsetDateTime) {
        if let Some(step) = self.current.take().and_then(|name| self.step(name)) {
            step.status = Progress::Succeeded;
            step.finished_at = Some(now);
        }
    }
}

#[async_trait]
impl BuildProgress for Hold {
    async fn step(&self, name: StepName) -> Result<(), BuildError> {
        let mut held = self.held.lock().await;
        self.begin(&mut held, name);
        self.tell(&held.claim).await?;
        self.failpoints.reached(&format!("{name}.before"));
        Ok(())
    }

    async fn passed(&self, steps: &[StepName]) -> Result<(), BuildError> {
        let mut held = self.held.lock().await;
        for name in steps {
            self.begin(&mut held, *name);
            self.failpoints.reached(&format!("{name}.before"));
        }
        if self.is_cancelled() { Err(BuildError::Stopped) } else { Ok(()) }
    }

    async fn advance(&self, done: u64, total: u64, unit: &'static str) -> Result<(), BuildError> {
        let mut held = self.held.lock().await;
        let Some(current) = held.current else { return Ok(()) };
        if let Some(step) = held.step(current) {
            step.done = Some(done);
            step.total = Some(total);
            step.unit = Some(unit.to_owned());
        }
        if done < total && held.told.elapsed() < Self::TELL_EVERY {
            return Ok(());
        }
        held.told = Instant::now();
        self.tell(&held.claim).await
    }

    fn waits_for_turn(&self, waits: bool) {
        self.waits_for_turn.send_replace(waits);
    }

    async fn still_mine(&self) -> Result<(), BuildError> {
        self.renew().await.map_err(stopped)
    }
}

/// Files count; statements and bytes within them only tell that the worker still holds the operation.
#[async_trait]
impl MigrationProgress for Hold {
    async fn told(&self, event: MigrationEvent) -> Result<(), MigrationError> {
        let told = match event {
            MigrationEvent::FileBegins { number, total, .. } => self.advance(number as u64 - 1, total as u64, "files").await,
            MigrationEvent::FileEnds { .. } => self.one_more().await,
            MigrationEvent::Commits => self.still_held().await,
            MigrationEvent::Statements { .. } | MigrationEvent::Bytes { .. } | MigrationEvent::GaveWay { .. } => {
                if self.is_cancelled() {
                    Err(BuildError::Stopped)
                } else {
                    Ok(())
                }
            }
        };
        told.map_err(|error| match error {
            BuildError::Retryable { message, source } => MigrationError::Retryable { message, source },
            BuildError::Refused { .. } | BuildError::Stopped => MigrationError::Stopped,
        })
    }
}

impl Hold {
    /// Whether nobody else has the operation, and nobody called it off.
    async fn still_held(&self) -> Result<(), BuildError> {
        self.look(true).await.map_err(|halt| match halt {
            Halt::Again { message, source } => BuildError::Retryable { message, source },
            Halt::Lost | Halt::Cancelled | Halt::Failed(_) => BuildError::Stopped,
        })
    }

    async fn one_more(&self) -> Result<(), BuildError> {
        let counted = {
            let mut held = self.held.lock().await;
            let current = held.current;
            current.and_then(|name| held.step(name)).and_then(|step| Some((step.done? + 1, step.total?)))
        };
        match counted {
            Some((done, total)) => self.advance(done, total, "files").await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
