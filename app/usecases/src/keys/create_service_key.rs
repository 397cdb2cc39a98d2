//! Make a service key.

use super::rules::{check_name, check_rate_limit, check_reach};
use crate::trail;
use async_trait::async_trait;
use domain::{
    Action, Caller, Failure, Fault,
    access::{KeyId, Restrictions},
};
use ports::{
    driven::{Clock, ControlPlane, Ids, KeyKind, KeyMint, KeyRecord},
    driving::{CreateServiceKey, CreatedKey, UseCase},
};
use std::sync::Arc;

/// See [`CreateServiceKey`].
pub struct CreateServiceKeyUseCase {
    control_plane: Arc<dyn ControlPlane>,
    mint: Arc<dyn KeyMint>,
    ids: Arc<dyn Ids>,
    clock: Arc<dyn Clock>,
}

impl CreateServiceKeyUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>, mint: Arc<dyn KeyMint>, ids: Arc<dyn Ids>, clock: Arc<dyn Clock>) -> Self {
        Self { control_plane, mint, ids, clock }
    }
}

#[async_trait]
impl UseCase<CreateServiceKey> for CreateServiceKeyUseCase {
    async fn run(&self, caller: &Caller, command: CreateServiceKey) -> Result<CreatedKey, Failure> {
        check_name(&command.name)?;
        check_rate_limit(command.rate_limit)?;
        if command.scopes.is_empty() {
            return Err(Fault::new("/scopes", "must name at least one scope").into());
        }
        check_reach(&caller.principal, command.scopes)?;

        let now = self.clock.now();
        let minted = self.mint.mint(KeyKind::Service);
        let record = KeyRecord {
            id: KeyId::from_uuid(self.ids.fresh()),
            kind: KeyKind::Service,
            name: command.name,
            prefix: minted.prefix,
            user_id: None,
            scopes: command.scopes,
            restrictions: Restrictions { rate_limit: command.rate_limit, ..Restrictions::default() },
            created_at: now,
            expires_at: command.expires_in.map(|lifetime| now + lifetime.duration()),
            revoked_at: None,
        };
        let mut work = self.control_plane.begin().await?;
        work.keys().insert(&record, &minted.hash).await?;
        work.audit().record(&trail::done(caller, Action::CreateServiceKey, None, Some(record.id.to_string()), now)).await?;
        work.commit().await?;
        Ok(CreatedKey { record, secret: minted.secret })
    }
}
