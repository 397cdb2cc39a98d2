//! The data of branches, under row level security. No SQL text crosses this port.

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    Access, BranchId, Failure, Generation, Principal, Slug,
    branch::DatabaseName,
    catalogue::Catalogue,
    table::{Delete, Insert, Select, Update},
};
use std::{fmt, sync::Arc};

/// Where a branch's data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchRoute {
    /// The branch.
    pub id: BranchId,
    /// Its slug.
    pub slug: Slug,
    /// The generation that serves it.
    pub generation: Generation,
    /// That generation's database.
    pub database: DatabaseName,
}

/// On which branch, as whom, and how far.
#[derive(Clone, Debug)]
pub struct SecurityContext {
    /// The branch, resolved, with access checked.
    pub route: BranchRoute,
    /// Whose role and claims the statements run under, and which tables it is held to.
    pub principal: Arc<Principal>,
    /// Whether the transaction may write.
    pub access: Access,
}

/// The only way to a branch's data.
///
/// # Contract
/// - Statements run as the principal's role with its claims, in a transaction that is READ ONLY unless [`Access::Write`] was asked for, under the
///   configured statement timeout. Nothing of it outlives the request on a pooled connection.
/// - Identifiers are checked against the catalogue and quoted, values are bound, operators come from a closed list.
/// - A principal held to a list of tables meets [`domain::Denied::Table`] at every other one, through embeds and views too.
/// - Dropping a session, a future of it or a document ends what runs for it within a second.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BranchDatabases: Send + Sync {
    /// Opens a session. Costs no round trip by itself.
    async fn open(&self, context: &SecurityContext) -> Result<Box<dyn BranchSession>, Failure>;
}

/// A database that this replica has connections to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDatabase {
    /// The branch that it was opened for.
    pub branch: BranchId,
    /// Its name.
    pub database: DatabaseName,
}

/// The databases that this replica keeps connections to.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OpenDatabases: Send + Sync {
    /// Which, main's not among them.
    fn open(&self) -> Vec<OpenDatabase>;
    /// Lets go of one: new requests open it anew, those that run are waited for, two seconds at most. Those that take longer end by themselves; readers who
    /// take longer than a statement may are cut off.
    async fn forget(&self, database: &DatabaseName);
    /// Makes ready what will serve a branch in place of another database that this replica has open: definitions are read, and there is a connection for
    /// each login in use, so that the first requests after the switch wait for neither. It takes two seconds at most. What fails here is the first
    /// request's to tell.
    async fn warm_up(&self, next: &OpenDatabase);
}

/// One request's hold on a branch's data.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BranchSession: Send {
    /// The catalogue of the exposed schemas, unfiltered: callers are shown what [`domain::catalogue::Relation::visible_to`] and their key allow.
    async fn catalogue(&mut self) -> Result<Arc<Catalogue>, Failure>;
    /// Reads rows.
    async fn select(&mut self, select: &Select) -> Result<Rows, Failure>;
    /// Inserts rows, all or none.
    async fn insert(&mut self, insert: &Insert) -> Result<Written, Failure>;
    /// Changes rows, all or none.
    async fn update(&mut self, update: &Update) -> Result<Written, Failure>;
    /// Deletes rows, all or none.
    async fn delete(&mut self, delete: &Delete) -> Result<Written, Failure>;
}

/// JSON text as PostgreSQL wrote it, streamed: an array of rows, or one row for [`domain::table::Shape::Singular`]. Never parsed here.
///
/// # Contract
/// The chunks put together are one whole JSON document, or an error comes before the last one. A chunk is at most about 64 KiB, whatever a row's size.
#[async_trait]
pub trait Document: Send {
    /// The next chunk; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure>;
    /// Rows handed out so far; all of them once [`Document::next`] gave `None`.
    fn rows(&self) -> u64;
    /// Whether the document was ended at a row's end because the next one would have gone over `max_bytes`. Known once `next` gave `None`.
    fn truncated(&self) -> bool;
}

/// What was read.
pub struct Rows {
    /// How many rows the filter matches in all, where that was asked for.
    pub total: Option<u64>,
    /// Whether nobody counted: the total is what PostgreSQL expects, and may be off either way.
    pub estimated: bool,
    /// The rows.
    pub document: Box<dyn Document>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("total", &self.total).field("estimated", &self.estimated).finish_non_exhaustive()
    }
}

/// What was written. It is committed when a caller holds this (a dry run: taken back), and known to have touched no more rows than allowed.
pub struct Written {
    /// Rows inserted, changed or deleted.
    pub affected: u64,
    /// Of these, rows that were not there before; `None` where PostgreSQL does not tell (partitioned tables).
    pub inserted: Option<u64>,
    /// The rows as they now are, where they were asked for; for [`domain::table::Returning::Key`] one object with the key's columns.
    pub document: Option<Box<dyn Document>>,
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("affected", &self.affected).field("inserted", &self.inserted).finish_non_exhaustive()
    }
}
