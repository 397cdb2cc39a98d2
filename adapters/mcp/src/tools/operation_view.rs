//! Operations as models are shown them.

use crate::{
    foreign_text::{message, name},
    room::Room,
};
use domain::{
    Operation,
    operation::{OperationError, Progress, Step},
};
use serde::Serialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;

/// An operation, in short.
#[derive(Debug, Serialize)]
pub(crate) struct OperationView {
    id: String,
    kind: &'static str,
    branch_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    steps: Vec<StepView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<OperationError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    result_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    finished_at: Option<OffsetDateTime>,
}

/// One step of an operation, as it stands.
#[derive(Debug, Serialize)]
struct StepView {
    name: &'static str,
    status: &'static str,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    started_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    finished_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        Self {
            name: step.name.name(),
            status: step.status.name(),
            started_at: step.started_at,
            finished_at: step.finished_at,
            done: step.done,
            total: step.total,
            unit: step.unit.clone(),
        }
    }
}

impl OperationView {
    /// What is shown of an operation in so many bytes. Its result is shown whole or not at all: a part of one would be none.
    pub(crate) fn of(operation: Operation, max_bytes: u64) -> Self {
        let id = operation.id;
        let result = operation.result.as_ref().and_then(|text| RawValue::from_string(text.clone()).ok());
        let mut view = Self {
            id: id.to_string(),
            kind: operation.kind.name(),
            branch_id: operation.branch_id.to_string(),
            status: operation.status.name(),
            step: step(&operation),
            steps: operation.steps.iter().map(StepView::from).collect(),
            result: None,
            result_truncated: false,
            next: None,
            created_at: operation.created_at,
            finished_at: operation.finished_at,
            error: operation.error.map(seen),
        };
        if !operation.status.is_final() {
            view.next = Some(format!("call get_operation with id {id} and wait until its status is succeeded, failed or cancelled"));
        }
        if Room::beside(&view, max_bytes).take(&("result", &result)) {
            view.result = result;
        } else {
            view.result_truncated = true;
            let whole = format!("the result does not fit into {max_bytes} bytes: GET /api/v1/admin/operations/{id} or `fluxbase operation get {id}`");
            view.next = Some(view.next.map_or_else(|| whole.clone(), |next| format!("{next}; {whole}")));
        }
        view
    }

    /// Whether it ended otherwise than well.
    pub(super) fn went_wrong(&self) -> bool {
        [Progress::Failed, Progress::Cancelled].map(Progress::name).contains(&self.status)
    }
}

/// An error with everything in it seen: it repeats statements and what PostgreSQL says of them.
fn seen(error: OperationError) -> OperationError {
    OperationError {
        code: error.code,
        message: message(&error.message),
        file: error.file.as_deref().map(name),
        line: error.line,
        statement: error.statement.as_deref().map(message),
        sqlstate: error.sqlstate,
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
    use crate::tool::json as text;
    use domain::{
        BranchId, Operation, OperationId, OperationKind,
        operation::{OperationError, Progress, Step},
    };
    use serde_json::json;
    use time::OffsetDateTime;

    fn queued(kind: OperationKind) -> Operation {
        let (id, branch) = (OperationId::from_uuid(uuid::Uuid::nil()), BranchId::from_uuid(uuid::Uuid::nil()));
        Operation::queued(id, kind, branch, OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn an_operation_at_work_tells_its_step_and_what_to_do_next() {
        let mut operation = Operation { status: Progress::Running, ..queued(OperationKind::DeleteBranch) };
        operation.steps[0].status = Progress::Succeeded;
        let drop = &mut operation.steps[1];
        let began = Some(OffsetDateTime::UNIX_EPOCH);
        *drop =
            Step { started_at: began, status: Progress::Running, done: Some(1), total: Some(2), unit: Some("databases".to_owned()), ..drop.clone() };
        let view = serde_json::to_value(OperationView::of(operation, 1000)).unwrap();
        assert_eq!(view["step"], "drop_database (2 of 3), 1 of 2 databases");
        assert!(view["next"].as_str().unwrap().contains("get_operation"), "{view}");
        let began = "1970-01-01T00:00:00Z";
        assert_eq!(
            view["steps"],
            json!([
                {"name": "shut_out", "status": "succeeded"},
                {"name": "drop_database", "status": "running", "started_at": began, "done": 1, "total": 2, "unit": "databases"},
                {"name": "forget", "status": "queued"},
            ])
        );
        assert_eq!((&view["created_at"], view.get("finished_at")), (&json!(began), None));
        let ended = Operation { finished_at: Some(OffsetDateTime::UNIX_EPOCH), status: Progress::Succeeded, ..queued(OperationKind::DeleteBranch) };
        assert_eq!(serde_json::to_value(OperationView::of(ended, 1000)).unwrap()["finished_at"], began);
    }

    #[test]
    fn a_result_is_shown_where_the_whole_answer_holds_it() {
        let result = format!(r#"{{"applied":["{}"]}}"#, "x".repeat(1000));
        let ended = Operation { status: Progress::Succeeded, result: Some(result.clone()), ..queued(OperationKind::MigrateBranch) };
        let whole = OperationView::of(ended.clone(), 5000);
        let view = serde_json::to_value(&whole).unwrap();
        assert_eq!((view.get("step"), view.get("next"), &view["result"]), (None, None, &serde_json::from_str::<serde_json::Value>(&result).unwrap()));
        let most = text(&whole).len() as u64 - 1;
        let cut = OperationView::of(ended, most);
        assert!(text(&cut).len() as u64 <= most);
        let view = serde_json::to_value(&cut).unwrap();
        assert_eq!((view.get("result"), &view["result_truncated"]), (None, &json!(true)));
        assert!(view["next"].as_str().unwrap().contains("GET /api/v1/admin/operations/00000000"), "{view}");
    }

    #[test]
    fn an_error_is_bounded_and_hides_nothing() {
        let error = OperationError {
            statement: Some(format!("comment on table t is '\u{202e}{}'", "x".repeat(10_000))),
            ..OperationError::new("statement_failed", "y".repeat(10_000))
        };
        let view = OperationView::of(Operation { status: Progress::Failed, error: Some(error), ..queued(OperationKind::MigrateBranch) }, 10_000);
        let told = text(&view);
        assert!(told.len() < 5000 && told.contains("is '<U+202E>xxx"), "{told}");
    }
}
