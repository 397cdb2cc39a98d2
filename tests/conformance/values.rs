//! Values to write.

use domain::{
    Branch, BranchId, BranchName, BranchState, BranchType, DataCloneMode, Generation, Operation, OperationId, OperationKind, Scope, Scopes, Slug,
    UserId,
    access::{KeyId, Restrictions},
    page::PageRequest,
    user::User,
};
use fluxbase_tests::fresh_id;
use ports::driven::{ActivityEntry, KeyKind, KeyRecord, StoredUser};
use time::{Duration, OffsetDateTime, macros::datetime};

/// When everything here happens; PostgreSQL keeps microseconds.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05.678901 UTC);

pub(crate) fn main_branch() -> Branch {
    Branch {
        name: BranchName::main(),
        slug: Slug::main(),
        branch_type: BranchType::Main,
        clone_mode: DataCloneMode::FullClone,
        parent_id: None,
        expires_at: None,
        state: BranchState::Ready { generation: Generation::FIRST },
        ..branch("unused", BranchId::from_uuid(fresh_id()))
    }
}

/// A branch that is being built.
pub(crate) fn branch(name: &str, parent: BranchId) -> Branch {
    let name: BranchName = name.parse().unwrap();
    Branch {
        id: BranchId::from_uuid(fresh_id()),
        slug: name.slug(),
        name,
        branch_type: BranchType::Preview,
        clone_mode: DataCloneMode::SchemaOnly,
        parent_id: Some(parent),
        created_by: None,
        created_at: NOW,
        updated_at: NOW,
        expires_at: None,
        withheld: Vec::new(),
        data_as_of: None,
        protected: false,
        pull_request: None,
        grants: Vec::new(),
        previous: None,
        state: BranchState::Creating { operation: operation_id(), generation: Generation::FIRST },
    }
}

pub(crate) fn operation_id() -> OperationId {
    OperationId::from_uuid(fresh_id())
}

pub(crate) fn user_id() -> UserId {
    UserId::from_uuid(fresh_id())
}

/// An operation that was asked for some seconds after [`NOW`].
pub(crate) fn operation(branch: BranchId, seconds: i64) -> Operation {
    Operation::queued(operation_id(), OperationKind::CreateBranch, branch, NOW + Duration::seconds(seconds))
}

pub(crate) fn key(kind: KeyKind, prefix: &str) -> KeyRecord {
    KeyRecord {
        id: KeyId::from_uuid(fresh_id()),
        kind,
        name: format!("key {prefix}"),
        prefix: prefix.to_owned(),
        user_id: None,
        scopes: Scopes::NONE.with(Scope::ReadTables),
        restrictions: Restrictions::default(),
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
    }
}

pub(crate) fn user(email: &str) -> StoredUser {
    StoredUser {
        user: User { id: user_id(), email: email.to_owned(), admin: false, member: true, created_at: NOW },
        password_hash: Some("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned()),
    }
}

pub(crate) fn line(branch: BranchId, action: &str, seconds: i64) -> ActivityEntry {
    ActivityEntry { branch_id: branch, at: NOW + Duration::seconds(seconds), actor: "fluxbase".to_owned(), action: action.to_owned(), detail: None }
}

/// A page of two.
pub(crate) fn two(cursor: Option<String>) -> PageRequest {
    PageRequest { limit: 2, cursor }
}
