//! Branches.

use super::{Answer, Asking, Group, page};
use crate::{
    body::{Fields, FromFields, JsonBody},
    documents::{ActivityDocument, BranchDocument, BranchWithOperation, PageDocument},
    problem::Problem,
};
use domain::BranchType;
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use ports::driving::{CreateBranch, DeleteBranch, GetBranch, ListBranchActivity, ListBranches, UseCase};
use std::sync::Arc;

pub(crate) struct Branches {
    pub(crate) create: Arc<dyn UseCase<CreateBranch>>,
    pub(crate) list: Arc<dyn UseCase<ListBranches>>,
    pub(crate) get: Arc<dyn UseCase<GetBranch>>,
    pub(crate) delete: Arc<dyn UseCase<DeleteBranch>>,
    pub(crate) activity: Arc<dyn UseCase<ListBranchActivity>>,
}

#[OpenApi(prefix_path = "/api/v1/admin/branches", tag = "Group::Branches")]
impl Branches {
    /// Make a branch
    ///
    /// Answers at once; the branch is ready a little later. Works while the parent is in use, by a consistent snapshot. Needs one of the scopes
    /// `write:branches` (within one's quota) and `admin:branches`.
    #[oai(path = "/", method = "post", operation_id = "create_branch")]
    async fn create_branch(&self, asking: Asking, body: JsonBody<CreateBranch>) -> Result<Answer<202, BranchWithOperation>, Problem> {
        Ok(Answer(asking.run(&*self.create, body.0).await?.into()))
    }

    /// List branches
    ///
    /// Those that the caller may see: main first, then the newest first. Needs one of the scopes `read:branches` and `admin:branches`.
    #[oai(path = "/", method = "get", operation_id = "list_branches")]
    async fn list_branches(
        &self,
        asking: Asking,
        /// Items at most, 1 to 1000; 100 when not given.
        limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer<200, PageDocument<BranchDocument>>, Problem> {
        let command = ListBranches { page: page(limit.0, cursor.0)? };
        Ok(Answer(PageDocument::of(asking.run(&*self.list, command).await?)))
    }

    /// See one branch
    ///
    /// Needs one of the scopes `read:branches` and `admin:branches`.
    #[oai(path = "/:id", method = "get", operation_id = "get_branch")]
    async fn get_branch(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
    ) -> Result<Answer<200, BranchDocument>, Problem> {
        Ok(Answer(asking.run(&*self.get, GetBranch { branch: id.0 }).await?.branch.into()))
    }

    /// Delete a branch
    ///
    /// Cuts connections and drops its databases; its slug is free again afterwards. Refused while it has children unless `force` is true, and for main
    /// always. Needs one of the scopes `write:branches` and `admin:branches`.
    #[oai(path = "/:id", method = "delete", operation_id = "delete_branch")]
    async fn delete_branch(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        /// Its children go too, instead of being a reason to refuse.
        force: Query<Option<bool>>,
    ) -> Result<Answer<202, BranchWithOperation>, Problem> {
        let command = DeleteBranch { branch: id.0, force: force.0.unwrap_or_default() };
        Ok(Answer(asking.run(&*self.delete, command).await?.into()))
    }

    /// See who did what to a branch
    ///
    /// Newest first. Needs one of the scopes `read:branches` and `admin:branches`.
    #[oai(path = "/:id/activity", method = "get", operation_id = "list_branch_activity")]
    async fn list_branch_activity(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        /// Items at most, 1 to 1000; 100 when not given.
        limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer<200, PageDocument<ActivityDocument>>, Problem> {
        let command = ListBranchActivity { branch: id.0, page: page(limit.0, cursor.0)? };
        Ok(Answer(PageDocument::of(asking.run(&*self.activity, command).await?)))
    }
}

impl FromFields for CreateBranch {
    type Document = NewBranchDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, parent, branch_type) = (fields.parsed("name"), fields.optional_text("parent"), fields.optional_parsed("type"));
        let (clone_mode, expires_in) = (fields.optional_parsed("data_clone_mode"), fields.optional_parsed("expires_in"));
        if branch_type == Some(Some(BranchType::Main)) {
            fields.fault("/type", "main is there already; choose preview or persistent");
        }
        Some(Self {
            name: name?,
            parent: parent?,
            branch_type: branch_type?,
            clone_mode: clone_mode?,
            expires_in: expires_in?,
            seeds: None,
            max_age: None,
            pull_request: None,
        })
    }
}

/// A branch to be made.
#[derive(Object)]
#[oai(rename = "NewBranch")]
pub(crate) struct NewBranchDocument {
    /// Its name: 1 to 100 characters. Its slug is made of it: `feature/a b` becomes `feature-a-b`.
    name: String,
    /// Id or slug of the branch to cut it from; main when not given.
    #[oai(nullable)]
    parent: Option<String>,
    /// `preview` (expires by itself, the default) or `persistent`.
    #[oai(rename = "type", nullable)]
    branch_type: Option<String>,
    /// What is copied: `schema_only` (every object, no rows), `full_clone` (rows too, except those that are withheld) or `seed_data`.
    #[oai(nullable)]
    data_clone_mode: Option<String>,
    /// How long it lives, from `1s` up: `90s`, `30m`, `12h`, `7d`, or several of them.
    #[oai(nullable)]
    expires_in: Option<String>,
}

#[cfg(test)]
mod tests {
    use crate::{body::Fields, testing::assert_described};
    use ports::driving::CreateBranch;
    use serde_json::json;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<CreateBranch>();
    }

    #[test]
    fn every_fault_of_a_branch_is_told() {
        let body = json!({"name": "", "type": "main", "data_clone_mode": "all", "expires_in": "soon", "seeds": []});
        let faults = Fields::read::<CreateBranch>(body).unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/data_clone_mode", "/expires_in", "/type", "/seeds"]);
    }
}
