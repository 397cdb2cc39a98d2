//! Branches in JSON.

use super::{OperationDocument, TableNameDocument};
use domain::{
    Branch,
    branch::{Withheld, WithheldRows},
};
use poem_openapi::{Object, types::Any};
use ports::{
    driven::ActivityEntry,
    driving::{CreatedBranch, DeletedBranch},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// A branch: an isolated copy of the database, or `main` itself.
#[derive(Object)]
#[oai(rename = "Branch")]
pub(crate) struct BranchDocument {
    /// Identity, for ever.
    pub(crate) id: Uuid,
    /// As its maker wrote it.
    pub(crate) name: String,
    /// As requests name it; unique among live branches.
    pub(crate) slug: String,
    /// `creating`, `ready`, `migrating`, `error`, `deleting` or `deleted`.
    pub(crate) status: String,
    /// `main`, `preview` (expires by itself) or `persistent`.
    #[oai(rename = "type")]
    pub(crate) branch_type: String,
    /// What was copied: `schema_only`, `full_clone` or `seed_data`.
    pub(crate) data_clone_mode: String,
    /// What it was cut from; null for main.
    #[oai(nullable)]
    pub(crate) parent_id: Option<Uuid>,
    /// The user that made it; null for service keys and for main.
    #[oai(nullable)]
    pub(crate) created_by: Option<Uuid>,
    /// When it was asked for.
    pub(crate) created_at: OffsetDateTime,
    /// When it last changed.
    pub(crate) updated_at: OffsetDateTime,
    /// When it goes by itself; null where it stays.
    #[oai(nullable)]
    pub(crate) expires_at: Option<OffsetDateTime>,
    /// The generation that serves it; null while none does.
    #[oai(nullable)]
    pub(crate) generation: Option<u32>,
    /// What its copy left out, and why.
    pub(crate) withheld: Vec<WithheldDocument>,
    /// What failed, in the status `error`.
    #[oai(nullable)]
    pub(crate) error: Option<String>,
    /// The pull request it belongs to; null for branches that people made.
    #[oai(nullable)]
    pub(crate) github: Option<Any<serde_json::Value>>,
}

/// What a copy left out of one table, and why.
#[derive(Object)]
#[oai(rename = "Withheld")]
pub(crate) struct WithheldDocument {
    /// The table.
    pub(crate) table: TableNameDocument,
    /// Which of its rows: `all`, `referencing` (those whose `keys` point to rows that were withheld), or `none`.
    pub(crate) rows: String,
    /// For `referencing`: the columns of each key.
    #[oai(skip_serializing_if_is_none)]
    pub(crate) keys: Option<Vec<Vec<String>>>,
    /// Columns that arrived as NULL in the rows that came along.
    pub(crate) nulled_columns: Vec<String>,
    /// Why.
    pub(crate) reason: String,
}

/// A branch with the operation at work on it.
#[derive(Object)]
#[oai(rename = "BranchWithOperation")]
pub(crate) struct BranchWithOperation {
    /// The branch.
    pub(crate) branch: BranchDocument,
    /// The operation; `/api/v1/admin/operations/{id}` tells how it gets on.
    pub(crate) operation: OperationDocument,
}

/// One line of a branch's history.
#[derive(Object)]
#[oai(rename = "Activity")]
pub(crate) struct ActivityDocument {
    /// The branch.
    pub(crate) branch_id: Uuid,
    /// When.
    pub(crate) at: OffsetDateTime,
    /// Who: `user:<id>`, `key:<id>` or `fluxbase`.
    pub(crate) actor: String,
    /// What: `create_requested`, `created`, `create_failed`, `delete_requested`, `deleted` or `expired`.
    pub(crate) action: String,
    /// More about it.
    #[oai(nullable)]
    pub(crate) detail: Option<String>,
}

impl From<Branch> for BranchDocument {
    fn from(branch: Branch) -> Self {
        Self {
            id: branch.id.as_uuid(),
            name: branch.name.into(),
            status: branch.state.status().name().to_owned(),
            generation: branch.state.serving().map(domain::Generation::number),
            error: branch.state.error().map(str::to_owned),
            slug: branch.slug.into(),
            branch_type: branch.branch_type.name().to_owned(),
            data_clone_mode: branch.clone_mode.name().to_owned(),
            parent_id: branch.parent_id.map(|id| id.as_uuid()),
            created_by: branch.created_by.map(|id| id.as_uuid()),
            created_at: branch.created_at,
            updated_at: branch.updated_at,
            expires_at: branch.expires_at,
            withheld: branch.withheld.into_iter().map(Into::into).collect(),
            github: None,
        }
    }
}

impl From<Withheld> for WithheldDocument {
    fn from(withheld: Withheld) -> Self {
        let (rows, keys) = match withheld.rows {
            WithheldRows::All => ("all", None),
            WithheldRows::Referencing { keys } => ("referencing", Some(keys)),
            WithheldRows::None => ("none", None),
        };
        Self { table: withheld.table.into(), rows: rows.to_owned(), keys, nulled_columns: withheld.nulled_columns, reason: withheld.reason }
    }
}

impl From<CreatedBranch> for BranchWithOperation {
    fn from(created: CreatedBranch) -> Self {
        Self { branch: created.branch.into(), operation: created.operation.into() }
    }
}

impl From<DeletedBranch> for BranchWithOperation {
    fn from(deleted: DeletedBranch) -> Self {
        Self { branch: deleted.branch.into(), operation: deleted.operation.into() }
    }
}

impl From<ActivityEntry> for ActivityDocument {
    fn from(entry: ActivityEntry) -> Self {
        Self { branch_id: entry.branch_id.as_uuid(), at: entry.at, actor: entry.actor, action: entry.action, detail: entry.detail }
    }
}
