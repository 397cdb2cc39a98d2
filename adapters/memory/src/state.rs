//! What the metadata database holds.

use domain::{Branch, BranchId, Operation, OperationId, Slug, UserId, access::KeyId};
use ports::driven::{ActivityEntry, KeyRecord, MigrationHistory, StoreError, StoredUser};
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Everything that a unit of work may change. It is cloned to be changed, so that nobody sees half of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) branches: HashMap<BranchId, Branch>,
    /// The ends that people were warned of.
    pub(crate) warned: HashMap<BranchId, OffsetDateTime>,
    /// The last generation number given out for a slug.
    pub(crate) generations: HashMap<Slug, u32>,
    pub(crate) operations: HashMap<OperationId, OperationRow>,
    pub(crate) keys: HashMap<KeyId, KeyRow>,
    pub(crate) users: HashMap<UserId, StoredUser>,
    pub(crate) sessions: HashMap<Uuid, SessionRow>,
    pub(crate) refresh_tokens: HashMap<[u8; 32], TokenRow>,
    /// In the order of arrival.
    pub(crate) activity: Vec<ActivityEntry>,
    /// In the order of arrival.
    pub(crate) migrations: Vec<MigrationHistory>,
}

#[derive(Clone, Debug)]
pub(crate) struct OperationRow {
    pub(crate) operation: Operation,
    pub(crate) fence: i64,
    pub(crate) failures: u32,
    pub(crate) lease_until: Option<OffsetDateTime>,
    pub(crate) run_after: Option<OffsetDateTime>,
}

#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    pub(crate) record: KeyRecord,
    pub(crate) hash: [u8; 32],
}

#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    pub(crate) user: UserId,
    pub(crate) until: OffsetDateTime,
    pub(crate) ended: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct TokenRow {
    pub(crate) session: Uuid,
    pub(crate) until: OffsetDateTime,
    pub(crate) used: bool,
}

impl State {
    /// What a database's foreign keys would say at commit.
    pub(crate) fn check_references(&self) -> Result<(), StoreError> {
        let of_operations = self.operations.values().map(|row| row.operation.branch_id);
        let of_histories = self.activity.iter().map(|entry| entry.branch_id).chain(self.migrations.iter().map(|line| line.branch_id));
        let dangling = of_operations.chain(of_histories).find(|id| !self.branches.contains_key(id));
        match dangling {
            Some(id) => Err(StoreError::Unexpected(format!("there is no branch {id}").into())),
            None => Ok(()),
        }
    }
}
