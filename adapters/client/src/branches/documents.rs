//! Documents of branches and their operations.

use crate::document::parsed;
use domain::{
    Branch, BranchId, BranchName, BranchState, BranchType, DataCloneMode, Generation, Operation, OperationId, OperationKind, Slug, StepName, UserId,
    branch::{DatabaseName, Previous, PullRequest, RepositoryName, Withheld, WithheldRows},
    operation::{OperationError, Progress, Step},
    privacy::MaskedColumn,
    table::QualifiedName,
};
use ports::{
    driven::{ActivityEntry, BranchHealth},
    driving::{BranchDetails, MigrationCounts, StartedDelete, StartedOperation},
};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// A branch and the operation that is at work on it: the answer to what takes longer than a request.
pub(super) fn started(document: &Value) -> Result<StartedOperation, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        branch: BranchDocument,
        operation: OperationDocument,
    }
    let Document { branch, operation } = Document::deserialize(document)?;
    Ok(at_work(branch, operation))
}

/// The same of a branch that is being deleted, with what goes along.
pub(super) fn started_delete(document: &Value) -> Result<StartedDelete, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        #[serde(default)]
        branches: Vec<BranchDocument>,
        #[serde(default)]
        operations: Vec<OperationDocument>,
    }
    let StartedOperation { branch, operation } = started(document)?;
    let Document { branches, operations } = Document::deserialize(document)?;
    let all = branches.into_iter().zip(operations).map(|(branch, operation)| at_work(branch, operation));
    let descendants = all.filter(|going| going.operation.id != operation.id).collect();
    Ok(StartedDelete { branch, operation, descendants })
}

fn at_work(branch: BranchDocument, operation: OperationDocument) -> StartedOperation {
    let operation = Operation::from(operation);
    let branch = BranchDocument { operation_id: Some(operation.id), ..branch };
    StartedOperation { branch: branch.into(), operation }
}

#[derive(Deserialize)]
pub(super) struct BranchDocument {
    id: BranchId,
    #[serde(deserialize_with = "name_or_main")]
    name: BranchName,
    slug: Slug,
    status: StatusName,
    r#type: BranchType,
    data_clone_mode: DataCloneMode,
    parent_id: Option<BranchId>,
    created_by: Option<UserId>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    generation: Option<Generation>,
    #[serde(default)]
    withheld: Vec<WithheldDocument>,
    error: Option<String>,
    #[serde(default)]
    operation_id: Option<OperationId>,
    #[serde(default)]
    protected: bool,
    #[serde(default, with = "time::serde::rfc3339::option")]
    data_as_of: Option<OffsetDateTime>,
    previous: Option<PreviousDocument>,
    github: Option<PullRequestDocument>,
    database: Option<String>,
    health: Option<HealthDocument>,
    migrations: Option<CountsDocument>,
}

#[derive(Deserialize)]
struct PreviousDocument {
    generation: Generation,
    #[serde(with = "time::serde::rfc3339")]
    until: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    data_as_of: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct PullRequestDocument {
    repository: Option<RepositoryName>,
    pr_number: u32,
}

#[derive(Deserialize)]
struct HealthDocument {
    reachable: bool,
    size_bytes: Option<u64>,
    connections: Option<u64>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    last_used_at: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct CountsDocument {
    applied: u64,
    pending: u64,
    drift: Option<bool>,
}

#[derive(Deserialize)]
struct WithheldDocument {
    #[serde(deserialize_with = "table_name")]
    table: QualifiedName,
    #[serde(flatten)]
    rows: WithheldRows,
    nulled_columns: Vec<String>,
    #[serde(default)]
    masked_columns: Vec<MaskedColumn>,
    reason: String,
}

fn table_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<QualifiedName, D::Error> {
    let text = String::deserialize(deserializer)?;
    QualifiedName::read(&text).ok_or_else(|| de::Error::custom(format!("'{text}' is no name of a table")))
}

impl From<WithheldDocument> for Withheld {
    fn from(document: WithheldDocument) -> Self {
        let WithheldDocument { table, rows, nulled_columns, masked_columns, reason } = document;
        Self { table, rows, nulled_columns, masked_columns, reason }
    }
}

/// A request for a branch called `main` is refused, and yet there is one.
fn name_or_main<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BranchName, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == Slug::MAIN { Ok(BranchName::main()) } else { BranchName::kept(&text).map_err(de::Error::custom) }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusName {
    Creating,
    Ready,
    Migrating,
    Error,
    Deleting,
    Deleted,
}

impl From<BranchDocument> for Branch {
    fn from(document: BranchDocument) -> Self {
        Self {
            state: state(&document),
            id: document.id,
            name: document.name,
            slug: document.slug,
            branch_type: document.r#type,
            clone_mode: document.data_clone_mode,
            parent_id: document.parent_id,
            created_by: document.created_by,
            created_at: document.created_at,
            updated_at: document.updated_at,
            expires_at: document.expires_at,
            withheld: document.withheld.into_iter().map(Withheld::from).collect(),
            data_as_of: document.data_as_of,
            protected: document.protected,
            pull_request: document.github.map(|github| PullRequest { repository: github.repository, number: github.pr_number }),
            grants: Vec::new(),
            previous: document.previous.map(|previous| Previous {
                generation: previous.generation,
                // The document does not say since when, nor whether it is closed already.
                since: previous.until,
                closed: true,
                until: previous.until,
                withheld: Vec::new(),
                data_as_of: previous.data_as_of,
            }),
        }
    }
}

/// The state with all that the document says of it. The nil operation and the first generation stand for what it leaves out.
fn state(document: &BranchDocument) -> BranchState {
    let operation = document.operation_id.unwrap_or(OperationId::from_uuid(Uuid::nil()));
    let known = document.generation.unwrap_or(Generation::FIRST);
    match document.status {
        StatusName::Creating => BranchState::Creating { operation, generation: known },
        StatusName::Ready => BranchState::Ready { generation: known },
        StatusName::Migrating => BranchState::Migrating { operation, generation: known },
        StatusName::Error => BranchState::Error { reason: document.error.clone().unwrap_or_default(), generation: document.generation },
        StatusName::Deleting => BranchState::Deleting { operation, generation: document.generation },
        StatusName::Deleted => BranchState::Deleted { at: document.updated_at },
    }
}

impl From<BranchDocument> for BranchDetails {
    fn from(mut document: BranchDocument) -> Self {
        let health = document.health.take().map(|HealthDocument { reachable, size_bytes, connections, last_used_at }| BranchHealth {
            reachable,
            size_bytes,
            connections,
            last_used_at,
        });
        let migrations = document.migrations.take().map(|CountsDocument { applied, pending, drift }| MigrationCounts { applied, pending, drift });
        let database = document.database.take().map(DatabaseName::existing);
        Self { branch: document.into(), database, health, migrations }
    }
}

#[derive(Deserialize)]
pub(super) struct OperationDocument {
    id: OperationId,
    #[serde(deserialize_with = "parsed")]
    kind: OperationKind,
    branch_id: BranchId,
    #[serde(deserialize_with = "parsed")]
    status: Progress,
    steps: Vec<StepDocument>,
    error: Option<OperationError>,
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    cancel_requested: bool,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
}

impl From<OperationDocument> for Operation {
    fn from(document: OperationDocument) -> Self {
        Self {
            id: document.id,
            kind: document.kind,
            branch_id: document.branch_id,
            status: document.status,
            steps: document.steps.into_iter().map(Step::from).collect(),
            error: document.error,
            input: domain::operation::OperationInput::default(),
            result: document.result.map(|result| result.to_string()),
            cancel_requested: document.cancel_requested,
            created_at: document.created_at,
            finished_at: document.finished_at,
        }
    }
}

#[derive(Deserialize)]
struct StepDocument {
    #[serde(deserialize_with = "parsed")]
    name: StepName,
    #[serde(deserialize_with = "parsed")]
    status: Progress,
    #[serde(with = "time::serde::rfc3339::option")]
    started_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
    done: Option<u64>,
    total: Option<u64>,
    unit: Option<String>,
}

impl From<StepDocument> for Step {
    fn from(document: StepDocument) -> Self {
        Self {
            name: document.name,
            status: document.status,
            started_at: document.started_at,
            finished_at: document.finished_at,
            done: document.done,
            total: document.total,
            unit: document.unit,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ActivityDocument {
    branch_id: BranchId,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    actor: String,
    action: String,
    detail: Option<String>,
}

impl From<ActivityDocument> for ActivityEntry {
    fn from(document: ActivityDocument) -> Self {
        let ActivityDocument { branch_id, at, actor, action, detail } = document;
        Self { branch_id, at, actor, action, detail }
    }
}
