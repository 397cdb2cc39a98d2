//! What a command on a branch began, and what came of it where that is waited for.

use crate::cli::{failure::CliError, output::Format, table, wait, when::relative};
use client::{Answer, HttpClient};
use comfy_table::Cell;
use domain::{Branch, Operation, operation::Progress};
use ports::driving::{GetBranch, StartedOperation};
use serde_json::{Value, json};

/// A branch, the operation at work on it, and the document of both.
pub(super) struct Begun {
    pub(super) branch: Branch,
    pub(super) operation: Operation,
    pub(super) document: Value,
}

impl From<Answer<StartedOperation>> for Begun {
    fn from(answer: Answer<StartedOperation>) -> Self {
        Self { branch: answer.output.branch, operation: answer.output.operation, document: answer.document }
    }
}

impl Begun {
    /// Follows the operation to its end; one that ends otherwise than it should is a failure, told as `what` and its reason.
    pub(super) async fn ended(self, client: &HttpClient, format: Format, what: &str) -> Result<Self, CliError> {
        let ended = wait::until_done(client, self.operation.id, format).await?;
        if ended.output.status != Progress::Succeeded {
            return Err(CliError::of_operation(what.to_owned(), ended.output));
        }
        let found = client.send(&GetBranch { branch: self.branch.id.to_string() }).await?;
        let document = json!({ "branch": found.document, "operation": ended.document });
        Ok(Self { branch: found.output.branch, operation: ended.output, document })
    }

    /// The branch in a few lines.
    pub(super) fn properties(&self) -> String {
        let branch = &self.branch;
        let at_work = !self.operation.status.is_final();
        table::properties([
            ("Branch", Some(Cell::new(&branch.slug))),
            ("Status", Some(table::status(branch.state.status()))),
            ("Type", Some(Cell::new(branch.branch_type))),
            ("Data", Some(Cell::new(branch.clone_mode))),
            ("Data as of", branch.data_as_of.map(|at| Cell::new(relative(at)))),
            ("Expires", branch.expires_at.map(|at| Cell::new(relative(at)))),
            ("Undo until", branch.previous.as_ref().map(|previous| Cell::new(relative(previous.until)))),
            ("Operation", at_work.then(|| Cell::new(self.operation.id))),
        ])
    }
}
