//! Revoke a key.

use crate::trail;
use async_trait::async_trait;
use domain::{Action, Caller, Failure, access::KeyId};
use ports::{
    driven::{Clock, ControlPlane, KeyKind, KeyRecord},
    driving::{RevokeApiKey, RevokeServiceKey, UseCase},
};
use std::sync::Arc;

/// See [`RevokeApiKey`] and [`RevokeServiceKey`].
pub struct RevokeKeyUseCase {
    control_plane: Arc<dyn ControlPlane>,
    clock: Arc<dyn Clock>,
}

impl RevokeKeyUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>, clock: Arc<dyn Clock>) -> Self {
        Self { control_plane, clock }
    }

    async fn revoke(&self, caller: &Caller, action: Action, kind: KeyKind, id: KeyId) -> Result<KeyRecord, Failure> {
        let mut work = self.control_plane.begin().await?;
        let now = self.clock.now();
        let record = work.keys().revoke(kind, id, now).await?.ok_or_else(|| Failure::not_found("key", id.to_string()))?;
        work.audit().record(&trail::done(caller, action, None, Some(id.to_string()), now)).await?;
        work.commit().await?;
        Ok(record)
    }
}

#[async_trait]
impl UseCase<RevokeApiKey> for RevokeKeyUseCase {
    async fn run(&self, caller: &Caller, command: RevokeApiKey) -> Result<KeyRecord, Failure> {
        self.revoke(caller, Action::RevokeApiKey, KeyKind::Api, command.id).await
    }
}

#[async_trait]
impl UseCase<RevokeServiceKey> for RevokeKeyUseCase {
    async fn run(&self, caller: &Caller, command: RevokeServiceKey) -> Result<KeyRecord, Failure> {
        self.revoke(caller, Action::RevokeServiceKey, KeyKind::Service, command.id).await
    }
}
