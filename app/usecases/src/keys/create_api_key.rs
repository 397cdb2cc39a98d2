//! Make an API key.

use super::rules::{Reach, check_name, check_rate_limit, check_reach, check_tables, check_user};
use crate::{trail, users::find_user};
use async_trait::async_trait;
use domain::{
    Action, Branch, Caller, Denied, Failure, Fault, Principal, Scopes, Slug, UserId,
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
            keep_there(work.branches(), slug, |branch| may_pin(branch, &caller.principal, user_id)).await?;
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
async fn keep_there(branches: &mut dyn BranchRepository, slug: &Slug, may_pin: impl Fn(&Branch) -> Result<(), Failure>) -> Result<(), Failure> {
    let gone = || not_there(slug);
    let found = branches.find_by_slug(slug).await?.ok_or_else(gone)?;
    may_pin(&found)?;
    let branch = branches.find(found.id, true).await?.ok_or_else(gone)?;
    may_pin(&branch)?;
    match branch.state.status() {
        Status::Deleted => Err(gone()),
        Status::Deleting => branch.check_idle(),
        _ => Ok(()),
    }
}

/// Who sees nothing of a branch is not told that it is there.
fn may_pin(branch: &Branch, maker: &Principal, of: Option<UserId>) -> Result<(), Failure> {
    match branch.check_access(maker, branch.pinning_level(of)) {
        Err(Denied::Branch { .. }) => Err(not_there(&branch.slug)),
        outcome => Ok(outcome?),
    }
}

fn not_there(slug: &Slug) -> Failure {
    Failure::not_found("branch", slug.as_str())
}

#[cfg(test)]
mod tests {
    use super::CreateApiKeyUseCase;
    use crate::testing::{BRANCH, FakeWork, branch, caller, main_branch, work_with};
    use domain::{
        Branch, BranchState, Caller, OperationId, Principal, Scope, Scopes, UserId,
        access::{KeyId, PrincipalKind},
        branch::{AccessLevel, Grant},
        table::QualifiedName,
        user::User,
    };
    use ports::{
        driven::{MintedKey, MockClock, MockIds, MockKeyMint, Secret},
        driving::{CreateApiKey, UseCase},
    };
    use std::sync::{Arc, atomic::Ordering};
    use time::OffsetDateTime;
    use uuid::Uuid;

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
            let maker = caller(None, [Scope::AdminKeys, Scope::AdminBranches, Scope::ReadTables]);
            let pinned = CreateApiKey { branch: Some(ready.slug.clone()), ..command(Scopes::NONE.with(Scope::ReadTables)) };
            let made = over(work).run(&maker, pinned).await;
            assert_eq!(made.as_ref().err().map(domain::Failure::code), outcome, "{made:?}");
        }
    }

    #[tokio::test]
    async fn who_pins_a_key_has_the_branch_and_hears_of_no_other() {
        let alice = User {
            id: UserId::from_uuid(Uuid::from_u128(1)),
            email: "alice@example.com".to_owned(),
            admin: false,
            member: true,
            created_at: OffsetDateTime::UNIX_EPOCH,
        };
        let hers = || branch("pr-1", Some(1));
        let shared = |level| Branch {
            grants: vec![Grant { user_id: alice.id, level, granted_by: String::new(), granted_at: OffsetDateTime::UNIX_EPOCH }],
            ..branch("pr-1", Some(2))
        };
        let (keys, both) = (vec![Scope::AdminKeys, Scope::ReadTables], vec![Scope::AdminKeys, Scope::AdminBranches, Scope::ReadTables]);
        for (what, branch, maker, for_alice, outcome) in [
            ("whoever administers keys pins none to what they do not see", Some(hers()), caller(None, keys.clone()), true, Some("not_found")),
            ("nor one of nobody", Some(hers()), caller(None, keys.clone()), false, Some("not_found")),
            ("whoever administers branches too does", Some(hers()), caller(None, both.clone()), true, None),
            ("and one of nobody", Some(hers()), caller(None, both), false, None),
            ("whoever made the branch", Some(hers()), caller(Some(1), keys.clone()), false, None),
            ("whoever may share it", Some(shared(AccessLevel::Admin)), caller(Some(1), keys.clone()), false, None),
            ("whoever may only use it, for themselves", Some(shared(AccessLevel::Read)), caller(Some(1), keys.clone()), true, None),
            ("but lets nobody in", Some(shared(AccessLevel::Write)), caller(Some(1), keys.clone()), false, Some("branch_access_denied")),
            ("main is everybody's", Some(main_branch()), caller(None, keys.clone()), false, None),
            ("what is not there", None, caller(None, keys), true, Some("not_found")),
        ] {
            // A service key is nobody's, and so may make keys of anybody.
            let kind = if maker.principal.user_id.is_none() { PrincipalKind::ServiceKey(KeyId::from_uuid(BRANCH)) } else { maker.principal.kind };
            let maker = Caller { principal: Arc::new(Principal { kind, ..(*maker.principal).clone() }), ..maker };
            let slug = branch.as_ref().map_or_else(|| "pr-1".parse().unwrap(), |branch| branch.slug.clone());
            let (mut work, found) = (work_with(branch), alice.clone());
            work.users.expect_find().returning(move |_| Ok(Some(found.clone())));
            work.keys.expect_insert().times(usize::from(outcome.is_none())).returning(|_, _| Ok(()));
            work.audit.expect_record().returning(|_| Ok(()));
            let user = for_alice.then(|| alice.id.to_string());
            let wanted = CreateApiKey { user, branch: Some(slug.clone()), ..command(Scopes::NONE.with(Scope::ReadTables)) };
            let refused = over(work).run(&maker, wanted).await.err();
            assert_eq!(refused.as_ref().map(domain::Failure::code), outcome, "{what}");
            if outcome == Some("not_found") {
                assert_eq!(refused.unwrap().to_string(), domain::Failure::not_found("branch", slug.as_str()).to_string(), "{what}");
            }
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
