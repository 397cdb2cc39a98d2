//! Time and identity.

use time::OffsetDateTime;
use uuid::Uuid;

/// The time.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// Fresh identifiers.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Ids: Send + Sync {
    /// A random UUID (version 4).
    fn fresh(&self) -> Uuid;
}
