//! Commands of people who sign in, and the documents that answer them.

use crate::{
    route::{RemoteCommand, Route},
    users::UserDocument,
};
use http::Method;
use ports::{
    driven::Secret,
    driving::{RefreshSession, SessionTokens, SignIn, SignOut},
};
use serde::Deserialize;
use serde_json::{Value, json};

impl RemoteCommand for SignIn {
    fn route(&self) -> Route {
        let body = json!({ "email": self.email.as_str(), "password": self.password.expose() });
        Route::new(Method::POST, ["auth", "signin"]).body(body)
    }

    fn read(&self, document: &Value) -> Result<SessionTokens, serde_json::Error> {
        tokens(document)
    }
}

impl RemoteCommand for RefreshSession {
    fn route(&self) -> Route {
        Route::new(Method::POST, ["auth", "refresh"]).body(json!({ "refresh_token": self.refresh_token.expose() }))
    }

    fn read(&self, document: &Value) -> Result<SessionTokens, serde_json::Error> {
        tokens(document)
    }
}

impl RemoteCommand for SignOut {
    fn route(&self) -> Route {
        Route::new(Method::POST, ["auth", "signout"])
    }

    fn read(&self, _document: &Value) -> Result<(), serde_json::Error> {
        Ok(())
    }
}

fn tokens(document: &Value) -> Result<SessionTokens, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        access_token: String,
        refresh_token: String,
        expires_in: u64,
        user: UserDocument,
    }
    let Document { access_token, refresh_token, expires_in, user } = Document::deserialize(document)?;
    Ok(SessionTokens { access_token: Secret::new(access_token), refresh_token: Secret::new(refresh_token), expires_in, user: user.into() })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Answers, client};
    use ports::{
        driven::Secret,
        driving::{RefreshSession, SignIn, SignOut},
    };
    use serde_json::json;

    #[tokio::test]
    async fn a_session_is_begun_refreshed_and_ended() {
        let user = json!({
            "id": "00000000-0000-4000-8000-000000000001", "email": "a@example.com", "admin": false, "member": true,
            "created_at": "2026-01-02T03:04:05Z",
        });
        let session = json!({ "access_token": "a.b.c", "token_type": "bearer", "expires_in": 3600, "refresh_token": "r", "user": user });
        let server = Answers::with(200, session.clone()).await;
        let command = SignIn { email: "a@example.com".parse().unwrap(), password: Secret::new("correct horse") };
        let tokens = client(&server).send(&command).await.unwrap().output;
        assert_eq!((tokens.access_token.expose(), tokens.expires_in), ("a.b.c", 3600));
        assert_eq!(server.only_request().json(), json!({ "email": "a@example.com", "password": "correct horse" }));

        let server = Answers::with(200, session).await;
        client(&server).send(&RefreshSession { refresh_token: Secret::new("r") }).await.unwrap();
        assert_eq!(server.only_request().target, "POST /api/v1/auth/refresh");

        let server = Answers::raw("HTTP/1.1 204 X\r\n\r\n".to_owned()).await;
        client(&server).send(&SignOut).await.unwrap();
    }
}
