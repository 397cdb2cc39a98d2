//! Branches in JSON.

use super::{OperationDocument, OrNull};
use domain::{
    Branch,
    branch::{Previous, PullRequest, Withheld, WithheldRows},
    privacy::MaskedColumn,
};
use poem_openapi::Object;
use ports::{
    driven::ActivityEntry,
    driving::{BranchDetails, BranchHealth, MigrationCounts, StartedDelete, StartedOperation},
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
    /// The operation at work on it; null while none is.
    #[oai(nullable)]
    pub(crate) operation_id: Option<Uuid>,
    /// The moment that its rows were copied at; null where it has none of its parent's.
    #[oai(nullable)]
    pub(crate) data_as_of: Option<OffsetDateTime>,
    /// What its copy left out, and why.
    pub(crate) withheld: Vec<WithheldDocument>,
    /// Whether delete and reset are refused.
    pub(crate) protected: bool,
    /// What the latest reset replaced, while `undo` can bring it back; null where there is nothing to bring back.
    pub(crate) previous: OrNull<PreviousDocument>,
    /// What failed, in the status `error`.
    #[oai(nullable)]
    pub(crate) error: Option<String>,
    /// The pull request it belongs to; null where there is none.
    pub(crate) github: OrNull<PullRequestDocument>,
}

/// A pull request on GitHub.
#[derive(Object)]
#[oai(rename = "PullRequest")]
pub(crate) struct PullRequestDocument {
    /// `owner/name`; null where only its number is known.
    #[oai(nullable)]
    pub(crate) repository: Option<String>,
    /// Its number.
    pub(crate) pr_number: u32,
}

/// What a reset replaced.
#[derive(Object)]
#[oai(rename = "Previous")]
pub(crate) struct PreviousDocument {
    /// The generation that served before.
    pub(crate) generation: u32,
    /// Until when it can be brought back.
    pub(crate) until: OffsetDateTime,
    /// The moment that its rows were copied at.
    #[oai(nullable)]
    pub(crate) data_as_of: Option<OffsetDateTime>,
}

/// A branch with what takes a look into its database to tell.
#[derive(Object)]
#[oai(rename = "BranchDetails")]
pub(crate) struct BranchDetailsDocument {
    #[oai(flatten)]
    pub(crate) branch: BranchDocument,
    /// The database that serves it, as PostgreSQL knows it; null where none does.
    #[oai(nullable)]
    pub(crate) database: Option<String>,
    /// How its database is doing; null where nothing serves.
    pub(crate) health: OrNull<HealthOfBranchDocument>,
    /// Its migrations; null where they could not be read.
    pub(crate) migrations: OrNull<MigrationCountsDocument>,
}

/// How a branch's database is doing.
#[derive(Object)]
#[oai(rename = "BranchHealth")]
pub(crate) struct HealthOfBranchDocument {
    /// Whether it could be connected to.
    pub(crate) reachable: bool,
    /// Bytes on disk.
    #[oai(nullable)]
    pub(crate) size_bytes: Option<u64>,
    /// Connections open now, the server's own too.
    #[oai(nullable)]
    pub(crate) connections: Option<u64>,
    /// When somebody last asked for its tables or their rows, by REST or MCP, whichever server answered; of other servers' last minute nothing is known yet. Null
    /// where nobody ever did.
    #[oai(nullable)]
    pub(crate) last_used_at: Option<OffsetDateTime>,
}

/// How many migrations a branch has and lacks.
#[derive(Object)]
#[oai(rename = "MigrationCounts")]
pub(crate) struct MigrationCountsDocument {
    /// In its ledger.
    pub(crate) applied: u64,
    /// Known to the server (`migrations.dir`) and not in its ledger: 0 where it knows no files. With files of your own, list the migrations.
    pub(crate) pending: u64,
    /// Whether its schema was changed beside the migrations, until that is put right or accepted (`accept_drift`); null where that is not known, or not
    /// yet: a large schema is read on, for whoever asks again.
    #[oai(nullable)]
    pub(crate) drift: Option<bool>,
}

/// What a copy left out of one table, and why.
#[derive(Object)]
#[oai(rename = "Withheld")]
pub(crate) struct WithheldDocument {
    /// The table, as `schema.table`; with `rows: object`, another object.
    pub(crate) table: String,
    /// Which of its rows: `all`, `referencing` (those whose `keys` point to rows that were withheld), or `none`; `object` where it is no table.
    pub(crate) rows: String,
    /// For `object`: what it is, such as `event trigger`.
    #[oai(skip_serializing_if_is_none)]
    pub(crate) kind: Option<String>,
    /// For `referencing`: the columns of each key.
    #[oai(skip_serializing_if_is_none)]
    pub(crate) keys: Option<Vec<Vec<String>>>,
    /// Columns that arrived as NULL in the rows that came along.
    pub(crate) nulled_columns: Vec<String>,
    /// Columns that arrived with other values.
    pub(crate) masked_columns: Vec<MaskedColumnDocument>,
    /// Why.
    pub(crate) reason: String,
}

/// A column whose values were masked on their way into the copy.
#[derive(Object)]
#[oai(rename = "MaskedColumn")]
pub(crate) struct MaskedColumnDocument {
    /// Its name.
    pub(crate) name: String,
    /// As what its values arrived: `email`, `hash`, `keep_last(4)`, ...
    #[oai(rename = "as")]
    pub(crate) mask: String,
    /// Which rule or comment asked for it, or which column it follows.
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

/// A branch that is being deleted, and what goes with it.
#[derive(Object)]
#[oai(rename = "StartedDelete")]
pub(crate) struct StartedDeleteDocument {
    /// The branch.
    pub(crate) branch: BranchDocument,
    /// The operation that takes it away. It may end before those of its children.
    pub(crate) operation: OperationDocument,
    /// Every branch that goes: this one first, then what was cut from it, where `force` took that along.
    pub(crate) branches: Vec<BranchDocument>,
    /// The operation of each, in the same order: all is gone when each of them has succeeded.
    pub(crate) operations: Vec<OperationDocument>,
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
    /// What: `create_requested`, `created`, `create_failed`, `reset`, `migrated`, `seeded`, `delete_requested`, `deleted`, `expired` and the like.
    pub(crate) action: String,
    /// More about it.
    #[oai(nullable)]
    pub(crate) detail: Option<String>,
}

impl From<Branch> for BranchDocument {
    fn from(branch: Branch) -> Self {
        let protected = branch.keeps_its_data();
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
            operation_id: branch.state.operation().map(|id| id.as_uuid()),
            data_as_of: branch.data_as_of,
            withheld: branch.withheld.into_iter().map(Into::into).collect(),
            protected,
            previous: OrNull::of(branch.previous),
            github: OrNull::of(branch.pull_request),
        }
    }
}

impl From<PullRequest> for PullRequestDocument {
    fn from(pull_request: PullRequest) -> Self {
        Self { repository: pull_request.repository.map(Into::into), pr_number: pull_request.number }
    }
}

impl From<Previous> for PreviousDocument {
    fn from(previous: Previous) -> Self {
        Self { generation: previous.generation.number(), until: previous.until, data_as_of: previous.data_as_of }
    }
}

impl From<BranchDetails> for BranchDetailsDocument {
    fn from(details: BranchDetails) -> Self {
        Self {
            branch: details.branch.into(),
            database: details.database.map(|database| database.to_string()),
            health: OrNull::of(details.health),
            migrations: OrNull::of(details.migrations),
        }
    }
}

impl From<BranchHealth> for HealthOfBranchDocument {
    fn from(health: BranchHealth) -> Self {
        let BranchHealth { reachable, size_bytes, connections, last_used_at } = health;
        Self { reachable, size_bytes, connections, last_used_at }
    }
}

impl From<MigrationCounts> for MigrationCountsDocument {
    fn from(counts: MigrationCounts) -> Self {
        let MigrationCounts { applied, pending, drift } = counts;
        Self { applied, pending, drift }
    }
}

impl From<Withheld> for WithheldDocument {
    fn from(withheld: Withheld) -> Self {
        let (rows, keys, kind) = match withheld.rows {
            WithheldRows::All => ("all", None, None),
            WithheldRows::Referencing { keys } => ("referencing", Some(keys), None),
            WithheldRows::None => ("none", None, None),
            WithheldRows::Object { kind } => ("object", None, Some(kind)),
        };
        let masked = |column: MaskedColumn| MaskedColumnDocument { name: column.name, mask: column.mask.to_string(), reason: column.reason };
        Self {
            table: withheld.table.written(),
            rows: rows.to_owned(),
            kind,
            keys,
            nulled_columns: withheld.nulled_columns,
            masked_columns: withheld.masked_columns.into_iter().map(masked).collect(),
            reason: withheld.reason,
        }
    }
}

impl From<StartedOperation> for BranchWithOperation {
    fn from(StartedOperation { branch, operation }: StartedOperation) -> Self {
        Self { branch: branch.into(), operation: operation.into() }
    }
}

impl From<StartedDelete> for StartedDeleteDocument {
    fn from(started: StartedDelete) -> Self {
        let (branch, operation) = (started.branch.clone().into(), started.operation.clone().into());
        let (branches, operations) = started.all().map(|going| (going.branch.into(), going.operation.into())).unzip();
        Self { branch, operation, branches, operations }
    }
}

impl From<ActivityEntry> for ActivityDocument {
    fn from(entry: ActivityEntry) -> Self {
        Self { branch_id: entry.branch_id.as_uuid(), at: entry.at, actor: entry.actor, action: entry.action, detail: entry.detail }
    }
}
