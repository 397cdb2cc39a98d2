//! Signing up, in and out.

use super::{Answer, Anybody, Asking, Group, NoContent};
use crate::{
    body::{Fields, FromFields, JsonBody},
    documents::{SessionDocument, UserDocument},
    problem::Problem,
};
use domain::user::Email;
use poem_openapi::{Object, OpenApi};
use ports::{
    driven::Secret,
    driving::{GetCurrentUser, RefreshSession, SignIn, SignOut, SignUp, UseCase},
};
use std::sync::Arc;

pub(crate) struct Sessions {
    pub(crate) sign_up: Arc<dyn UseCase<SignUp>>,
    pub(crate) sign_in: Arc<dyn UseCase<SignIn>>,
    pub(crate) refresh_session: Arc<dyn UseCase<RefreshSession>>,
    pub(crate) sign_out: Arc<dyn UseCase<SignOut>>,
    pub(crate) get_current_user: Arc<dyn UseCase<GetCurrentUser>>,
}

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Group::Auth")]
impl Sessions {
    /// Make an account
    ///
    /// Makes an account for oneself and signs in.
    #[oai(path = "/signup", method = "post", operation_id = "sign_up")]
    async fn sign_up(&self, anybody: Anybody, body: JsonBody<Account>) -> Result<Answer<201, SessionDocument>, Problem> {
        let Account { email, password } = body.0;
        Ok(Answer(anybody.0.run(&*self.sign_up, SignUp { email, password }).await?.into()))
    }

    /// Sign in
    ///
    /// Starts a session by e-mail address and password.
    #[oai(path = "/signin", method = "post", operation_id = "sign_in")]
    async fn sign_in(&self, anybody: Anybody, body: JsonBody<Account>) -> Result<Answer<200, SessionDocument>, Problem> {
        let Account { email, password } = body.0;
        Ok(Answer(anybody.0.run(&*self.sign_in, SignIn { email, password }).await?.into()))
    }

    /// Refresh a session
    ///
    /// Exchanges a refresh token for a fresh pair of tokens. A refresh token is good once; one that comes back a second time ends the session.
    #[oai(path = "/refresh", method = "post", operation_id = "refresh_session")]
    async fn refresh_session(&self, anybody: Anybody, body: JsonBody<Refresh>) -> Result<Answer<200, SessionDocument>, Problem> {
        let command = RefreshSession { refresh_token: body.0.0 };
        Ok(Answer(anybody.0.run(&*self.refresh_session, command).await?.into()))
    }

    /// Sign out
    ///
    /// Ends the caller's session: its refresh tokens and access tokens are refused from now on, within a second on every replica.
    #[oai(path = "/signout", method = "post", operation_id = "sign_out")]
    async fn sign_out(&self, asking: Asking) -> Result<NoContent, Problem> {
        asking.run(&*self.sign_out, SignOut).await?;
        Ok(NoContent)
    }

    /// See one's own account
    #[oai(path = "/user", method = "get", operation_id = "get_current_user")]
    async fn get_current_user(&self, asking: Asking) -> Result<Answer<200, UserDocument>, Problem> {
        Ok(Answer(asking.run(&*self.get_current_user, GetCurrentUser).await?.into()))
    }
}

/// An e-mail address and its password.
struct Account {
    email: Email,
    password: Secret,
}

impl FromFields for Account {
    type Document = AccountDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (email, password) = (fields.parsed("email"), fields.text("password"));
        Some(Self { email: email?, password: Secret::new(password?) })
    }
}

/// An e-mail address and its password.
#[derive(Object)]
#[oai(rename = "Account")]
pub(crate) struct AccountDocument {
    /// The address. Case and surrounding spaces do not matter.
    email: String,
    /// The password: 8 to 1024 characters.
    password: String,
}

struct Refresh(Secret);

impl FromFields for Refresh {
    type Document = RefreshDocument;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self(Secret::new(fields.text("refresh_token")?)))
    }
}

/// A refresh token.
#[derive(Object)]
#[oai(rename = "Refresh")]
pub(crate) struct RefreshDocument {
    /// The token that came with the session.
    refresh_token: String,
}

#[cfg(test)]
mod tests {
    use super::{Account, Refresh};
    use crate::testing::assert_described;

    #[test]
    fn bodies_are_described_as_they_are_read() {
        assert_described::<Account>();
        assert_described::<Refresh>();
    }
}
