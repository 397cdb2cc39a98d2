//! Commands on access to branches and on connections to their databases.

use crate::{
    document::page,
    route::{RemoteCommand, Route},
};
use domain::{
    branch::{DatabaseName, Grant},
    page::Page,
};
use http::Method;
use percent_encoding::percent_decode_str;
use ports::{
    driven::{BranchLogin, Secret},
    driving::{GetConnection, GrantBranchAccess, IssueConnection, IssuedConnection, ListBranchAccess, RevokeBranchAccess},
};
use serde::{Deserialize, de::Error};
use serde_json::{Value, json};
use time::OffsetDateTime;
use url::Url;

impl RemoteCommand for ListBranchAccess {
    fn route(&self) -> Route {
        Route::new(Method::GET, ["admin", "branches", &self.branch, "access"]).page(&self.page)
    }

    fn read(&self, document: &Value) -> Result<Page<Grant>, serde_json::Error> {
        page::<Grant, Grant>(document)
    }
}

impl RemoteCommand for GrantBranchAccess {
    fn route(&self) -> Route {
        let body = json!({ "user": self.user, "level": self.level.name() });
        Route::new(Method::PUT, ["admin", "branches", &self.branch, "access"]).body(body)
    }

    fn read(&self, document: &Value) -> Result<Grant, serde_json::Error> {
        Grant::deserialize(document)
    }
}

impl RemoteCommand for RevokeBranchAccess {
    fn route(&self) -> Route {
        Route::new(Method::DELETE, ["admin", "branches", &self.branch, "access", &self.user])
    }

    fn read(&self, _document: &Value) -> Result<(), serde_json::Error> {
        Ok(())
    }
}

impl RemoteCommand for GetConnection {
    fn route(&self) -> Route {
        Route::new(Method::GET, ["admin", "branches", &self.branch, "connection"])
    }

    fn read(&self, document: &Value) -> Result<Option<BranchLogin>, serde_json::Error> {
        Ok(Some(ConnectionDocument::deserialize(document)?.into()))
    }
}

impl RemoteCommand for IssueConnection {
    fn route(&self) -> Route {
        Route::new(Method::POST, ["admin", "branches", &self.branch, "connection"])
    }

    fn read(&self, document: &Value) -> Result<IssuedConnection, serde_json::Error> {
        let connection = ConnectionDocument::deserialize(document)?;
        let password = password_of(&connection.url).ok_or_else(|| serde_json::Error::custom("the connection has no password"))?;
        Ok(IssuedConnection { login: connection.into(), password })
    }
}

fn password_of(url: &str) -> Option<Secret> {
    let url: Url = url.parse().ok()?;
    Some(Secret::new(percent_decode_str(url.password()?).decode_utf8().ok()?.into_owned()))
}

#[derive(Deserialize)]
struct ConnectionDocument {
    url: String,
    user: String,
    host: String,
    port: u16,
    database: DatabaseName,
    #[serde(with = "time::serde::rfc3339")]
    rotated_at: OffsetDateTime,
    other_databases: Vec<String>,
}

impl From<ConnectionDocument> for BranchLogin {
    fn from(document: ConnectionDocument) -> Self {
        let ConnectionDocument { user, host, port, database, rotated_at, other_databases, .. } = document;
        Self { user, host, port, database, rotated_at, other_databases }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Answers, client};
    use domain::{branch::AccessLevel, page::PageRequest};
    use ports::driving::{GrantBranchAccess, IssueConnection, ListBranchAccess, RevokeBranchAccess};
    use serde_json::{Value, json};

    fn grant() -> Value {
        let id = "00000000-0000-4000-8000-000000000001";
        json!({ "user_id": id, "level": "write", "granted_by": "fluxbase", "granted_at": "2026-01-02T03:04:05Z" })
    }

    #[tokio::test]
    async fn access_is_granted_listed_and_taken_back() {
        let server = Answers::with(200, grant()).await;
        let command = GrantBranchAccess { branch: "x".to_owned(), user: "bob@example.com".to_owned(), level: AccessLevel::Write };
        assert_eq!(client(&server).send(&command).await.unwrap().output.level, AccessLevel::Write);
        let asked = server.only_request();
        assert_eq!(
            (asked.target.as_str(), asked.json()),
            ("PUT /api/v1/admin/branches/x/access", json!({ "user": "bob@example.com", "level": "write" }))
        );

        let server = Answers::with(200, json!({ "items": [grant()], "next_cursor": "c" })).await;
        let page = PageRequest { limit: 1, cursor: Some("b".to_owned()) };
        let listed = client(&server).send(&ListBranchAccess { branch: "x".to_owned(), page }).await.unwrap().output;
        assert_eq!((listed.items.len(), listed.next_cursor.as_deref()), (1, Some("c")));
        assert_eq!(server.only_request().target, "GET /api/v1/admin/branches/x/access?limit=1&cursor=b");

        let server = Answers::raw("HTTP/1.1 204 X\r\n\r\n".to_owned()).await;
        client(&server).send(&RevokeBranchAccess { branch: "x".to_owned(), user: "bob@example.com".to_owned() }).await.unwrap();
        assert_eq!(server.only_request().target, "DELETE /api/v1/admin/branches/x/access/bob@example.com");
    }

    #[tokio::test]
    async fn a_password_is_read_out_of_its_url() {
        let connection = json!({
            "url": "postgres://u:p%40ss@localhost:5432/d", "user": "u", "host": "localhost", "port": 5432, "database": "d",
            "rotated_at": "2026-01-02T03:04:05Z", "other_databases": [],
        });
        let server = Answers::with(200, connection).await;
        let issued = client(&server).send(&IssueConnection { branch: "x".to_owned() }).await.unwrap().output;
        assert_eq!((issued.password.expose(), issued.login.port), ("p@ss", 5432));
    }
}
