//! Requests a minute, for each principal.

use async_trait::async_trait;
use domain::{Caller, Failure, access::Door};
use ports::{
    driven::RateLimiter,
    driving::{Command, UseCase},
};
use std::sync::Arc;

/// The configured limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// `mcp.rate_limit_per_min`; 0 is off.
    pub mcp_per_minute: u32,
}

impl RateLimits {
    /// The limits that hold for a caller, each with the budget it is taken from. A key's own holds at every door, even where the global one is off.
    fn budgets(self, caller: &Caller) -> impl Iterator<Item = (String, u32)> {
        let own = caller.principal.restrictions.rate_limit.map(|limit| (caller.principal.budget_key(), limit));
        let mcp =
            (caller.door == Door::Mcp && self.mcp_per_minute > 0).then(|| (format!("mcp:{}", caller.principal.budget_key()), self.mcp_per_minute));
        own.into_iter().chain(mcp)
    }

    /// Takes a request from each of a caller's budgets.
    pub(super) async fn take(self, limiter: &dyn RateLimiter, caller: &Caller) -> Result<(), Failure> {
        for (budget, per_minute) in self.budgets(caller) {
            let used_up = |retry_after| Failure::RateLimited { per_minute, retry_after };
            limiter.take(&budget, per_minute).await.map_err(|none| none.into_failure(used_up))?;
        }
        Ok(())
    }
}

/// Holds callers to their budgets.
pub struct Limited<U> {
    inner: U,
    limiter: Arc<dyn RateLimiter>,
    limits: RateLimits,
}

impl<U> Limited<U> {
    /// Wraps a use case.
    pub fn new(inner: U, limiter: Arc<dyn RateLimiter>, limits: RateLimits) -> Self {
        Self { inner, limiter, limits }
    }
}

#[async_trait]
impl<C: Command, U: UseCase<C>> UseCase<C> for Limited<U> {
    async fn run(&self, caller: &Caller, command: C) -> Result<C::Output, Failure> {
        self.limits.take(&*self.limiter, caller).await?;
        self.inner.run(caller, command).await
    }
}
