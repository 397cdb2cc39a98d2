//! Who may do what on a branch, beside its creator and administrators.

use super::{
    connection::LOGIN_PATIENCE,
    lookup::{find_locked, find_visible},
    ports::BranchPorts,
};
use crate::{
    trail::{self, FLUXBASE},
    users::find_user,
};
use async_trait::async_trait;
use domain::{
    Action, Branch, Caller, Failure, UserId,
    branch::{AccessLevel, Grant},
    page::{Page, PageRequest},
};
use ports::{
    driven::{StoreError, UnitOfWork},
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

    /// Everybody who may connect to a branch may know the password of its login: when one of them may no more, it ends. The others have another made. Whoever
    /// may write may have migrated, and so come to the passwords by which we ourselves connect: those are changed back.
    async fn end_connection(
        &self,
        work: &mut dyn UnitOfWork,
        branch: &Branch,
        before: Option<AccessLevel>,
        after: Option<AccessLevel>,
    ) -> Result<(), Failure> {
        let connects = |level: Option<AccessLevel>| level >= Some(branch.owner_level());
        if !connects(before) || connects(after) {
            return Ok(());
        }
        work.may_stand_still(LOGIN_PATIENCE).await?;
        let logins = &self.ports.logins;
        let mut was_issued = true;
        if let Some(serving) = branch.state.serving() {
            let serving = self.ports.names.tag(branch, serving);
            logins.reclaim(&serving).await?;
            was_issued = logins.find(&serving).await?.is_some();
        }
        // Also one that cannot be found: a revoke may have been cut off half way.
        logins.revoke(branch.id).await?;
        if was_issued {
            work.activity().record(&trail::activity(branch.id, FLUXBASE.to_owned(), "connection_revoked", None, self.ports.clock.now())).await?;
        }
        Ok(())
    }
}

fn level_of(branch: &Branch, user: UserId) -> Option<AccessLevel> {
    branch.grants.iter().find(|grant| grant.user_id == user).map(|grant| grant.level)
}

#[async_trait]
impl UseCase<ListBranchAccess> for BranchAccessUseCase {
    async fn run(&self, caller: &Caller, command: ListBranchAccess) -> Result<Page<Grant>, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        page_of(find_visible(&mut *work, caller, &command.branch).await?.grants, &command.page)
    }
}

/// A branch comes with all of its grants. The cursor is the place of the last one that was told, which may be gone by then.
fn page_of(mut grants: Vec<Grant>, page: &PageRequest) -> Result<Page<Grant>, Failure> {
    let place = |grant: &Grant| (grant.granted_at.unix_timestamp_nanos(), grant.user_id);
    if let Some(cursor) = &page.cursor {
        let after = opened(cursor).ok_or(StoreError::BadCursor)?;
        grants.retain(|grant| place(grant) > after);
    }
    grants.sort_by_key(place);
    let limit = page.limit as usize;
    let more = grants.len() > limit;
    grants.truncate(limit);
    let next_cursor = grants.last().filter(|_| more).map(place).map(|(at, user)| format!("{CURSOR}{at}_{user}"));
    Ok(Page { items: grants, next_cursor })
}

/// What a cursor of this list begins with.
const CURSOR: &str = "access_";

fn opened(cursor: &str) -> Option<(i128, UserId)> {
    let (at, user) = cursor.strip_prefix(CURSOR)?.split_once('_')?;
    Some((at.parse().ok()?, user.parse().ok()?))
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
        let user_id = find_user(work.users(), &command.user).await?.id;
        let now = self.ports.clock.now();
        let grant = Grant { user_id, level: command.level, granted_by: trail::actor(caller), granted_at: now };
        work.branches().grant(branch.id, &grant).await?;
        self.end_connection(&mut *work, &branch, level_of(&branch, user_id), Some(grant.level)).await?;
        let detail = format!("{} to user:{user_id}", grant.level);
        tell(work, caller, Told { branch: &branch, action: Action::GrantBranchAccess, line: "access_granted", detail, now }).await?;
        self.ports.acquaintances.introduce(&branch, user_id).await;
        Ok(grant)
    }
}

#[async_trait]
impl UseCase<RevokeBranchAccess> for BranchAccessUseCase {
    async fn run(&self, caller: &Caller, command: RevokeBranchAccess) -> Result<(), Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_locked(&mut *work, caller, &command.branch, AccessLevel::Admin).await?;
        // Whoever has a grant can lose it, known to us by now or not.
        let user_id = match command.user.parse::<UserId>().ok().filter(|id| level_of(&branch, *id).is_some()) {
            Some(id) => id,
            None => find_user(work.users(), &command.user).await?.id,
        };
        if !work.branches().revoke_grant(branch.id, user_id).await? {
            return Err(Failure::not_found("grant for user", command.user));
        }
        self.end_connection(&mut *work, &branch, level_of(&branch, user_id), None).await?;
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

#[cfg(test)]
mod tests {
    use super::BranchAccessUseCase;
    use crate::{
        acquaintances::Acquaintances,
        branches::BranchPorts,
        testing::{branch, branch_ports, caller, main_branch, names, work_with},
    };
    use domain::{
        Branch, Scope, UserId,
        branch::{AccessLevel, DatabaseName, Grant},
        page::{Page, PageRequest},
        user::User,
    };
    use ports::{
        driven::{BranchLogin, MockBranchLogins, MockBranchUsers, StoredUser},
        driving::{GrantBranchAccess, ListBranchAccess, RevokeBranchAccess, UseCase},
    };
    use std::sync::Arc;
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
        let mut users = MockBranchUsers::new();
        users.expect_introduce().once().withf(move |_, user| *user == bob).returning(|_, _| Ok(()));
        let ports = BranchPorts { acquaintances: Arc::new(Acquaintances::new(Arc::new(users), names())), ..branch_ports(work) };
        let granted = BranchAccessUseCase::new(ports).run(&caller(Some(1), [Scope::WriteBranches]), grant("bob@example.com")).await.unwrap();
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
    async fn who_may_connect_no_more_takes_the_password_along() {
        let bob = UserId::from_uuid(Uuid::from_u128(2));
        let held = |level| Grant { user_id: bob, level, granted_by: String::new(), granted_at: OffsetDateTime::UNIX_EPOCH };
        for (level, revoked) in [(AccessLevel::Read, 0), (AccessLevel::Write, 1), (AccessLevel::Admin, 1)] {
            let mut work = work_with(Some(Branch { grants: vec![held(level)], ..branch("pr-1", Some(1)) }));
            work.branches.expect_revoke_grant().returning(|_, _| Ok(true));
            work.activity.expect_record().times(1 + revoked).returning(|_| Ok(()));
            work.audit.expect_record().returning(|_| Ok(()));
            let mut logins = MockBranchLogins::new();
            logins.expect_reclaim().times(revoked).withf(|serving| serving.database.as_str().ends_with("_g1")).returning(|_| Ok(()));
            logins.expect_find().times(revoked).returning(|_| Ok(Some(login())));
            logins.expect_revoke().times(revoked).returning(|_| Ok(()));
            let ports = BranchPorts { logins: Arc::new(logins), ..branch_ports(work) };
            let revoke = RevokeBranchAccess { branch: "pr-1".to_owned(), user: bob.to_string() };
            BranchAccessUseCase::new(ports).run(&caller(Some(1), [Scope::WriteBranches]), revoke).await.unwrap();
        }
    }

    fn login() -> BranchLogin {
        BranchLogin {
            user: "u".to_owned(),
            host: "h".to_owned(),
            port: 5432,
            database: DatabaseName::existing("b_pr-1_g1"),
            rotated_at: OffsetDateTime::UNIX_EPOCH,
            other_databases: Vec::new(),
        }
    }

    #[tokio::test]
    async fn grants_are_told_page_by_page_whatever_goes_meanwhile() {
        let held = |user| Grant {
            user_id: UserId::from_uuid(Uuid::from_u128(user)),
            level: AccessLevel::Read,
            granted_by: String::new(),
            granted_at: OffsetDateTime::UNIX_EPOCH,
        };
        let listed = async |users: &[u128], cursor: Option<String>| {
            let grants = users.iter().copied().map(held).collect();
            let work = work_with(Some(Branch { grants, ..branch("pr-1", Some(1)) }));
            let command = ListBranchAccess { branch: "pr-1".to_owned(), page: PageRequest { limit: 2, cursor } };
            BranchAccessUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::ReadBranches]), command).await
        };
        let told = |page: &Page<Grant>| page.items.iter().map(|grant| grant.user_id.as_uuid().as_u128()).collect::<Vec<_>>();
        let first = listed(&[2, 3, 4, 5, 6], None).await.unwrap();
        assert_eq!(told(&first), [2, 3]);
        // The last that was told lost its grant.
        let second = listed(&[2, 4, 5, 6], first.next_cursor).await.unwrap();
        assert_eq!(told(&second), [4, 5]);
        let third = listed(&[2, 4, 5, 6], second.next_cursor).await.unwrap();
        assert_eq!((told(&third), third.next_cursor), (vec![6], None));
        for foreign in ["", "access_", "access_1_x", "branches_1"] {
            let refused = listed(&[2], Some(foreign.to_owned())).await.unwrap_err();
            assert!(refused.to_string().contains("/cursor"), "{foreign:?}: {refused}");
        }
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
