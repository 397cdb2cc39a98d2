//! What stands around every use case, written once: tracing, audit, scope, rate limit.

mod audited;
mod authorized;
mod limited;
mod traced;

pub use audited::Audited;
pub use authorized::Authorized;
pub use limited::{Limited, RateLimits};
pub use traced::Traced;

use ports::{
    driven::{AuditLog, Clock, RateLimiter},
    driving::{Command, UseCase},
};
use std::sync::Arc;

/// What the guards need.
#[derive(Clone)]
pub struct Guards {
    /// Where audit rows go.
    pub audit: Arc<dyn AuditLog>,
    /// Whose budgets are taken from.
    pub limiter: Arc<dyn RateLimiter>,
    /// How many requests a minute.
    pub limits: RateLimits,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Guards {
    /// Puts every guard around a use case: traced, then audited (refusals too), then authorised, then held to its budget.
    pub fn around<C: Command>(&self, use_case: impl UseCase<C> + 'static) -> Arc<dyn UseCase<C>> {
        let limited = Limited::new(use_case, Arc::clone(&self.limiter), self.limits);
        let audited = Audited::new(Authorized::new(limited), Arc::clone(&self.audit), Arc::clone(&self.clock));
        Arc::new(Traced::new(audited))
    }
}
