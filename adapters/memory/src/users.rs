//! Users.

use crate::{control_plane::MemoryUnitOfWork, paging::page};
use async_trait::async_trait;
use domain::{
    UserId,
    page::{Page, PageRequest},
    user::{Email, User},
};
use ports::driven::{StoreError, StoredUser, UserRepository};

#[async_trait]
impl UserRepository for MemoryUnitOfWork {
    async fn managed(&mut self) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn insert(&mut self, user: &StoredUser) -> Result<(), StoreError> {
        let state = self.write().await;
        if state.users.values().any(|other| other.user.id == user.user.id || other.user.email == user.user.email) {
            return Err(StoreError::Taken { what: "e-mail address" });
        }
        state.users.insert(user.user.id, user.clone());
        Ok(())
    }

    async fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.read(|state| state.users.get(&id).map(|stored| stored.user.clone())))
    }

    async fn find_by_email(&mut self, email: &Email) -> Result<Option<StoredUser>, StoreError> {
        Ok(self.read(|state| state.users.values().find(|stored| stored.user.email == email.as_str()).cloned()))
    }

    async fn is_member(&mut self, id: UserId) -> Result<bool, StoreError> {
        Ok(self.read(|state| state.users.get(&id).is_none_or(|stored| stored.user.member)))
    }

    async fn promote(&mut self, id: UserId, admin: bool) -> Result<Option<User>, StoreError> {
        let Some(stored) = self.write().await.users.get_mut(&id) else { return Ok(None) };
        stored.user.member = true;
        stored.user.admin |= admin;
        Ok(Some(stored.user.clone()))
    }

    async fn list(&mut self, request: &PageRequest) -> Result<Page<User>, StoreError> {
        let users = self.read(|state| state.users.values().map(|stored| stored.user.clone()).collect());
        page("users", request, users, |user: &User| user.email.clone())
    }
}
