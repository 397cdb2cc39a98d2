//! Budgets of requests.

use async_trait::async_trait;
use std::time::Duration;

/// Budgets of requests a minute, shared by all replicas.
///
/// # Contract
/// - Over all replicas, no key gets more than its limit in any clock minute (UTC).
/// - Budgets are taken from the metadata database in slices, so that most requests cost no round trip.
/// - When the metadata database cannot be reached, what was taken may be used up; then requests are refused.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one request from a key's budget, or says when it is worth trying again.
    async fn take(&self, key: &str, per_minute: u32) -> Result<(), Duration>;
}
