//! Who may do what on a branch, beside its creator and administrators.

use super::{
    lookup::{find_locked, find_visible},
    ports::BranchPorts,
};
use crate::trail;
use async_trait::async_trait;
use domain::{
    Action, Branch, Caller, Failure, UserId,
    branch::{AccessLevel, Grant},
};
use ports::{
    driven::{UnitOfWork, UserRepository},
    driving::{GrantBranchAccess, ListBranchAccess, RevokeBranchAccess, UseCase},
};
use time::OffsetDateTime;

/// See [`ListBranchAccess`], [`GrantBranchAccess`], [`RevokeBranchAccess`].
pub struct BranchAccessUseCase {
    ports: BranchPorts,
}

impl BranchAccessUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<ListBranchAccess> for BranchAccessUseCase {
    async fn run(&self, caller: &Caller, command: ListBranchAccess) -> Result<Vec<Grant>, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        Ok(find_visible(&mut *work, caller, &command.branch).await?.grants)
    }
}

#[async_trait]
impl UseCase<GrantBranchAccess> for BranchAccessUseCase {
    async fn run(&self, caller: &Caller, command: GrantBranchAccess) -> Result<Grant, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_locked(&mut *work, caller, &command.branch, AccessLevel::Admin).await?;
        if branch.is_main() {
            let reason = "main is everybody's to use, and administrators' to change: there is nothing to grant".to_owned();
            return Err(Failure::Conflict { code: "main_branch", reason });
        }
        let user_id = find_user(work.users(), &command.user).await?;
        let now = self.ports.clock.now();
        let grant = Grant { user_id, level: command.level, granted_by: trail::actor(caller), granted_at: now };
        work.branches().grant(branch.id, &grant).await?;
        let detail = format!("{} to user:{user_id}", grant.level);
        tell(work, caller, Told { branch: &branch, action: Action::GrantBranchAccess, line: "access_granted", detail, now }).await?;
        Ok(grant)
    }
}

#[async_trait]
impl UseCase<RevokeBranchAccess> for BranchAccessUseCase {
    async fn run(&self, caller: &Caller, command: RevokeBranchAccess) -> Result<(), Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_locked(&mut *work, caller, &command.branch, AccessLevel::Admin).await?;
        // Whoever has a grant can lose it, known to us by now or not.
        let granted = |id: &UserId| branch.grants.iter().any(|grant| grant.user_id == *id);
        let user_id = match command.user.parse::<UserId>().ok().filter(granted) {
            Some(id) => id,
            None => find_user(work.users(), &command.user).await?,
        };
        if !work.branches().revoke_grant(branch.id, user_id).await? {
            return Err(Failure::not_found("grant for user", command.user));
        }
        let (now, detail) = (self.ports.clock.now(), format!("user:{user_id}"));
        tell(work, caller, Told { branch: &branch, action: Action::RevokeBranchAccess, line: "access_revoked", detail, now }).await
    }
}

struct Told<'a> {
    branch: &'a Branch,
    action: Action,
    line: &'static str,
    detail: String,
    now: OffsetDateTime,
}

async fn tell(mut work: Box<dyn UnitOfWork>, caller: &Caller, told: Told<'_>) -> Result<(), Failure> {
    let Told { branch, action, line, detail, now } = told;
    work.activity().record(&trail::activity(branch.id, trail::actor(caller), line, Some(detail.clone()), now)).await?;
    work.audit().record(&trail::done(caller, action, Some(branch.slug.clone()), Some(detail), now)).await?;
    Ok(work.commit().await?)
}

/// A user by id or e-mail address.
async fn find_user(users: &mut dyn UserRepository, reference: &str) -> Result<UserId, Failure> {
    let found = match reference.parse::<UserId>() {
        Ok(id) => users.find(id).await?.map(|user| user.id),
        Err(_) => match reference.parse() {
            Ok(email) => users.find_by_email(&email).await?.map(|stored| stored.user.id),
            Err(_) => None,
        },
    };
    found.ok_or_else(|| Failure::not_found("user", reference))
}

#[cfg(test)]
mod tests {
    use super::BranchAccessUseCase;
    use crate::testing::{branch, branch_ports, caller, main_branch, work_with};
    use domain::{Scope, UserId, branch::AccessLevel, user::User};
    use ports::{
        driven::StoredUser,
        driving::{GrantBranchAccess, RevokeBranchAccess, UseCase},
    };
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn grant(user: &str) -> GrantBranchAccess {
        GrantBranchAccess { branch: "pr-1".to_owned(), user: user.to_owned(), level: AccessLevel::Write }
    }

    #[tokio::test]
    async fn access_is_granted_by_address_and_told() {
        let bob = UserId::from_uuid(Uuid::from_u128(2));
        let mut work = work_with(Some(branch("pr-1", Some(1))));
        work.users.expect_find_by_email().returning(move |email| {
            let user = User { id: bob, email: email.as_str().to_owned(), admin: false, member: true, created_at: OffsetDateTime::UNIX_EPOCH };
            Ok(Some(StoredUser { user, password_hash: None }))
        });
        work.branches.expect_grant().once().withf(move |_, grant| grant.user_id == bob).returning(|_, _| Ok(()));
        work.activity.expect_record().once().returning(|_| Ok(()));
        work.audit.expect_record().once().returning(|_| Ok(()));
        let granted =
            BranchAccessUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::WriteBranches]), grant("bob@example.com")).await.unwrap();
        assert_eq!((granted.level, granted.granted_by), (AccessLevel::Write, format!("user:{}", Uuid::from_u128(1))));
    }

    #[tokio::test]
    async fn who_is_not_there_gets_nothing_and_main_is_not_granted() {
        for user in ["nobody", "nobody@example.com", "00000000-0000-4000-8000-000000000009"] {
            let mut work = work_with(Some(branch("pr-1", Some(1))));
            work.users.expect_find_by_email().returning(|_| Ok(None));
            work.users.expect_find().returning(|_| Ok(None));
            let refused = BranchAccessUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::WriteBranches]), grant(user)).await.unwrap_err();
            assert_eq!(refused.code(), "not_found", "{user}");
        }
        let main = BranchAccessUseCase::new(branch_ports(work_with(Some(main_branch()))));
        assert_eq!(main.run(&caller(None, [Scope::AdminBranches]), grant("x@example.com")).await.unwrap_err().code(), "main_branch");
    }

    #[tokio::test]
    async fn only_who_administers_a_branch_shares_it() {
        let revoke = RevokeBranchAccess { branch: "pr-1".to_owned(), user: "x@example.com".to_owned() };
        let use_case = || BranchAccessUseCase::new(branch_ports(work_with(Some(branch("pr-1", Some(1))))));
        let stranger = caller(Some(2), [Scope::WriteBranches]);
        assert_eq!(use_case().run(&stranger, revoke).await.unwrap_err().code(), "branch_access_denied");
        assert_eq!(use_case().run(&stranger, grant("x@example.com")).await.unwrap_err().code(), "branch_access_denied");
    }
}
