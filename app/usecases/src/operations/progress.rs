//! A worker's hold on an operation: its steps as they are written down, its lease as it is renewed.

use async_trait::async_trait;
use domain::{
    StepName,
    operation::{Claim, Operation, Progress, Step},
};
use ports::driven::{BuildError, BuildProgress, Clock, ControlPlane, Failpoints, StoreError};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// The claim of one worker on one operation, shared by what it runs.
pub(super) struct Hold {
    control_plane: Arc<dyn ControlPlane>,
    clock: Arc<dyn Clock>,
    failpoints: Arc<dyn Failpoints>,
    lease: Duration,
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

    pub(super) fn new(
        claim: Claim,
        control_plane: Arc<dyn ControlPlane>,
        clock: Arc<dyn Clock>,
        failpoints: Arc<dyn Failpoints>,
        lease: Duration,
    ) -> Self {
        Self { control_plane, clock, failpoints, lease, held: Mutex::new(Held { claim, current: None, told: Instant::now() }) }
    }

    /// The operation as it stands.
    pub(super) async fn operation(&self) -> Operation {
        self.held.lock().await.claim.operation.clone()
    }

    /// Renews the lease until the claim is lost or the future is dropped.
    pub(super) async fn keep(&self) -> StoreError {
        loop {
            tokio::time::sleep(self.lease / 3).await;
            let claim = self.held.lock().await.claim.clone();
            match self.renew(&claim).await {
                Err(StoreError::Fenced) => return StoreError::Fenced,
                // Not reached this time: the lease still has two thirds to go, and writes are fenced anyway.
                Err(error) => tracing::warn!(operation.id = %claim.operation.id, %error, "could not renew the lease"),
                Ok(()) => {}
            }
        }
    }

    async fn renew(&self, claim: &Claim) -> Result<(), StoreError> {
        let mut work = self.control_plane.begin().await?;
        work.operations().renew(claim, self.lease).await?;
        work.commit().await
    }

    /// The claim with every step done and the operation succeeded, to be saved in the transaction of the last effect. Until that is committed, the
    /// last step is still at work.
    pub(super) async fn finished(&self) -> Claim {
        let held = self.held.lock().await;
        let now = self.clock.now();
        let mut claim = held.claim.clone();
        if let Some(step) = claim.operation.steps.iter_mut().find(|step| Some(step.name) == held.current) {
            step.status = Progress::Succeeded;
            step.finished_at = Some(now);
        }
        claim.operation.status = Progress::Succeeded;
        claim.operation.finished_at = Some(now);
        claim
    }

    /// The claim with the present step and the operation failed.
    pub(super) async fn failed(&self, error: domain::operation::OperationError) -> Claim {
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        if let Some(step) = held.current.take().and_then(|name| held.step(name)) {
            step.status = Progress::Failed;
            step.finished_at = Some(now);
        }
        let mut claim = held.claim.clone();
        claim.operation.status = Progress::Failed;
        claim.operation.error = Some(error);
        claim.operation.finished_at = Some(now);
        claim
    }

    /// Tells a test that the effect of the last step is in the world.
    pub(super) async fn after_effect(&self) {
        if let Some(step) = self.held.lock().await.current {
            self.failpoints.reached(&format!("{step}.after"));
        }
    }

    async fn save(&self, claim: &Claim) -> Result<(), BuildError> {
        let mut work = self.control_plane.begin().await.map_err(stopped)?;
        work.operations().save(claim).await.map_err(stopped)?;
        work.commit().await.map_err(stopped)
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
        if let Some(current) = held.current {
            self.failpoints.reached(&format!("{current}.after"));
        }
        let now = self.clock.now();
        held.end_current(now);
        // An attempt that begins anew begins its later steps anew as well.
        let mut later = false;
        for step in &mut held.claim.operation.steps {
            later |= step.name == name;
            if later {
                *step = Step::queued(step.name);
            }
        }
        if let Some(step) = held.step(name) {
            step.status = Progress::Running;
            step.started_at = Some(now);
        }
        held.current = Some(name);
        held.told = Instant::now();
        self.save(&held.claim).await?;
        self.failpoints.reached(&format!("{name}.before"));
        Ok(())
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
        self.save(&held.claim).await
    }
}
