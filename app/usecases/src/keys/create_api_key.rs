//! Make an API key.

use super::rules::{Reach, check_name, check_rate_limit, check_reach, check_tables, check_user};
use crate::{trail, users::find_user};
use async_trait::async_trait;
use domain::{
    Action, Caller, Failure, Fault, Scopes, Slug,
    access::{KeyId, Restrictions},
    branch::Status,
};
use ports::{
    driven::{BranchRepository, Clock, ControlPlane, Ids, KeyKind, KeyMint, KeyRecord},
    driving::{CreateApiKey, CreatedKey, UseCase},
};
use std::sync::Arc;

/// See [`CreateApiKey`].
pub struct CreateApiKeyUseCase {
    control_plane: Arc<dyn ControlPlane>,
    mint: Arc<dyn KeyMint>,
    ids: Arc<dyn Ids>,
    clock: Arc<dyn Clock>,
}

impl CreateApiKeyUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>, mint: Arc<dyn KeyMint>, ids: Arc<dyn Ids>, clock: Arc<dyn Clock>) -> Self {
        Self { control_plane, mint, ids, clock }
    }
}

#[async_trait]
impl UseCase<CreateApiKey> for CreateApiKeyUseCase {
    async fn run(&self, caller: &Caller, command: CreateApiKey) -> Result<CreatedKey, Failure> {
        check_name(&command.name)?;
        check_rate_limit(command.rate_limit)?;
        check_tables(command.tables.as_deref().unwrap_or_default())?;
        if command.scopes == Scopes::ALL {
            return Err(Fault::new("/scopes", "'*' is for service keys only; name the scopes").into());
        }
        if command.scopes.is_empty() {
            return Err(Fault::new("/scopes", "must name at least one scope").into());
        }
        let now = self.clock.now();
        let expires_at = command.expires_in.map(|lifetime| now + lifetime.duration());
        check_reach(&caller.principal, &Reach { scopes: command.scopes, expires_at, rate_limit: command.rate_limit })?;

        let mut work = self.control_plane.begin().await?;
        let user_id = match &command.user {
            Some(reference) => Some(find_user(work.users(), reference).await?.id),
            None => None,
        };
        check_user(&caller.principal, user_id)?;
        if let Some(slug) = &command.branch {
            keep_there(work.branches(), slug).await?;
        }
        let minted = self.mint.mint(KeyKind::Api);
        let record = KeyRecord {
            id: KeyId::from_uuid(self.ids.fresh()),
            kind: KeyKind::Api,
            name: command.name,
            prefix: minted.prefix,
            user_id,
            scopes: command.scopes,
            restrictions: Restrictions {
                branch: command.branch,
                read_only: command.read_only,
                tables: command.tables,
                rate_limit: command.rate_limit,
            },
            created_at: now,
            expires_at,
            revoked_at: None,
        };
        work.keys().insert(&record, &minted.hash).await?;
        work.audit().record(&trail::done(caller, Action::CreateApiKey, None, Some(record.id.to_string()), now)).await?;
        work.commit().await?;
        Ok(CreatedKey { record, secret: minted.secret })
    }
}

/// Sees to it that the branch is there until the unit of work ends, by its row's lock. One that goes ends the keys that are pinned to it, in the
/// transaction that frees its slug: one more that came after would be pinned to whatever bears the slug next.
async fn keep_there(branches: &mut dyn BranchRepository, slug: &Slug) -> Result<(), Failure> {
    let gone = || Failure::not_found("branch", slug.as_str());
    let found = branches.find_by_slug(slug).await?.ok_or_else(gone)?;
    let branch = branches.find(found.id, true).await?.ok_or_else(gone)?;
    match branch.state.status() {
        Status::Deleted => Err(gone()),
        Status::Deleting => branch.check_idle(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::CreateApiKeyUseCase;
    use crate::testing::{BRANCH, FakeWork, branch, caller};
    use domain::{BranchState, OperationId, Scope, Scopes, table::QualifiedName};
    use ports::{
        driven::{MintedKey, MockClock, MockIds, MockKeyMint, Secret},
        driving::{CreateApiKey, UseCase},
    };
    use std::sync::{Arc, atomic::Ordering};
    use time::OffsetDateTime;

    fn command(scopes: Scopes) -> CreateApiKey {
        CreateApiKey {
            name: "claude".to_owned(),
            user: None,
            scopes,
            branch: None,
            read_only: false,
            tables: None,
            expires_in: None,
            rate_limit: None,
        }
    }

    fn over(work: FakeWork) -> CreateApiKeyUseCase {
        let (mut ids, mut clock, mut mint) = (MockIds::new(), MockClock::new(), MockKeyMint::new());
        ids.expect_fresh().return_const(BRANCH);
        clock.expect_now().return_const(OffsetDateTime::UNIX_EPOCH);
        mint.expect_mint().returning(|_| MintedKey { secret: Secret::new("fb_pk_abc"), prefix: "fb_pk_a".to_owned(), hash: [1; 32] });
        CreateApiKeyUseCase::new(work.control_plane(), Arc::new(mint), Arc::new(ids), Arc::new(clock))
    }

    #[tokio::test]
    async fn the_hash_is_kept_and_the_secret_is_given_once() {
        let mut work = FakeWork::default();
        work.keys.expect_insert().once().withf(|record, hash| record.prefix == "fb_pk_a" && *hash == [1; 32]).returning(|_, _| Ok(()));
        work.audit.expect_record().once().returning(|_| Ok(()));
        let committed = work.committed();
        let made = over(work).run(&caller(None, [Scope::AdminKeys, Scope::ReadTables]), command(Scopes::NONE.with(Scope::ReadTables))).await;
        assert_eq!(made.unwrap().secret.expose(), "fb_pk_abc");
        assert!(committed.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn nobody_hands_out_more_than_it_has() {
        let maker = caller(None, [Scope::AdminKeys, Scope::ReadTables]);
        let refused = over(FakeWork::default()).run(&maker, command(Scopes::NONE.with(Scope::WriteTables))).await.unwrap_err();
        assert_eq!(refused.code(), "scope_inflation");
        for scopes in [Scopes::ALL, Scopes::NONE] {
            assert_eq!(over(FakeWork::default()).run(&maker, command(scopes)).await.unwrap_err().code(), "invalid");
        }
    }

    #[tokio::test]
    async fn no_key_is_pinned_to_a_branch_that_goes_meanwhile() {
        let ready = branch("pr-1", None);
        let operation = OperationId::from_uuid(BRANCH);
        let BranchState::Ready { generation } = ready.state else { panic!("{ready:?}") };
        let deleting = BranchState::Deleting { generation: Some(generation), operation };
        let deleted = BranchState::Deleted { at: OffsetDateTime::UNIX_EPOCH };
        for (locked, outcome) in [(ready.state.clone(), None), (deleting, Some("operation_running")), (deleted, Some("not_found"))] {
            let mut work = FakeWork::default();
            let (found, locked) = (ready.clone(), domain::Branch { state: locked, ..ready.clone() });
            work.branches.expect_find_by_slug().returning(move |_| Ok(Some(found.clone())));
            work.branches.expect_find().once().withf(|_, lock| *lock).returning(move |_, _| Ok(Some(locked.clone())));
            work.keys.expect_insert().times(usize::from(outcome.is_none())).returning(|_, _| Ok(()));
            work.audit.expect_record().returning(|_| Ok(()));
            let maker = caller(None, [Scope::AdminKeys, Scope::ReadTables]);
            let pinned = CreateApiKey { branch: Some(ready.slug.clone()), ..command(Scopes::NONE.with(Scope::ReadTables)) };
            let made = over(work).run(&maker, pinned).await;
            assert_eq!(made.as_ref().err().map(domain::Failure::code), outcome, "{made:?}");
        }
    }

    #[tokio::test]
    async fn what_can_be_no_table_is_on_no_list() {
        let maker = caller(None, [Scope::AdminKeys, Scope::ReadTables]);
        for (schema, name) in [("public", ""), ("", "tasks"), ("public", "a\0b")] {
            let tables = Some(vec![QualifiedName::new("public", "tasks"), QualifiedName::new(schema, name)]);
            let refused = over(FakeWork::default()).run(&maker, CreateApiKey { tables, ..command(Scopes::NONE.with(Scope::ReadTables)) }).await;
            assert!(refused.unwrap_err().to_string().starts_with("/tables/1: "), "{schema}.{name}");
        }
    }
}
