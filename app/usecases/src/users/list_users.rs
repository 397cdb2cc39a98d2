//! List users.

use async_trait::async_trait;
use domain::{Caller, Failure, page::Page, user::User};
use ports::{
    driven::ControlPlane,
    driving::{ListUsers, UseCase},
};
use std::sync::Arc;

/// See [`ListUsers`].
pub struct ListUsersUseCase {
    control_plane: Arc<dyn ControlPlane>,
}

impl ListUsersUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>) -> Self {
        Self { control_plane }
    }
}

#[async_trait]
impl UseCase<ListUsers> for ListUsersUseCase {
    async fn run(&self, _caller: &Caller, command: ListUsers) -> Result<Page<User>, Failure> {
        let mut work = self.control_plane.begin().await?;
        Ok(work.users().list(&command.page).await?)
    }
}
