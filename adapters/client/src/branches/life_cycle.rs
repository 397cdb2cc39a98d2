//! Commands that begin something on a branch, and on what they began.

use super::documents::{OperationDocument, started};
use crate::route::{RemoteCommand, Route};
use domain::{Operation, operation::NamedText};
use http::Method;
use ports::driving::{CancelOperation, GetOperation, MigrateBranch, ProveDiff, ResetBranch, SeedBranch, StartedOperation, UndoReset};
use serde::Deserialize;
use serde_json::{Value, json};

impl RemoteCommand for ResetBranch {
    fn route(&self) -> Route {
        let mut body = json!({});
        if let Some(seeds) = &self.seeds {
            body["seeds"] = json!(seeds);
        }
        if let Some(age) = &self.max_age {
            body["max_age"] = json!(age.to_string());
        }
        Route::new(Method::POST, ["admin", "branches", &self.branch, "reset"]).body(body)
    }

    fn read(&self, document: &Value) -> Result<StartedOperation, serde_json::Error> {
        started(document)
    }
}

impl RemoteCommand for UndoReset {
    fn route(&self) -> Route {
        Route::new(Method::POST, ["admin", "branches", &self.branch, "undo"])
    }

    fn read(&self, document: &Value) -> Result<StartedOperation, serde_json::Error> {
        started(document)
    }
}

impl RemoteCommand for SeedBranch {
    fn route(&self) -> Route {
        let body = self.seeds.as_ref().map_or_else(|| json!({}), |seeds| json!({ "seeds": seeds }));
        Route::new(Method::POST, ["admin", "branches", &self.branch, "seed"]).body(body)
    }

    fn read(&self, document: &Value) -> Result<StartedOperation, serde_json::Error> {
        started(document)
    }
}

/// Files as requests carry them.
fn files(files: &[NamedText]) -> Value {
    files.iter().map(|file| json!({ "name": file.name, "sql": file.text })).collect()
}

/// A body with these files, where there are any, and whether they are the whole.
pub(crate) fn with_files(mut body: Value, texts: &[NamedText], whole: bool) -> Value {
    if !texts.is_empty() {
        body["files"] = files(texts);
        if whole {
            body["whole"] = json!(true);
        }
    }
    body
}

impl RemoteCommand for MigrateBranch {
    fn route(&self) -> Route {
        let mut body = with_files(json!({}), &self.files, self.whole);
        for (name, flag) in [("dry_run", self.dry_run), ("allow_out_of_order", self.allow_out_of_order)] {
            if flag {
                body[name] = json!(true);
            }
        }
        Route::new(Method::POST, ["admin", "branches", &self.branch, "migrate"]).body(body)
    }

    fn read(&self, document: &Value) -> Result<StartedOperation, serde_json::Error> {
        started(document)
    }
}

impl RemoteCommand for ProveDiff {
    fn route(&self) -> Route {
        let body = self.target.as_ref().map_or_else(|| json!({}), |target| json!({ "target": target }));
        Route::new(Method::POST, ["admin", "branches", &self.branch, "diff"]).body(body)
    }

    fn read(&self, document: &Value) -> Result<StartedOperation, serde_json::Error> {
        started(document)
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

impl RemoteCommand for CancelOperation {
    fn route(&self) -> Route {
        Route::new(Method::POST, ["admin", "operations", &self.id.to_string(), "cancel"])
    }

    fn read(&self, document: &Value) -> Result<Operation, serde_json::Error> {
        Ok(OperationDocument::deserialize(document)?.into())
    }
}
