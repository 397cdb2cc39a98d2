//! Make a user a member, or an administrator.

use super::{check_managed, find_user};
use crate::trail;
use async_trait::async_trait;
use domain::{Action, Caller, Denied, Failure, Scopes, user::User};
use ports::{
    driven::{Clock, ControlPlane},
    driving::{PromoteUser, UseCase},
};
use std::sync::Arc;

/// See [`PromoteUser`].
pub struct PromoteUserUseCase {
    control_plane: Arc<dyn ControlPlane>,
    clock: Arc<dyn Clock>,
}

impl PromoteUserUseCase {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>, clock: Arc<dyn Clock>) -> Self {
        Self { control_plane, clock }
    }
}

#[async_trait]
impl UseCase<PromoteUser> for PromoteUserUseCase {
    async fn run(&self, caller: &Caller, command: PromoteUser) -> Result<User, Failure> {
        // An administrator's session has every scope, so only who has them all may make one.
        if command.admin && !caller.principal.scopes.covers(Scopes::ALL) {
            return Err(Denied::ScopeInflation.into());
        }
        let mut work = self.control_plane.begin().await?;
        check_managed(work.users()).await?;
        let found = find_user(work.users(), &command.user).await?;
        let promoted = work.users().promote(found.id, command.admin).await?.ok_or_else(|| Failure::not_found("user", &command.user))?;
        let row = trail::done(caller, Action::PromoteUser, None, Some(promoted.id.to_string()), self.clock.now());
        work.audit().record(&row).await?;
        work.commit().await?;
        Ok(promoted)
    }
}

#[cfg(test)]
mod tests {
    use super::PromoteUserUseCase;
    use crate::testing::{FakeWork, caller};
    use domain::{
        Scope,
        user::{User, UserId},
    };
    use ports::{
        driven::MockClock,
        driving::{PromoteUser, UseCase},
    };
    use std::sync::{Arc, atomic::Ordering};
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn carol() -> User {
        let id = UserId::from_uuid(Uuid::from_u128(3));
        User { id, email: "carol@example.com".to_owned(), admin: false, member: false, created_at: OffsetDateTime::UNIX_EPOCH }
    }

    fn over(mut work: FakeWork) -> PromoteUserUseCase {
        let mut clock = MockClock::new();
        clock.expect_now().return_const(OffsetDateTime::UNIX_EPOCH);
        work.users.expect_managed().returning(|| Ok(true));
        PromoteUserUseCase::new(work.control_plane(), Arc::new(clock))
    }

    #[tokio::test]
    async fn a_newcomer_becomes_a_member_and_the_trail_knows() {
        let mut work = FakeWork::default();
        work.users.expect_find().returning(|_| Ok(Some(carol())));
        work.users
            .expect_promote()
            .once()
            .withf(|id, admin| *id == carol().id && !admin)
            .returning(|_, _| Ok(Some(User { member: true, ..carol() })));
        work.audit.expect_record().once().withf(|row| row.target == Some(carol().id.to_string())).returning(|_| Ok(()));
        let committed = work.committed();
        let command = PromoteUser { user: carol().id.to_string(), admin: false };
        assert!(over(work).run(&caller(None, [Scope::AdminKeys]), command).await.unwrap().member);
        assert!(committed.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn only_who_has_every_scope_makes_administrators_and_nobody_is_not_found() {
        let admin = PromoteUser { user: "carol@example.com".to_owned(), admin: true };
        let refused = over(FakeWork::default()).run(&caller(None, [Scope::AdminKeys]), admin).await.unwrap_err();
        assert_eq!(refused.code(), "scope_inflation");
        let mut work = FakeWork::default();
        work.users.expect_find_by_email().returning(|_| Ok(None));
        let command = PromoteUser { user: "carol@example.com".to_owned(), admin: false };
        assert_eq!(over(work).run(&caller(None, [Scope::AdminKeys]), command).await.unwrap_err().code(), "not_found");
    }
}
