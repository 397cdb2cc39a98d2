//! Branches.

use super::{Answer, Asking, Begun, Group, page};
use crate::{
    body::{Fields, FromFields, JsonBody},
    documents::{
        ActivityDocument, BranchDetailsDocument, BranchDocument, BranchWithOperation, OrNull, PageDocument, PullRequestDocument,
        StartedDeleteDocument,
    },
    problem::Problem,
};
use domain::{
    BranchName, BranchType,
    branch::{ExpiresIn, PullRequest},
};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use ports::driving::{CreateBranch, DeleteBranch, GetBranch, ListBranchActivity, ListBranches, UpdateBranch, UseCase};
use std::sync::Arc;

pub(crate) struct Branches {
    pub(crate) create: Arc<dyn UseCase<CreateBranch>>,
    pub(crate) list: Arc<dyn UseCase<ListBranches>>,
    pub(crate) get: Arc<dyn UseCase<GetBranch>>,
    pub(crate) update: Arc<dyn UseCase<UpdateBranch>>,
    pub(crate) delete: Arc<dyn UseCase<DeleteBranch>>,
    pub(crate) activity: Arc<dyn UseCase<ListBranchActivity>>,
}

#[OpenApi(prefix_path = "/api/v1/admin/branches", tag = "Group::Branches")]
impl Branches {
    /// Make a branch
    ///
    /// Answers at once; the branch is ready a little later. Works while the parent is in use, by a consistent snapshot that is never older than the
    /// request unless `max_age` allows it. Needs one of the scopes `write:branches` (of a user, within their quota) and `admin:branches`.
    #[oai(path = "/", method = "post", operation_id = "create_branch")]
    async fn create_branch(&self, asking: Asking, body: JsonBody<CreateBranch>) -> Result<Begun<BranchWithOperation>, Problem> {
        Ok(Begun(asking.run(&*self.create, body.0).await?.into()))
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
    /// With how its database is doing and how its migrations stand. Needs one of the scopes `read:branches` and `admin:branches`.
    #[oai(path = "/:id", method = "get", operation_id = "get_branch")]
    async fn get_branch(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
    ) -> Result<Answer<200, BranchDetailsDocument>, Problem> {
        Ok(Answer(asking.run(&*self.get, GetBranch { branch: id.0 }).await?.into()))
    }

    /// Change a branch's name, lifetime or protection
    ///
    /// What is not given stays; the slug stays always. A protected branch refuses delete and reset. Where only its protection kept a branch whose time is
    /// over, taking it off asks for `expires_in` (409 `branch_expired`). Needs one of the scopes `write:branches` and
    /// `admin:branches`.
    #[oai(path = "/:id", method = "patch", operation_id = "update_branch")]
    async fn update_branch(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        body: JsonBody<Changes>,
    ) -> Result<Answer<200, BranchDocument>, Problem> {
        let Changes { name, expires_in, protected } = body.0;
        let command = UpdateBranch { branch: id.0, name, expires_in, protected };
        Ok(Answer(asking.run(&*self.update, command).await?.into()))
    }

    /// Delete a branch
    ///
    /// Cuts connections and drops its databases; its slug is free again afterwards. Refused while it has children, unless `force` is true and
    /// the caller may delete each of them; for main and for protected branches always. Each goes by an operation of its own: `operations` has all of
    /// them. Needs one of the scopes `write:branches` and `admin:branches`.
    #[oai(path = "/:id", method = "delete", operation_id = "delete_branch")]
    async fn delete_branch(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        /// Its children go too, where each is the caller's to delete, instead of being a reason to refuse.
        force: Query<Option<bool>>,
    ) -> Result<Begun<StartedDeleteDocument>, Problem> {
        let command = DeleteBranch { branch: id.0, force: force.0.unwrap_or_default() };
        Ok(Begun(asking.run(&*self.delete, command).await?.into()))
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
        let (clone_mode, expires_in) = (fields.optional_parsed("data_clone_mode"), fields.patched("expires_in"));
        let (seeds, max_age, pull_request) = (fields.optional_list("seeds"), fields.optional_parsed("max_age"), fields.optional_object("github"));
        if branch_type == Some(Some(BranchType::Main)) {
            fields.fault("/type", "main is there already; choose preview or persistent");
        }
        Some(Self {
            name: name?,
            parent: parent?,
            branch_type: branch_type?,
            clone_mode: clone_mode?,
            expires_in: expires_in?,
            seeds: seeds?,
            max_age: max_age?,
            pull_request: pull_request?,
        })
    }
}

impl FromFields for PullRequest {
    type Document = PullRequestDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (repository, number) = (fields.optional_parsed("repository"), fields.count("pr_number"));
        Some(Self { repository: repository?, number: number? })
    }
}

/// What is to be changed of a branch.
#[expect(clippy::option_option, reason = "what is not given and what is taken away are two things")]
pub(crate) struct Changes {
    name: Option<BranchName>,
    expires_in: Option<Option<ExpiresIn>>,
    protected: Option<bool>,
}

impl FromFields for Changes {
    type Document = BranchChangesDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, expires_in, protected) = (fields.optional_parsed("name"), fields.patched("expires_in"), fields.optional_flag("protected"));
        Some(Self { name: name?, expires_in: expires_in?, protected: protected? })
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
    /// What is copied: `schema_only` (every object, no rows), `full_clone` (rows too, except those that are withheld) or `seed_data` (no rows but those of
    /// the server's seed files; 409 `no_seeds` where it has none).
    #[oai(nullable)]
    data_clone_mode: Option<String>,
    /// How long it lives, from `1s` up: `90s`, `30m`, `12h`, `7d`, or several of them; null is for ever. When not given, a preview lives as long as the
    /// server's `branching.auto_delete_after` says, and a persistent branch for ever.
    #[oai(nullable)]
    expires_in: Option<String>,
    /// For `seed_data`: the seed files to run, by name; all of them when not given.
    #[oai(nullable)]
    seeds: Option<Vec<String>>,
    /// For `full_clone`: how old a kept copy of the parent's rows may be, such as `1h`. When not given, or `0`, never a kept copy: rows are not older than
    /// the request.
    #[oai(nullable)]
    max_age: Option<String>,
    /// The pull request it belongs to.
    github: OrNull<PullRequestDocument>,
}

/// What is to be changed of a branch.
#[derive(Object)]
#[oai(rename = "BranchChanges")]
pub(crate) struct BranchChangesDocument {
    /// Another name: 1 to 100 characters. The slug stays, so that whoever is on the branch stays there.
    #[oai(nullable)]
    name: Option<String>,
    /// How long it lives from now on; null is for ever.
    #[oai(nullable)]
    expires_in: Option<String>,
    /// Whether delete and reset are refused.
    #[oai(nullable)]
    protected: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::Changes;
    use crate::{body::Fields, testing::assert_described};
    use domain::branch::PullRequest;
    use ports::driving::CreateBranch;
    use serde_json::json;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<CreateBranch>();
        assert_described::<PullRequest>();
        assert_described::<Changes>();
    }

    #[test]
    fn a_lifetime_that_is_null_is_for_ever_and_one_that_is_not_given_stays() {
        assert!(Fields::read::<Changes>(json!({"protected": true})).unwrap().expires_in.is_none());
        assert_eq!(Fields::read::<Changes>(json!({"expires_in": null})).unwrap().expires_in, Some(None));
        assert!(Fields::read::<Changes>(json!({"expires_in": "2h"})).unwrap().expires_in.unwrap().is_some());
        assert_eq!(Fields::read::<Changes>(json!({"protected": "yes"})).err().unwrap()[0].pointer, "/protected");
    }

    #[test]
    fn a_new_branch_lives_for_ever_where_that_is_said_and_by_default_where_nothing_is() {
        let read = |body| Fields::read::<CreateBranch>(body).unwrap().expires_in;
        assert_eq!(read(json!({"name": "a"})), None);
        assert_eq!(read(json!({"name": "a", "expires_in": null})), Some(None));
        assert_eq!(read(json!({"name": "a", "expires_in": "2h"})), Some(Some("2h".parse().unwrap())));
    }

    #[test]
    fn a_number_where_a_duration_is_asked_for_is_told_what_it_lacks() {
        let faults = Fields::read::<CreateBranch>(json!({"name": "a", "expires_in": 3600, "max_age": 0})).unwrap_err();
        assert!(faults[0].message.contains("such as 168h"), "{faults:?}");
        assert!(faults[1].message.contains("\"0\""), "{faults:?}");
        let faults = Fields::read::<Changes>(json!({"expires_in": 3600})).err().unwrap();
        assert!(faults[0].message.contains("such as 168h"), "{faults:?}");
    }

    #[test]
    fn every_fault_of_a_branch_is_told() {
        let body = json!({
            "name": "", "type": "main", "data_clone_mode": "all", "expires_in": "soon", "seeds": [1], "max_age": "old",
            "github": {"repository": "octo", "pr_number": 0, "url": "x"}, "colour": "red",
        });
        let faults = Fields::read::<CreateBranch>(body).unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/name",
                "/data_clone_mode",
                "/expires_in",
                "/seeds/0",
                "/max_age",
                "/github/repository",
                "/github/pr_number",
                "/github/url",
                "/type",
                "/colour"
            ]
        );
    }
}
