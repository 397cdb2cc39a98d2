//! Every action leaves an audit row, refused ones too.

use crate::trail;
use async_trait::async_trait;
use domain::{Caller, Effect, Failure, Slug, audit::AuditEntry};
use ports::{
    driven::{AuditLog, Clock},
    driving::{Command, UseCase},
};
use std::{sync::Arc, time::Instant};

/// Writes an audit row for what comes of a use case, unless the use case wrote it in the transaction of its change.
///
/// A write on a branch's data is answered once its row is durable, everything else once its row is queued. A request that its client gave up leaves a
/// row as well, with the outcome `abandoned`. Where rows could not be written for so long that no more can wait, nothing is done; writes on a branch's data
/// are refused as soon as their rows would keep them waiting.
pub struct Audited<U> {
    inner: U,
    log: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
}

impl<U> Audited<U> {
    /// Wraps a use case.
    pub fn new(inner: U, log: Arc<dyn AuditLog>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, log, clock }
    }
}

#[async_trait]
impl<C: Command, U: UseCase<C>> UseCase<C> for Audited<U> {
    async fn run(&self, caller: &Caller, command: C) -> Result<C::Output, Failure> {
        if !self.log.has_room() {
            self.log.await_room().await?;
        }
        let is_durable = C::ACTION.effect() != Effect::Read && !C::ACTION.changes_control_plane();
        let began = Instant::now();
        let branch = audited_branch(caller, &command);
        let target = command.target();
        let row = |outcome: String| {
            let duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            trail::entry(caller, C::ACTION, branch.clone(), target.clone(), outcome, self.clock.now(), duration_us)
        };
        if is_durable && !self.log.can_persist() {
            let refused = Err(Failure::unavailable("the audit trail cannot be written now; nothing was done", None));
            self.log.queue(row(trail::outcome(&refused))).await?;
            return refused;
        }
        let abandoned = Abandoned { log: &self.log, row: Some(&row) };
        let mut result = self.inner.run(caller, command).await;
        if C::ACTION.effect() == Effect::Read {
            result = result.map_err(Failure::of_reading);
        } else if let Some(way) = C::ACTION.way_to_see() {
            result = result.map_err(|failure| failure.to_be_seen(way));
        }
        abandoned.answered();
        if result.is_ok() && C::ACTION.changes_control_plane() {
            return result;
        }
        // Nothing is waited for between the answer and the first poll of these, from which on the row is kept: it is lost to no client that goes now.
        let entry = row(trail::outcome(&result));
        if result.is_ok() && is_durable {
            // What was written stays written.
            let told = "it was done, but its row in the audit trail could not be written: do not ask for it again";
            self.log.persist(entry).await.map_err(|cause| Failure::in_doubt(told, Some(cause.into())))?;
        } else {
            let queued = self.log.queue(entry).await;
            // A failure says more of what was asked than that its row is lost.
            if result.is_ok() {
                queued?;
            }
        }
        result
    }
}

/// The branch that the row names: the one asked for, or main where a command on data names none.
fn audited_branch<C: Command>(caller: &Caller, command: &C) -> Option<Slug> {
    match command.branch() {
        Some(mentions) => mentions.resolve(caller.principal.restrictions.branch.as_ref()).ok(),
        None => command.subject_branch(),
    }
}

/// Queues a row when the future it lives in is dropped before it ends.
struct Abandoned<'a> {
    log: &'a Arc<dyn AuditLog>,
    row: Option<&'a (dyn Fn(String) -> AuditEntry + Sync)>,
}

impl Abandoned<'_> {
    fn answered(mut self) {
        self.row = None;
    }
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        let Some(row) = self.row else { return };
        let (log, entry) = (Arc::clone(self.log), row("abandoned".to_owned()));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { log.queue(entry).await });
        }
    }
}
