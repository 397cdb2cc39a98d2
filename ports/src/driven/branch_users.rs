//! People in branches that hold none.

use super::{BuildError, DatabaseTag};
use async_trait::async_trait;
use domain::user::UserId;

/// Brings people into a branch without rows: what foreign keys of its rows point at, and nothing about the people.
///
/// # Contract
/// - A row holds the user's id, and placeholders that say nothing where a column takes no NULL.
/// - Idempotent; a row that is there stays as it is. A branch that keeps no users is left as it is.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BranchUsers: Send + Sync {
    /// Writes an id-only row for the user.
    async fn introduce(&self, branch: &DatabaseTag, user: UserId) -> Result<(), BuildError>;
}
