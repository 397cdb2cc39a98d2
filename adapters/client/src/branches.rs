//! Commands on branches and their operations.

mod documents;
mod life_cycle;

pub(crate) use life_cycle::with_files;

use crate::{
    document::page,
    route::{RemoteCommand, Route},
};
use documents::{ActivityDocument, BranchDocument, started, started_delete};
use domain::{
    Branch, BranchType, DataCloneMode,
    branch::{ExpiresIn, PullRequest},
    page::Page,
};
use http::Method;
use ports::{
    driven::ActivityEntry,
    driving::{
        BranchDetails, CreateBranch, DeleteBranch, GetBranch, ListBranchActivity, ListBranches, StartedDelete, StartedOperation, UpdateBranch,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

impl RemoteCommand for CreateBranch {
    fn route(&self) -> Route {
        #[derive(Serialize)]
        #[expect(clippy::option_option, reason = "what is not given and null are two things")]
        struct Body<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            parent: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            r#type: Option<BranchType>,
            #[serde(skip_serializing_if = "Option::is_none")]
            data_clone_mode: Option<DataCloneMode>,
            #[serde(skip_serializing_if = "Option::is_none")]
            expires_in: Option<Option<String>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            seeds: Option<&'a [String]>,
            #[serde(skip_serializing_if = "Option::is_none")]
            max_age: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            github: Option<Value>,
        }
        Route::new(Method::POST, ["admin", "branches"]).body(Body {
            name: self.name.as_str(),
            parent: self.parent.as_deref(),
            r#type: self.branch_type,
            data_clone_mode: self.clone_mode,
            expires_in: self.expires_in.map(|given| given.map(|lifetime| lifetime.to_string())),
            seeds: self.seeds.as_deref(),
            max_age: self.max_age.map(|age| age.to_string()),
            github: self.pull_request.as_ref().map(github),
        })
    }

    fn read(&self, document: &Value) -> Result<StartedOperation, serde_json::Error> {
        started(document)
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
        Ok(BranchDocument::deserialize(document)?.into())
    }
}

impl RemoteCommand for UpdateBranch {
    fn route(&self) -> Route {
        let mut body = json!({});
        if let Some(name) = &self.name {
            body["name"] = json!(name.as_str());
        }
        if let Some(expires_in) = &self.expires_in {
            body["expires_in"] = json!(expires_in.as_ref().map(ExpiresIn::to_string));
        }
        if let Some(protected) = self.protected {
            body["protected"] = json!(protected);
        }
        Route::new(Method::PATCH, ["admin", "branches", &self.branch]).body(body)
    }

    fn read(&self, document: &Value) -> Result<Branch, serde_json::Error> {
        Ok(BranchDocument::deserialize(document)?.into())
    }
}

impl RemoteCommand for DeleteBranch {
    fn route(&self) -> Route {
        let route = Route::new(Method::DELETE, ["admin", "branches", &self.branch]);
        if self.force { route.query("force", "true") } else { route }
    }

    fn read(&self, document: &Value) -> Result<StartedDelete, serde_json::Error> {
        started_delete(document)
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

fn github(pull_request: &PullRequest) -> Value {
    let mut github = json!({ "pr_number": pull_request.number });
    if let Some(repository) = &pull_request.repository {
        github["repository"] = json!(repository.as_str());
    }
    github
}

#[cfg(test)]
mod tests;
