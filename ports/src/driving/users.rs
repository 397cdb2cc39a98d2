//! Commands of administrators on users.

use super::Command;
use crate::driven::Secret;
use domain::{
    Action,
    page::{Page, PageRequest},
    user::{Email, User},
};

/// Make a user.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Its address.
    pub email: Email,
    /// Its password; without one it cannot sign in by password.
    pub password: Option<Secret>,
    /// Whether it may administer this instance.
    pub admin: bool,
}

impl Command for CreateUser {
    const ACTION: Action = Action::CreateUser;
    type Output = User;

    fn target(&self) -> Option<String> {
        Some(self.email.as_str().to_owned())
    }
}

/// Make a user who signed up a member, or anybody an administrator. Doing it twice is no error; nobody loses anything by it.
#[derive(Clone, Debug)]
pub struct PromoteUser {
    /// The user, by id or address.
    pub user: String,
    /// Whether it may administer this instance from now on.
    pub admin: bool,
}

impl Command for PromoteUser {
    const ACTION: Action = Action::PromoteUser;
    type Output = User;

    fn target(&self) -> Option<String> {
        Some(self.user.clone())
    }
}

/// List users, in the order of their addresses.
#[derive(Clone, Debug)]
pub struct ListUsers {
    /// Which page.
    pub page: PageRequest,
}

impl Command for ListUsers {
    const ACTION: Action = Action::ListUsers;
    type Output = Page<User>;
}
