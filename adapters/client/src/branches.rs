//! Commands on branches and their operations, and the documents that answer them.

use crate::{
    document::{page, parsed},
    route::{RemoteCommand, Route},
};
use domain::{
    Branch, BranchId, BranchName, BranchState, BranchType, DataCloneMode, Generation, Operation, OperationId, OperationKind, Slug, StepName, UserId,
    branch::{Withheld, WithheldRows},
    operation::{OperationError, Progress, Step},
    page::Page,
    privacy::MaskedColumn,
    table::QualifiedName,
};
use http::Method;
use ports::{
    driven::ActivityEntry,
    driving::{BranchDetails, CreateBranch, CreatedBranch, DeleteBranch, DeletedBranch, GetBranch, GetOperation, ListBranchActivity, ListBranches},
};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

impl RemoteCommand for CreateBranch {
    fn route(&self) -> Route {
        #[derive(Serialize)]
        struct Body<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            parent: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            r#type: Option<BranchType>,
            #[serde(skip_serializing_if = "Option::is_none")]
            data_clone_mode: Option<DataCloneMode>,
            #[serde(skip_serializing_if = "Option::is_none")]
            expires_in: Option<String>,
        }
        Route::new(Method::POST, ["admin", "branches"]).body(Body {
            name: self.name.as_str(),
            parent: self.parent.as_deref(),
            r#type: self.branch_type,
            data_clone_mode: self.clone_mode,
            expires_in: self.expires_in.map(|lifetime| lifetime.to_string()),
        })
    }

    fn read(&self, document: &Value) -> Result<CreatedBranch, serde_json::Error> {
        let (branch, operation) = begun(document)?;
        Ok(CreatedBranch { branch, operation })
    }
}

impl RemoteCommand for ListBranches {
    fn route(&self) -> Route {
        Route::new(Method::GET, ["admin", "branches"]).page(&self.page)
    }

    fn read(&self, document: &Value) -> Result<Page<Branch>, serde_json::Error> {
        page::<BranchDocument, Branch>(document)
    }
}

impl RemoteCommand for GetBranch {
    fn route(&self) -> Route {
        Route::new(Method::GET, ["admin", "branches", &self.branch])
    }

    fn read(&self, document: &Value) -> Result<BranchDetails, serde_json::Error> {
        Ok(BranchDetails { branch: BranchDocument::deserialize(document)?.into(), health: None, migrations: None })
    }
}

impl RemoteCommand for DeleteBranch {
    fn route(&self) -> Route {
        let route = Route::new(Method::DELETE, ["admin", "branches", &self.branch]);
        if self.force { route.query("force", "true") } else { route }
    }

    fn read(&self, document: &Value) -> Result<DeletedBranch, serde_json::Error> {
        let (branch, operation) = begun(document)?;
        Ok(DeletedBranch { branch, operation })
    }
}

impl RemoteCommand for ListBranchActivity {
    fn route(&self) -> Route {
        Route::new(Method::GET, ["admin", "branches", &self.branch, "activity"]).page(&self.page)
    }

    fn read(&self, document: &Value) -> Result<Page<ActivityEntry>, serde_json::Error> {
        page::<ActivityDocument, ActivityEntry>(document)
    }
}

impl RemoteCommand for GetOperation {
    fn route(&self) -> Route {
        Route::new(Method::GET, ["admin", "operations", &self.id.to_string()])
    }

    fn read(&self, document: &Value) -> Result<Operation, serde_json::Error> {
        Ok(OperationDocument::deserialize(document)?.into())
    }
}

/// A branch and the operation that is at work on it: the answer to what takes longer than a request.
fn begun(document: &Value) -> Result<(Branch, Operation), serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        branch: BranchDocument,
        operation: OperationDocument,
    }
    let Document { branch, operation } = Document::deserialize(document)?;
    let operation = Operation::from(operation);
    let branch = BranchDocument { operation_id: Some(operation.id), ..branch };
    Ok((branch.into(), operation))
}

#[derive(Deserialize)]
struct BranchDocument {
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
    if text == Slug::MAIN { Ok(BranchName::main()) } else { text.parse().map_err(de::Error::custom) }
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
            data_as_of: None,
            protected: false,
            pull_request: None,
            grants: Vec::new(),
            previous: None,
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

#[derive(Deserialize)]
struct OperationDocument {
    id: OperationId,
    #[serde(deserialize_with = "parsed")]
    kind: OperationKind,
    branch_id: BranchId,
    #[serde(deserialize_with = "parsed")]
    status: Progress,
    steps: Vec<StepDocument>,
    error: Option<OperationError>,
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
            result: None,
            cancel_requested: false,
            created_at: document.created_at,
            finished_at: document.finished_at,
        }
    }
}

#[derive(Deserialize)]
struct StepDocument {
    #[serde(deserialize_with = "step_name")]
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

fn step_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StepName, D::Error> {
    let text = String::deserialize(deserializer)?;
    StepName::ALL.into_iter().find(|step| step.name() == text).ok_or_else(|| de::Error::custom(format!("unknown step '{text}'")))
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
struct ActivityDocument {
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

#[cfg(test)]
mod tests;
