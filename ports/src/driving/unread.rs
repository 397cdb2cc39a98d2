//! What is asked for so badly that no use case sees it.

use async_trait::async_trait;
use domain::{Action, Caller, Failure};

/// Requests that could not be read as a command. What stands around every use case sees them all the same.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UnreadRequests: Send + Sync {
    /// A request for an action failed with this code before it was a command: it is counted, written down and taken from its caller's budget as any other.
    /// An error is what its caller is told instead, since whatever it asks for would be refused with that.
    async fn admit(&self, caller: &Caller, action: Action, code: &str) -> Result<(), Failure>;
}
