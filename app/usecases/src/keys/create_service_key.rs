//! Make a service key.

use super::rules::{Reach, check_name, check_rate_limit, check_reach};
use crate::trail;
use async_trait::async_trait;
use domain::{
    Action, Caller, Denied, Failure, Fault,
    access::{KeyId, PrincipalKind, Restrictions},
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
        let now = self.clock.now();
        let expires_at = command.expires_in.map(|lifetime| now + lifetime.duration());
        check_reach(&caller.principal, &Reach { scopes: command.scopes, expires_at, rate_limit: command.rate_limit })?;
        // A service key sees past row level security, which holds for every API key.
        if matches!(caller.principal.kind, PrincipalKind::ApiKey(_)) {
            return Err(Denied::ScopeInflation.into());
        }

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
            expires_at,
            revoked_at: None,
        };
        let mut work = self.control_plane.begin().await?;
        work.keys().insert(&record, &minted.hash).await?;
        work.audit().record(&trail::done(caller, Action::CreateServiceKey, None, Some(record.id.to_string()), now)).await?;
        work.commit().await?;
        Ok(CreatedKey { record, secret: minted.secret })
    }
}

#[cfg(test)]
mod tests {
    use super::CreateServiceKeyUseCase;
    use crate::testing::{FakeWork, caller};
    use domain::{Scope, Scopes};
    use ports::{
        driven::{MockClock, MockIds, MockKeyMint},
        driving::{CreateServiceKey, UseCase},
    };
    use std::sync::Arc;

    #[tokio::test]
    async fn a_key_that_policies_hold_for_makes_none_that_they_do_not() {
        let mut clock = MockClock::new();
        clock.expect_now().return_const(time::OffsetDateTime::UNIX_EPOCH);
        let work = FakeWork::default().control_plane();
        let use_case = CreateServiceKeyUseCase::new(work, Arc::new(MockKeyMint::new()), Arc::new(MockIds::new()), Arc::new(clock));
        let command = CreateServiceKey { name: "n".to_owned(), scopes: Scopes::NONE.with(Scope::ReadTables), expires_in: None, rate_limit: None };
        let api_key = caller(Some(1), [Scope::AdminKeys, Scope::ReadTables]);
        assert_eq!(use_case.run(&api_key, command).await.unwrap_err().code(), "scope_inflation");
    }
}
