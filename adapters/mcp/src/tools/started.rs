//! What long work answers: the branch and the operation at once, or as they are after a wait.

use super::{branch_view::BranchView, operation_view::OperationView};
use crate::{
    scope::RequestScope,
    tool::{Answer, json as text},
};
use domain::{Branch, Caller, Operation, operation::Progress};
use ports::driving::{FollowOperation, GetBranch, OperationFeed, StartedOperation, UseCase};
use serde::Serialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// Seconds that a call may wait: clients give a call up after a minute.
pub(crate) const LONGEST_WAIT: u64 = 50;

/// Bytes of what stands around a branch and an operation that are told together.
const BETWEEN: u64 = r#"{"branch":,"operation":}"#.len() as u64;

/// A branch that something was started for, and the operation that does it.
#[derive(Debug)]
pub(crate) struct Started(Told);

#[derive(Debug, Serialize)]
struct Told {
    branch: BranchView,
    operation: OperationView,
}

impl Answer for Started {
    fn structured(&self) -> String {
        text(&self.0)
    }

    /// Who waited for the end and was told of a bad one did not get what they asked for.
    fn is_error(&self) -> bool {
        self.0.operation.went_wrong()
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
        let seconds = seconds.unwrap_or_default();
        if seconds == 0 {
            return self.told(&branch, operation);
        }
        let operation = self.waited(&scope.caller, operation, seconds).await;
        let branch = self.as_it_is(&scope.caller, branch, &operation).await;
        self.told(&branch, operation)
    }

    fn told(&self, branch: &Branch, operation: Operation) -> Started {
        let branch = BranchView::of(branch);
        let left = self.max_bytes.saturating_sub(text(&branch).len() as u64 + BETWEEN);
        Started(Told { branch, operation: OperationView::of(operation, left) })
    }

    async fn waited(&self, caller: &Caller, operation: Operation, seconds: u64) -> Operation {
        // Access may have been taken back meanwhile: then it is told as it was started.
        match self.follow.run(caller, FollowOperation { id: operation.id }).await {
            Ok(feed) => latest(feed, seconds).await.unwrap_or(operation),
            Err(_) => operation,
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

/// The last state that a feed tells within so many seconds.
pub(super) async fn latest(mut feed: Box<dyn OperationFeed>, seconds: u64) -> Option<Operation> {
    let until = Instant::now() + Duration::from_secs(seconds.min(LONGEST_WAIT));
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
