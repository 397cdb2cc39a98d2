//! What long work answers: the branch and the operation at once, or as they are after a wait.

use super::{branch_view::BranchView, operation_view::OperationView};
use crate::{
    scope::RequestScope,
    tool::{Answer, json as text},
};
use domain::{Branch, Caller, Operation, operation::Progress};
use ports::driving::{FollowOperation, GetBranch, OperationFeed, StartedDelete, StartedOperation, UseCase};
use serde::Serialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// Seconds that a call may wait: clients give a call up after a minute.
pub(crate) const LONGEST_WAIT: u64 = 50;

/// Bytes of what stands around a branch and the operations that are told together.
const BETWEEN: u64 = r#"{"branch":,"operation":,"operations":[]}"#.len() as u64;

/// A branch that something was started for, and the operation that does it.
#[derive(Debug)]
pub(crate) struct Started(Told);

#[derive(Debug, Serialize)]
struct Told {
    branch: BranchView,
    operation: OperationView,
    /// All of them, this one first, where others go along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    operations: Vec<OperationView>,
}

impl Answer for Started {
    fn structured(&self) -> String {
        text(&self.0)
    }

    /// Who waited for the end and was told of a bad one did not get what they asked for.
    fn is_error(&self) -> bool {
        self.0.operation.went_wrong() || self.0.operations.iter().any(OperationView::went_wrong)
    }
}

impl Started {
    /// The JSON Schema of what was started.
    pub(super) fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["branch", "operation"],
            "properties": {"branch": {"type": "object"}, "operation": {"type": "object"}}
        })
    }

    /// The same of what may take others along.
    pub(super) fn schema_of_several() -> Value {
        let mut schema = Self::schema();
        schema["properties"]["operations"] = json!({"type": "array", "items": {"type": "object"}});
        schema
    }
}

/// Waits for operations.
#[derive(Clone)]
pub(crate) struct Waiting {
    pub(crate) follow: Arc<dyn UseCase<FollowOperation>>,
    pub(crate) get_branch: Arc<dyn UseCase<GetBranch>>,
    pub(crate) max_bytes: u64,
}

impl Waiting {
    /// What was started as it is now, or as it is after so many seconds at most. The work goes on whatever becomes of the wait.
    pub(super) async fn started(&self, scope: &RequestScope, started: StartedOperation, seconds: Option<u64>) -> Started {
        let StartedOperation { branch, operation } = started;
        self.deleted(scope, StartedDelete { branch, operation, descendants: Vec::new() }, seconds).await
    }

    /// The same of a branch that goes with its descendants: the wait is for all of them.
    pub(super) async fn deleted(&self, scope: &RequestScope, started: StartedDelete, seconds: Option<u64>) -> Started {
        let mut branch = started.branch.clone();
        let mut operations: Vec<_> = started.all().map(|going| going.operation).collect();
        let seconds = seconds.unwrap_or_default();
        if seconds > 0 {
            let until = end_of(seconds);
            for operation in &mut operations {
                self.wait(&scope.caller, operation, until).await;
            }
            branch = self.as_it_is(&scope.caller, branch, &operations[0]).await;
        }
        let branch = BranchView::of(&branch);
        // The first is told twice where there are several.
        let told = if operations.len() > 1 { operations.len() + 1 } else { 1 };
        let left = self.max_bytes.saturating_sub(text(&branch).len() as u64 + BETWEEN) / told as u64;
        let view = |operation: &Operation| OperationView::of(operation.clone(), left);
        let all = if operations.len() > 1 { operations.iter().map(view).collect() } else { Vec::new() };
        Started(Told { branch, operation: view(&operations[0]), operations: all })
    }

    /// Brings it up to its end, or to how it is at that moment.
    async fn wait(&self, caller: &Caller, operation: &mut Operation, until: Instant) {
        // Access may have been taken back meanwhile: then it is told as it was started.
        let Ok(feed) = self.follow.run(caller, FollowOperation { id: operation.id }).await else { return };
        if let Some(latest) = latest(feed, until).await {
            *operation = latest;
        }
    }

    /// The branch after the wait; as it was where nobody can ask for it any more.
    async fn as_it_is(&self, caller: &Caller, branch: Branch, operation: &Operation) -> Branch {
        match self.get_branch.run(caller, GetBranch { branch: branch.id.to_string() }).await {
            Ok(found) => found.branch,
            Err(_) if operation.kind == domain::OperationKind::DeleteBranch && operation.status == Progress::Succeeded => {
                let at = operation.finished_at.unwrap_or(branch.updated_at);
                Branch { state: domain::BranchState::Deleted { at }, ..branch }
            }
            Err(_) => branch,
        }
    }
}

/// When a wait of so many seconds ends.
pub(super) fn end_of(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds.min(LONGEST_WAIT))
}

/// The last state that a feed tells until then.
pub(super) async fn latest(mut feed: Box<dyn OperationFeed>, until: Instant) -> Option<Operation> {
    let mut last: Option<Operation> = None;
    while let Ok(Ok(Some(operation))) = timeout_at(until, feed.next()).await {
        let ended = operation.status.is_final();
        last = Some(operation);
        if ended {
            break;
        }
    }
    last
}
