//! Make a user.

use super::{check_managed, check_password};
use crate::trail;
use async_trait::async_trait;
use domain::{Action, Caller, Denied, Failure, Scopes, UserId, user::User};
use ports::{
    driven::{Clock, ControlPlane, Ids, Passwords, StoredUser},
    driving::{CreateUser, UseCase},
};
use std::sync::Arc;

/// See [`CreateUser`].
pub struct CreateUserUseCase {
    control_plane: Arc<dyn ControlPlane>,
    passwords: Arc<dyn Passwords>,
    ids: Arc<dyn Ids>,
    clock: Arc<dyn Clock>,
}

impl CreateUserUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>, passwords: Arc<dyn Passwords>, ids: Arc<dyn Ids>, clock: Arc<dyn Clock>) -> Self {
        Self { control_plane, passwords, ids, clock }
    }
}

#[async_trait]
impl UseCase<CreateUser> for CreateUserUseCase {
    async fn run(&self, caller: &Caller, command: CreateUser) -> Result<User, Failure> {
        // An administrator's session has every scope, so only who has them all may make one.
        if command.admin && !caller.principal.scopes.covers(Scopes::ALL) {
            return Err(Denied::ScopeInflation.into());
        }
        let password_hash = match &command.password {
            Some(password) => {
                check_password(password)?;
                Some(self.passwords.hash(password).await?)
            }
            None => None,
        };
        let now = self.clock.now();
        let user = User {
            id: UserId::from_uuid(self.ids.fresh()),
            email: command.email.as_str().to_owned(),
            admin: command.admin,
            member: true,
            created_at: now,
        };
        let mut work = self.control_plane.begin().await?;
        check_managed(work.users()).await?;
        work.users().insert(&StoredUser { user: user.clone(), password_hash }).await?;
        work.audit().record(&trail::done(caller, Action::CreateUser, None, Some(user.id.to_string()), now)).await?;
        work.commit().await?;
        Ok(user)
    }
}
