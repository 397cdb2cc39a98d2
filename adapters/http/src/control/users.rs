//! Users, for administrators.

use super::{Answer, Asking, Group, page};
use crate::{
    body::{Fields, FromFields, JsonBody},
    documents::{PageDocument, UserDocument},
    problem::Problem,
};
use poem_openapi::{
    Object, OpenApi,
    param::{Path, Query},
};
use ports::{
    driven::Secret,
    driving::{CreateUser, ListUsers, PromoteUser, UseCase},
};
use std::sync::Arc;

pub(crate) struct Users {
    pub(crate) create: Arc<dyn UseCase<CreateUser>>,
    pub(crate) promote: Arc<dyn UseCase<PromoteUser>>,
    pub(crate) list: Arc<dyn UseCase<ListUsers>>,
}

#[OpenApi(prefix_path = "/api/v1/admin/users", tag = "Group::Users")]
impl Users {
    /// Make a user
    ///
    /// Needs the scope `admin:keys`.
    #[oai(path = "/", method = "post", operation_id = "create_user")]
    async fn create_user(&self, asking: Asking, body: JsonBody<CreateUser>) -> Result<Answer<201, UserDocument>, Problem> {
        Ok(Answer(asking.run(&*self.create, body.0).await?.into()))
    }

    /// Make a user a member, or an administrator
    ///
    /// Who signed up by themselves is no member, and may not make full clones. Nobody has checked that the address is theirs. Doing it twice is no error.
    /// Making administrators needs every scope; else it needs the scope `admin:keys`.
    #[oai(path = "/:user/promote", method = "post", operation_id = "promote_user")]
    async fn promote_user(
        &self,
        asking: Asking,
        /// The user's id or address.
        user: Path<String>,
        body: JsonBody<Promotion>,
    ) -> Result<Answer<200, UserDocument>, Problem> {
        let command = PromoteUser { user: user.0, admin: body.0.admin };
        Ok(Answer(asking.run(&*self.promote, command).await?.into()))
    }

    /// List users
    ///
    /// In the order of their addresses. Needs the scope `admin:keys`.
    #[oai(path = "/", method = "get", operation_id = "list_users")]
    async fn list_users(
        &self,
        asking: Asking,
        /// Items at most, 1 to 1000; 100 when not given.
        limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer<200, PageDocument<UserDocument>>, Problem> {
        let command = ListUsers { page: page(limit.0, cursor.0)? };
        Ok(Answer(PageDocument::of(asking.run(&*self.list, command).await?)))
    }
}

impl FromFields for CreateUser {
    type Document = NewUserDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (email, password, admin) = (fields.parsed("email"), fields.optional_text("password"), fields.flag("admin"));
        Some(Self { email: email?, password: password?.map(Secret::new), admin: admin? })
    }
}

/// A user to be made.
#[derive(Object)]
#[oai(rename = "NewUser")]
pub(crate) struct NewUserDocument {
    /// Its address.
    email: String,
    /// Its password: 8 to 1024 characters. Without one it cannot sign in by password.
    #[oai(nullable)]
    password: Option<String>,
    /// Whether it may administer this instance.
    #[oai(nullable)]
    admin: Option<bool>,
}

/// What becomes of a user.
struct Promotion {
    admin: bool,
}

impl FromFields for Promotion {
    type Document = PromotionDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { admin: fields.flag("admin")? })
    }
}

/// What becomes of a user, beside a member.
#[derive(Object)]
#[oai(rename = "Promotion")]
pub(crate) struct PromotionDocument {
    /// Whether it may administer this instance from now on.
    #[oai(nullable)]
    admin: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::Promotion;
    use crate::testing::assert_described;
    use ports::driving::CreateUser;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<CreateUser>();
        assert_described::<Promotion>();
    }
}
