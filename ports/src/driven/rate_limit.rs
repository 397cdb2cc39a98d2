//! Budgets of requests and attempts.

use async_trait::async_trait;
use domain::Failure;
use std::time::Duration;

/// Why a budget gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoBudget {
    /// It is used up; after that time it is worth trying again.
    UsedUp(Duration),
    /// The metadata database, which keeps it, cannot be reached.
    Unavailable,
}

impl NoBudget {
    /// The failure of what it was asked for. That nobody can be asked is no excess of the caller's.
    pub fn into_failure(self, used_up: impl FnOnce(Duration) -> Failure) -> Failure {
        match self {
            Self::UsedUp(retry_after) => used_up(retry_after),
            Self::Unavailable => Failure::unavailable("the database is not available", None),
        }
    }
}

/// Budgets of requests a minute or an hour, shared by all replicas.
///
/// # Contract
/// - Over all replicas, no key gets more than its limit in any clock minute, or clock hour (UTC). The two do not touch each other.
/// - Budgets are taken from the metadata database in slices, so that most requests cost no round trip.
/// - When the metadata database cannot be reached, what was taken may be used up; then requests are refused, as ones that nobody can answer now.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one request from a key's budget, or says why not.
    async fn take(&self, key: &str, per_minute: u32) -> Result<(), NoBudget>;
    /// The same with a budget that lasts an hour.
    async fn take_of_hour(&self, key: &str, per_hour: u32) -> Result<(), NoBudget>;
}
