//! Commands on users, and the documents that answer them.

use crate::{
    document::page,
    route::{RemoteCommand, Route},
};
use domain::{UserId, page::Page, user::User};
use http::Method;
use ports::{
    driven::Secret,
    driving::{CreateUser, ListUsers, PromoteUser},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

impl RemoteCommand for CreateUser {
    fn route(&self) -> Route {
        #[derive(Serialize)]
        struct Body<'a> {
            email: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            password: Option<&'a str>,
            admin: bool,
        }
        let password = self.password.as_ref().map(Secret::expose);
        Route::new(Method::POST, ["admin", "users"]).body(Body { email: self.email.as_str(), password, admin: self.admin })
    }

    fn read(&self, document: &Value) -> Result<User, serde_json::Error> {
        Ok(UserDocument::deserialize(document)?.into())
    }
}

impl RemoteCommand for PromoteUser {
    fn route(&self) -> Route {
        #[derive(Serialize)]
        struct Body {
            admin: bool,
        }
        Route::new(Method::POST, ["admin", "users", &self.user, "promote"]).body(Body { admin: self.admin })
    }

    fn read(&self, document: &Value) -> Result<User, serde_json::Error> {
        Ok(UserDocument::deserialize(document)?.into())
    }
}

impl RemoteCommand for ListUsers {
    fn route(&self) -> Route {
        Route::new(Method::GET, ["admin", "users"]).page(&self.page)
    }

    fn read(&self, document: &Value) -> Result<Page<User>, serde_json::Error> {
        page::<UserDocument, User>(document)
    }
}

#[derive(Deserialize)]
pub(crate) struct UserDocument {
    id: UserId,
    email: String,
    admin: bool,
    member: bool,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<UserDocument> for User {
    fn from(document: UserDocument) -> Self {
        let UserDocument { id, email, admin, member, created_at } = document;
        Self { id, email, admin, member, created_at }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        RemoteFailure,
        testing::{Answers, client},
    };
    use domain::page::PageRequest;
    use ports::{
        driven::Secret,
        driving::{CreateUser, ListUsers, PromoteUser},
    };
    use serde_json::json;

    fn alice() -> serde_json::Value {
        json!({ "id": "00000000-0000-4000-8000-000000000001", "email": "alice@example.com", "admin": true, "member": true, "created_at": "2026-01-02T03:04:05Z" })
    }

    #[tokio::test]
    async fn a_user_is_made_with_the_password_in_the_body() {
        let server = Answers::with(201, alice()).await;
        let command = CreateUser { email: "alice@example.com".parse().unwrap(), password: Some(Secret::new("correct horse")), admin: true };
        let made = client(&server).send(&command).await.unwrap();
        assert_eq!((made.output.email.as_str(), made.output.admin), ("alice@example.com", true));
        let asked = server.only_request();
        assert_eq!(asked.target, "POST /api/v1/admin/users");
        assert_eq!(asked.json(), json!({ "email": "alice@example.com", "password": "correct horse", "admin": true }));
    }

    #[tokio::test]
    async fn a_user_is_promoted_by_address_whatever_is_in_it() {
        let server = Answers::with(200, alice()).await;
        let promoted = client(&server).send(&PromoteUser { user: "a/b@example.com".to_owned(), admin: false }).await.unwrap();
        assert!(promoted.output.member);
        let asked = server.only_request();
        assert_eq!(asked.target, "POST /api/v1/admin/users/a%2Fb@example.com/promote");
        assert_eq!(asked.json(), json!({ "admin": false }));
    }

    #[tokio::test]
    async fn users_come_in_pages() {
        let server = Answers::with(200, json!({ "items": [alice()], "next_cursor": "n" })).await;
        let page = client(&server).send(&ListUsers { page: PageRequest { limit: 2, cursor: Some("a b".to_owned()) } }).await.unwrap().output;
        assert_eq!((page.items.len(), page.next_cursor.as_deref()), (1, Some("n")));
        assert_eq!(server.only_request().target, "GET /api/v1/admin/users?limit=2&cursor=a+b");
    }

    #[tokio::test]
    async fn an_answer_that_is_no_user_is_said_to_be_none() {
        let server = Answers::with(200, json!({ "items": [{ "id": 1 }] })).await;
        let failure = client(&server).send(&ListUsers { page: PageRequest::default() }).await.unwrap_err();
        assert!(matches!(&failure, RemoteFailure::NotFluxbase { found, .. } if found.contains("list_users")), "{failure}");
    }
}
