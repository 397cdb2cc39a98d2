//! Branches and operations as models are shown them.

use domain::{
    Branch, Operation,
    operation::{OperationError, Progress},
};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use time::OffsetDateTime;

/// A branch, in short.
#[derive(Debug, Serialize)]
pub(crate) struct BranchView {
    slug: String,
    name: String,
    id: String,
    status: &'static str,
    #[serde(rename = "type")]
    branch_type: &'static str,
    data_clone_mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    expires_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    data_as_of: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    protected: bool,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    undo_until: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl BranchView {
    /// The JSON Schema of a branch.
    pub(super) fn schema() -> Value {
        json!({"type": "object", "properties": {"slug": {"type": "string"}, "status": {"type": "string"}}})
    }

    pub(crate) fn of(branch: &Branch) -> Self {
        Self {
            slug: branch.slug.to_string(),
            name: branch.name.to_string(),
            id: branch.id.to_string(),
            status: branch.state.status().name(),
            branch_type: branch.branch_type.name(),
            data_clone_mode: branch.clone_mode.name(),
            parent_id: branch.parent_id.map(|id| id.to_string()),
            created_at: branch.created_at,
            expires_at: branch.expires_at,
            data_as_of: branch.data_as_of,
            protected: branch.protected,
            undo_until: branch.previous.as_ref().map(|previous| previous.until),
            operation_id: branch.state.operation().map(|id| id.to_string()),
            error: branch.state.error().map(str::to_owned),
        }
    }
}

/// An operation, in short.
#[derive(Debug, Serialize)]
pub(crate) struct OperationView {
    id: String,
    kind: &'static str,
    branch_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<OperationError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    result_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl OperationView {
    /// What is shown of an operation, its result in so many bytes: a part of one would be none.
    pub(crate) fn of(operation: Operation, max_bytes: u64) -> Self {
        let result_truncated = operation.result.as_ref().is_some_and(|text| text.len() as u64 > max_bytes);
        let next = if !operation.status.is_final() {
            Some(format!("call get_operation with id {} and wait until its status is succeeded, failed or cancelled", operation.id))
        } else if result_truncated {
            Some(format!("the result has more than {max_bytes} bytes: people see it by `fluxbase operation get {}`", operation.id))
        } else {
            None
        };
        Self {
            id: operation.id.to_string(),
            kind: operation.kind.name(),
            branch_id: operation.branch_id.to_string(),
            status: operation.status.name(),
            step: step(&operation),
            error: operation.error,
            result: operation.result.filter(|_| !result_truncated).and_then(|text| RawValue::from_string(text).ok()),
            result_truncated,
            next,
        }
    }

    /// Whether it ended otherwise than well.
    pub(super) fn went_wrong(&self) -> bool {
        [Progress::Failed, Progress::Cancelled].map(Progress::name).contains(&self.status)
    }
}

/// `copy_rows (3 of 8), 5 of 9 rows`: the step at work.
fn step(operation: &Operation) -> Option<String> {
    if operation.status != Progress::Running {
        return None;
    }
    let (index, step) = operation.steps.iter().enumerate().find(|(_, step)| !step.status.is_final())?;
    let place = format!("{} ({} of {})", step.name, index + 1, operation.steps.len());
    Some(match (step.done, step.total) {
        (Some(done), Some(total)) => format!("{place}, {done} of {total} {}", step.unit.as_deref().unwrap_or_default()).trim_end().to_owned(),
        _ => place,
    })
}

#[cfg(test)]
mod tests {
    use super::OperationView;
    use domain::{
        BranchId, Operation, OperationId, OperationKind,
        operation::{Progress, Step},
    };
    use serde_json::json;
    use time::OffsetDateTime;

    #[test]
    fn an_operation_at_work_tells_its_step_and_what_to_do_next() {
        let (id, branch) = (OperationId::from_uuid(uuid::Uuid::nil()), BranchId::from_uuid(uuid::Uuid::nil()));
        let mut operation = Operation::queued(id, OperationKind::DeleteBranch, branch, OffsetDateTime::UNIX_EPOCH);
        operation.status = Progress::Running;
        operation.steps[0].status = Progress::Succeeded;
        let drop = &mut operation.steps[1];
        *drop = Step { status: Progress::Running, done: Some(1), total: Some(2), unit: Some("databases".to_owned()), ..drop.clone() };
        let view = serde_json::to_value(OperationView::of(operation.clone(), 100)).unwrap();
        assert_eq!(view["step"], "drop_database (2 of 3), 1 of 2 databases");
        assert!(view["next"].as_str().unwrap().contains("get_operation"), "{view}");
        let ended = Operation { status: Progress::Succeeded, result: Some(r#"{"applied":[]}"#.to_owned()), ..operation };
        let view = serde_json::to_value(OperationView::of(ended.clone(), 14)).unwrap();
        assert_eq!((view.get("step"), view.get("next"), &view["result"]), (None, None, &json!({"applied": []})));
        let view = serde_json::to_value(OperationView::of(ended, 13)).unwrap();
        assert_eq!((view.get("result"), &view["result_truncated"]), (None, &json!(true)));
        assert!(view["next"].as_str().unwrap().contains("fluxbase operation get"), "{view}");
    }
}
