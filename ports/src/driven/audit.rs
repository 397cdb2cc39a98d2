//! The audit trail.

use super::StoreError;
use async_trait::async_trait;
use domain::{
    Action, Failure, Slug,
    audit::AuditEntry,
    page::{Page, PageRequest},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// A row of the trail as it is read back. Another version of Fluxbase may have written it: its words are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Order of arrival.
    pub id: i64,
    /// When the action ended.
    pub at: OffsetDateTime,
    /// The request it was part of (`X-Request-Id`).
    pub request_id: String,
    /// What kind of credential was shown.
    pub principal_kind: String,
    /// The key's or the user's id.
    pub principal_id: Option<Uuid>,
    /// The user acted for.
    pub user_id: Option<Uuid>,
    /// The door it came through.
    pub door: String,
    /// What was asked.
    pub action: String,
    /// The branch it was asked of.
    pub branch: Option<String>,
    /// The thing acted on.
    pub target: Option<String>,
    /// `ok`, or the failure's code.
    pub outcome: String,
    /// How long it took, in microseconds.
    pub duration_us: u64,
}

/// Which rows of the trail are wanted: those that fit all that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Not before this moment.
    pub since: Option<OffsetDateTime>,
    /// Before this moment.
    pub until: Option<OffsetDateTime>,
    /// What was asked.
    pub action: Option<Action>,
    /// What came of it.
    pub outcome: Option<String>,
    /// The key or the user that asked.
    pub principal_id: Option<Uuid>,
    /// The user acted for.
    pub user_id: Option<Uuid>,
    /// The branch it was asked of.
    pub branch: Option<Slug>,
    /// The request.
    pub request_id: Option<String>,
}

/// The trail in the metadata database: rows written in the transaction of the change they tell of, and all rows read back.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AuditRepository: Send {
    /// Adds a row.
    async fn record(&mut self, entry: &AuditEntry) -> Result<(), StoreError>;
    /// Rows in the order of their arrival, the newest first. Looking for rare rows, a page may end early, even empty, with a cursor to go on by: nobody
    /// holds a connection for as long as it takes to look through a trail of years.
    async fn list(&mut self, wanted: &AuditFilter, page: &PageRequest) -> Result<Page<AuditRecord>, StoreError>;
}

/// Audit rows of actions that have no transaction of the metadata database: reads, refusals, work on a branch's data.
///
/// # Contract
/// One batching writer. A full queue makes callers wait; a row is never dropped, nor when the caller does not wait to the end: from the first poll on it is
/// kept. Where the database stays away, or its disk stays full, whoever comes then is
/// refused before anything is done: see [`AuditLog::await_room`].
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Whether another row can be queued at once.
    fn has_room(&self) -> bool;
    /// Returns once another row can be queued, or fails after a short while. To be asked before something is done that leaves a row.
    async fn await_room(&self) -> Result<(), Failure>;
    /// Whether rows are being written. Where none could be for some seconds, whoever called [`AuditLog::persist`] would wait for as long as that lasts, with
    /// its change made: to be asked before anything is done that will call it.
    fn can_persist(&self) -> bool;
    /// Returns once the row is queued. It is durable within 100 ms.
    async fn queue(&self, entry: AuditEntry) -> Result<(), Failure>;
    /// Returns once the row is durable, together with others of the same moment.
    async fn persist(&self, entry: AuditEntry) -> Result<(), Failure>;
}
