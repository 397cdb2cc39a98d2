//! The metadata database: one transaction across its repositories.

use super::{ActivityRepository, AuditRepository, KeyRepository, MigrationHistoryRepository, OperationRepository, SessionRepository, UserRepository};
use async_trait::async_trait;
use domain::{
    BoxError, Branch, BranchId, Failure, Generation, Slug,
    branch::Grant,
    page::{Page, PageRequest},
    user::UserId,
};
use time::{Duration, OffsetDateTime};

/// What the sessions of the control plane, and of requests, are called where PostgreSQL lists them.
pub const CONTROL_PLANE_APPLICATION: &str = "fluxbase";

/// What every replica that is at work holds in the metadata database: the name of a shared advisory lock.
pub const PRESENT: &str = "fluxbase: replicas that are at work";

/// Why the metadata database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique name is taken.
    #[error("{what} is taken")]
    Taken {
        /// Which: `branch slug`, `e-mail address`.
        what: &'static str,
    },
    /// The writer's claim is no longer the newest one: another worker has the operation.
    #[error("the claim was lost to another worker")]
    Fenced,
    /// A row that cannot be read back.
    #[error("row {row} of {table} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// A cursor that this list did not give out.
    #[error("the cursor is not one of this list")]
    BadCursor,
    /// A text that the database's encoding, or PostgreSQL's text, cannot hold.
    #[error("a text has characters that the database's encoding has not")]
    Unstorable,
    /// Another unit of work has held what this one waited for as long as it may wait ([`UnitOfWork::wait_at_most`]).
    #[error("another has held the same row for too long")]
    Held,
    /// It cannot be reached now.
    #[error("the metadata database is not available")]
    Unavailable(#[source] BoxError),
    /// The connection was lost while it committed: it may have been done, or not.
    #[error("the connection to the metadata database was lost while it committed")]
    InDoubt(#[source] BoxError),
    /// What nobody expected.
    #[error("unexpected error of the metadata database")]
    Unexpected(#[source] BoxError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken { what } => Self::Conflict { code: "taken", reason: format!("this {what} is taken") },
            StoreError::BadCursor => {
                domain::Fault::new("/cursor", "is not a cursor of this list; send the next_cursor of the page before, unchanged").into()
            }
            StoreError::Unstorable => domain::Fault::new("", "a text has characters that the encoding of this database has not").into(),
            StoreError::Held => Self::unavailable("something that this has to wait for is under way, and has not come to its end yet", None),
            StoreError::Unavailable(cause) => Self::unavailable("the database is not available", Some(cause)),
            StoreError::InDoubt(cause) => Self::in_doubt("the connection to the database was lost; whether it was done is not known", Some(cause)),
            other => Self::internal(other),
        }
    }
}

/// Opens units of work.
///
/// # Contract
/// What one [`UnitOfWork`] writes becomes visible to others all at once, at [`UnitOfWork::commit`], or never.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ControlPlane: Send + Sync {
    /// Begins a unit of work.
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError>;
}

/// One transaction across the repositories. Dropping it rolls back.
#[async_trait]
pub trait UnitOfWork: Send {
    /// Branches.
    fn branches(&mut self) -> &mut dyn BranchRepository;
    /// Operations.
    fn operations(&mut self) -> &mut dyn OperationRepository;
    /// API keys and service keys.
    fn keys(&mut self) -> &mut dyn KeyRepository;
    /// Users.
    fn users(&mut self) -> &mut dyn UserRepository;
    /// Login sessions.
    fn sessions(&mut self) -> &mut dyn SessionRepository;
    /// Who did what to branches.
    fn activity(&mut self) -> &mut dyn ActivityRepository;
    /// What migrating did to branches.
    fn migrations(&mut self) -> &mut dyn MigrationHistoryRepository;
    /// The audit trail, for rows that must stand or fall with the change they tell of.
    fn audit(&mut self) -> &mut dyn AuditRepository;
    /// Others than the metadata database are waited for before this commits, and that may take so long. A unit of work that stands still for longer than is
    /// usual, or than it said here, loses what it has locked, and does not commit: a replica that is frozen keeps nobody waiting for ever.
    /// Gives what others see it by: what they do in its name, they do while it holds its locks or not at all.
    async fn may_stand_still(&mut self, _at_most: std::time::Duration) -> Result<Footing, StoreError> {
        Ok(Footing::default())
    }
    /// From now on nobody's row or lock is waited for longer than this: [`StoreError::Held`]. Somebody who waits for an answer waits over a connection that
    /// others need too.
    async fn wait_at_most(&mut self, _at_most: std::time::Duration) -> Result<(), StoreError> {
        Ok(())
    }
    /// What this changes only tells people how far something is: a crash of the server within a moment after the commit may take it back, and so whoever
    /// commits need not wait for the disk. Others see it at once as ever.
    fn only_tells(&mut self) {}
    /// Makes everything visible at once. Caches on every replica are told. [`StoreError::InDoubt`] where nobody can tell whether that was done.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// By what others can see that a unit of work still holds what it has locked: the number of its transaction on the server. 0 where nobody can see that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footing(pub i64);

/// Branches in the metadata database.
///
/// # Contract
/// - Slugs are unique among branches that are not deleted: [`BranchRepository::insert`] says [`StoreError::Taken`] else.
/// - [`BranchRepository::lock_admission`] makes all admissions of all replicas take turns until the unit of work ends.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BranchRepository: Send {
    /// Takes the lock under which quotas are counted and new branches inserted, until the unit of work ends. Neither it nor anything after it is waited for
    /// longer than this, as by [`UnitOfWork::wait_at_most`].
    async fn lock_admission(&mut self, at_most: std::time::Duration) -> Result<(), StoreError>;
    /// A branch by id, deleted ones too. The row is locked until the unit of work ends where `lock` says so.
    async fn find(&mut self, id: BranchId, lock: bool) -> Result<Option<Branch>, StoreError>;
    /// The same with its row locked, where nobody else has it locked; `None` where somebody has, who is not waited for.
    async fn find_free(&mut self, id: BranchId) -> Result<Option<Branch>, StoreError>;
    /// A live branch by slug.
    async fn find_by_slug(&mut self, slug: &Slug) -> Result<Option<Branch>, StoreError>;
    /// Live branches, main first, then the newest first; only main, this user's own and those it was granted access to where one is given.
    async fn list(&mut self, of: Option<UserId>, page: &PageRequest) -> Result<Page<Branch>, StoreError>;
    /// Number of live branches, main not counted: in all, or of one user.
    async fn count_live(&mut self, of: Option<UserId>) -> Result<u64, StoreError>;
    /// Live branches cut from this one.
    async fn children(&mut self, id: BranchId) -> Result<Vec<Branch>, StoreError>;
    /// All live branches, main too.
    async fn live(&mut self) -> Result<Vec<Branch>, StoreError>;
    /// Live branches that have a previous generation.
    async fn with_previous(&mut self) -> Result<Vec<Branch>, StoreError>;
    /// Branches whose time comes within this time, and whose people were not warned of that very time.
    async fn unwarned(&mut self, within: Duration) -> Result<Vec<Branch>, StoreError>;
    /// Notes that a branch's people were warned of its end at this time.
    async fn warned(&mut self, id: BranchId, of: OffsetDateTime) -> Result<(), StoreError>;
    /// Branches whose time has come and that can go now, ready or failed and not protected, those longest due first.
    async fn expired(&mut self) -> Result<Vec<Branch>, StoreError>;
    /// The next generation number of a slug: it never repeats, not even for a later branch of the same slug.
    async fn next_generation(&mut self, slug: &Slug) -> Result<Generation, StoreError>;
    /// Adds a branch.
    async fn insert(&mut self, branch: &Branch) -> Result<(), StoreError>;
    /// Writes a branch back; its grants are written by [`BranchRepository::grant`] and [`BranchRepository::revoke_grant`] only.
    async fn update(&mut self, branch: &Branch) -> Result<(), StoreError>;
    /// Grants access to a branch, or changes how far it goes.
    async fn grant(&mut self, branch: BranchId, grant: &Grant) -> Result<(), StoreError>;
    /// Takes a user's access away; `false` where there was none.
    async fn revoke_grant(&mut self, branch: BranchId, user: UserId) -> Result<bool, StoreError>;
}
