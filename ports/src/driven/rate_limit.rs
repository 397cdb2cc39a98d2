//! Budgets of requests and attempts.

use async_trait::async_trait;
use std::time::Duration;

/// Budgets of requests a minute or an hour, shared by all replicas.
///
/// # Contract
/// - Over all replicas, no key gets more than its limit in any clock minute, or clock hour (UTC). The two do not touch each other.
/// - Budgets are taken from the metadata database in slices, so that most requests cost no round trip.
/// - When the metadata database cannot be reached, what was taken may be used up; then requests are refused.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one request from a key's budget, or says when it is worth trying again.
    async fn take(&self, key: &str, per_minute: u32) -> Result<(), Duration>;
    /// The same with a budget that lasts an hour.
    async fn take_of_hour(&self, key: &str, per_hour: u32) -> Result<(), Duration>;
}
