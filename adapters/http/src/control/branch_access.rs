//! Who else may do what on a branch, and how its database is connected to.

use super::{Answer, Asking, Group, NoContent, life_cycle::Nothing, page};
use crate::{
    body::{Fields, FromFields, JsonBody},
    documents::{ConnectionDocument, GrantDocument, PageDocument},
    problem::Problem,
};
use domain::{Failure, branch::AccessLevel};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use ports::driving::{GetConnection, GrantBranchAccess, IssueConnection, ListBranchAccess, RevokeBranchAccess, UseCase};
use std::sync::Arc;

pub(crate) struct BranchAccess {
    pub(crate) list: Arc<dyn UseCase<ListBranchAccess>>,
    pub(crate) grant: Arc<dyn UseCase<GrantBranchAccess>>,
    pub(crate) revoke: Arc<dyn UseCase<RevokeBranchAccess>>,
    pub(crate) issue_connection: Arc<dyn UseCase<IssueConnection>>,
    pub(crate) get_connection: Arc<dyn UseCase<GetConnection>>,
}

#[OpenApi(prefix_path = "/api/v1/admin/branches", tag = "Group::Branches")]
impl BranchAccess {
    /// See who has access to a branch
    ///
    /// Beside its creator and administrators, the earliest grant first. Needs one of the scopes `read:branches` and `admin:branches`.
    #[oai(path = "/:id/access", method = "get", operation_id = "list_branch_access")]
    async fn list_branch_access(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        /// Items at most, 1 to 1000; 100 when not given.
        limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer<200, PageDocument<GrantDocument>>, Problem> {
        let command = ListBranchAccess { branch: id.0, page: page(limit.0, cursor.0)? };
        Ok(Answer(PageDocument::of(asking.run(&*self.list, command).await?)))
    }

    /// Grant a user access to a branch
    ///
    /// Or change how far it goes. Needs one of the scopes `write:branches` and `admin:branches`, and to administer the branch.
    #[oai(path = "/:id/access", method = "put", operation_id = "grant_branch_access")]
    async fn grant_branch_access(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        body: JsonBody<NewGrant>,
    ) -> Result<Answer<200, GrantDocument>, Problem> {
        let command = GrantBranchAccess { branch: id.0, user: body.0.user, level: body.0.level };
        Ok(Answer(asking.run(&*self.grant, command).await?.into()))
    }

    /// Take a user's access to a branch away
    ///
    /// Needs one of the scopes `write:branches` and `admin:branches`, and to administer the branch.
    #[oai(path = "/:id/access/:user", method = "delete", operation_id = "revoke_branch_access")]
    async fn revoke_branch_access(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        /// The user's id or address.
        user: Path<String>,
    ) -> Result<NoContent, Problem> {
        asking.run(&*self.revoke, RevokeBranchAccess { branch: id.0, user: user.0 }).await?;
        Ok(NoContent)
    }

    /// See how a branch's database is connected to
    ///
    /// All but the password. Needs one of the scopes `read:branches` and `admin:branches`, and to be allowed to write the branch.
    #[oai(path = "/:id/connection", method = "get", operation_id = "get_connection")]
    async fn get_connection(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
    ) -> Result<Answer<200, ConnectionDocument>, Problem> {
        let missing = || {
            let problem = asking.refused(Failure::not_found("connection of branch", id.0.clone()));
            problem.hint(Some("make one with POST, or with `fluxbase branch connection`".to_owned()))
        };
        let login = asking.run(&*self.get_connection, GetConnection { branch: id.0.clone() }).await?;
        Ok(Answer(login.ok_or_else(missing)?.into()))
    }

    /// Make a password for connecting to a branch's database
    ///
    /// The answer has it, this once; an earlier one is good no more. The role can connect to this branch's database only. Needs one of the scopes
    /// `write:branches` and `admin:branches`, and to be allowed to write the branch.
    #[oai(path = "/:id/connection", method = "post", operation_id = "issue_connection")]
    async fn issue_connection(
        &self,
        asking: Asking,
        /// Id or slug.
        id: Path<String>,
        _body: JsonBody<Nothing>,
    ) -> Result<Answer<200, ConnectionDocument>, Problem> {
        Ok(Answer(asking.run(&*self.issue_connection, IssueConnection { branch: id.0 }).await?.into()))
    }
}

/// Access to be granted.
pub(crate) struct NewGrant {
    user: String,
    level: AccessLevel,
}

impl FromFields for NewGrant {
    type Document = NewGrantDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (user, level) = (fields.text("user"), fields.parsed("level"));
        Some(Self { user: user?, level: level? })
    }
}

/// Access to be granted.
#[derive(Object)]
#[oai(rename = "NewGrant")]
pub(crate) struct NewGrantDocument {
    /// The user's id or address.
    user: String,
    /// `read`, `write` or `admin`.
    level: String,
}

#[cfg(test)]
mod tests {
    use super::NewGrant;
    use crate::{body::Fields, testing::assert_described};
    use serde_json::json;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<NewGrant>();
    }

    #[test]
    fn a_level_that_is_none_is_told_with_those_there_are() {
        let faults = Fields::read::<NewGrant>(json!({"user": "a@example.com", "level": "owner"})).err().unwrap();
        assert!(faults[0].pointer == "/level" && faults[0].message.contains("read, write, admin"), "{faults:?}");
    }
}
