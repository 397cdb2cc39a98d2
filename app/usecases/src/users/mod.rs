//! Users, as administrators see them.

mod create_user;
mod list_users;
mod password;
mod promote_user;

pub use create_user::CreateUserUseCase;
pub use list_users::ListUsersUseCase;
pub(crate) use password::check_password;
pub use promote_user::PromoteUserUseCase;

use domain::{
    Failure, UserId,
    user::{Email, User},
};
use ports::driven::UserRepository;

/// A user by id or e-mail address.
pub(crate) async fn find_user(users: &mut dyn UserRepository, reference: &str) -> Result<User, Failure> {
    let found = match (reference.parse::<UserId>(), reference.parse::<Email>()) {
        (Ok(id), _) => users.find(id).await?,
        (_, Ok(email)) => users.find_by_email(&email).await?.map(|stored| stored.user),
        _ => None,
    };
    found.ok_or_else(|| Failure::not_found("user", reference))
}

/// Accounts are made only where their tables are ours.
pub(crate) async fn check_managed(users: &mut dyn UserRepository) -> Result<(), Failure> {
    if users.managed().await? {
        return Ok(());
    }
    Err(Failure::Conflict {
        code: "foreign_auth",
        reason: "this database has an auth schema of its own; make accounts with the system it belongs to".to_owned(),
    })
}
