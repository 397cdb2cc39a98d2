//! Commands of people who sign in.

use super::Command;
use crate::driven::Secret;
use domain::{
    Action,
    user::{Email, User},
};

/// Make an account for oneself and sign in.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// Its address.
    pub email: Email,
    /// Its password: 8 to 1024 characters.
    pub password: Secret,
}

impl Command for SignUp {
    const ACTION: Action = Action::SignUp;
    type Output = SessionTokens;
}

/// Start a session by e-mail and password.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: Secret,
}

impl Command for SignIn {
    const ACTION: Action = Action::SignIn;
    type Output = SessionTokens;
}

/// Exchange a refresh token for a fresh pair. Each refresh token is good once; one that comes back a second time ends the session, for it was stolen.
#[derive(Clone, Debug)]
pub struct RefreshSession {
    /// The token.
    pub refresh_token: Secret,
}

impl Command for RefreshSession {
    const ACTION: Action = Action::RefreshSession;
    type Output = SessionTokens;
}

/// What a signed-in user holds.
#[derive(Clone, Debug)]
pub struct SessionTokens {
    /// A JSON Web Token, to be sent as `Authorization: Bearer`.
    pub access_token: Secret,
    /// What gets the next pair.
    pub refresh_token: Secret,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Who.
    pub user: User,
}

/// End the caller's session: its refresh tokens and its access tokens are refused from now on, within a second on every replica.
#[derive(Clone, Debug)]
pub struct SignOut;

impl Command for SignOut {
    const ACTION: Action = Action::SignOut;
    type Output = ();
}

/// See one's own account.
#[derive(Clone, Debug)]
pub struct GetCurrentUser;

impl Command for GetCurrentUser {
    const ACTION: Action = Action::GetCurrentUser;
    type Output = User;
}
