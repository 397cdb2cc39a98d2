//! List keys of one kind.

use async_trait::async_trait;
use domain::{
    Caller, Failure,
    page::{Page, PageRequest},
};
use ports::{
    driven::{ControlPlane, KeyKind, KeyRecord},
    driving::{ListApiKeys, ListServiceKeys, UseCase},
};
use std::sync::Arc;

/// See [`ListApiKeys`] and [`ListServiceKeys`].
pub struct ListKeysUseCase {
    control_plane: Arc<dyn ControlPlane>,
}

impl ListKeysUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>) -> Self {
        Self { control_plane }
    }

    async fn list(&self, kind: KeyKind, page: &PageRequest) -> Result<Page<KeyRecord>, Failure> {
        let mut work = self.control_plane.begin().await?;
        Ok(work.keys().list(kind, page).await?)
    }
}

#[async_trait]
impl UseCase<ListApiKeys> for ListKeysUseCase {
    async fn run(&self, _caller: &Caller, command: ListApiKeys) -> Result<Page<KeyRecord>, Failure> {
        self.list(KeyKind::Api, &command.page).await
    }
}

#[async_trait]
impl UseCase<ListServiceKeys> for ListKeysUseCase {
    async fn run(&self, _caller: &Caller, command: ListServiceKeys) -> Result<Page<KeyRecord>, Failure> {
        self.list(KeyKind::Service, &command.page).await
    }
}
