//! Requests that no use case sees, since they could not be read: nobody tries things out for nothing, and unseen.

use super::{Guards, metered};
use crate::trail;
use async_trait::async_trait;
use domain::{Action, Caller, Failure};
use ports::driving::UnreadRequests;
use std::time::Instant;

/// See [`UnreadRequests`]. The guards are the same as those around use cases, in the same order.
pub(super) struct Unread(pub(super) Guards);

#[async_trait]
impl UnreadRequests for Unread {
    async fn admit(&self, caller: &Caller, action: Action, code: &str) -> Result<(), Failure> {
        let (guards, caller, code) = (self.0.clone(), caller.clone(), code.to_owned());
        // Whoever does not wait for the answer is counted too.
        tokio::spawn(async move { guards.admit(&caller, action, &code).await }).await.map_err(Failure::internal)?
    }
}

impl Guards {
    async fn admit(&self, caller: &Caller, action: Action, code: &str) -> Result<(), Failure> {
        if !self.audit.has_room() {
            self.audit.await_room().await?;
        }
        let began = Instant::now();
        let mut admitted = self.limits.take(&*self.limiter, caller).await;
        if admitted.is_ok() {
            admitted = caller.principal.authorize(action).map_err(Failure::from);
        }
        let outcome = admitted.as_ref().map_or_else(Failure::code, |()| code).to_owned();
        let took = began.elapsed();
        metered::count(caller.door, action, outcome.clone(), took);
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.audit.queue(trail::entry(caller, action, None, None, outcome, self.clock.now(), duration_us)).await?;
        admitted
    }
}
