//! A login of a branch's own, for tools that speak to PostgreSQL themselves.

use super::{
    lookup::{check_owner, find_locked, find_visible},
    ports::BranchPorts,
};
use crate::{routing::serving, trail};
use async_trait::async_trait;
use domain::{Action, Branch, Caller, Failure, branch::AccessLevel};
use ports::{
    driven::{BranchLogin, DatabaseTag},
    driving::{GetConnection, IssueConnection, IssuedConnection, UseCase},
};
use std::time::Duration;

/// How long a login may take to be made or dropped: who is connected as it is cut off first.
pub(super) const LOGIN_PATIENCE: Duration = Duration::from_mins(1);

/// See [`IssueConnection`], [`GetConnection`].
pub struct ConnectionUseCase {
    ports: BranchPorts,
}

impl ConnectionUseCase {
    /// Over the control plane and the server's logins.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }

    fn serving(&self, branch: &Branch) -> Result<DatabaseTag, Failure> {
        if branch.is_main() {
            let reason = "main's database is connected to with its owner's own credentials: see fluxbase db url".to_owned();
            return Err(Failure::Conflict { code: "main_branch", reason });
        }
        Ok(self.ports.names.tag(branch, serving(branch)?))
    }
}

#[async_trait]
impl UseCase<IssueConnection> for ConnectionUseCase {
    async fn run(&self, caller: &Caller, command: IssueConnection) -> Result<IssuedConnection, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        // The branch's row stays locked until the login is there. A switch to another generation that comes later finds the login, and lets it in there. One
        // that came sooner is seen here: the login is made for the new generation.
        let branch = find_locked(&mut *work, caller, &command.branch, AccessLevel::Read).await?;
        check_owner(&branch, &caller.principal)?;
        let serving = self.serving(&branch)?;
        let footing = work.may_stand_still(LOGIN_PATIENCE).await?;
        let (login, password) = self.ports.logins.issue(&serving, footing).await?;
        let now = self.ports.clock.now();
        work.activity().record(&trail::activity(branch.id, trail::actor(caller), "connection_issued", Some(login.user.clone()), now)).await?;
        let row = trail::done(caller, Action::IssueConnection, Some(branch.slug.clone()), Some(login.user.clone()), now);
        work.audit().record(&row).await?;
        work.commit().await?;
        if let Some(user) = caller.principal.user_id {
            self.ports.acquaintances.introduce(&branch, user).await;
        }
        Ok(IssuedConnection { login, password })
    }
}

#[async_trait]
impl UseCase<GetConnection> for ConnectionUseCase {
    async fn run(&self, caller: &Caller, command: GetConnection) -> Result<Option<BranchLogin>, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_visible(&mut *work, caller, &command.branch).await?;
        drop(work);
        check_owner(&branch, &caller.principal)?;
        Ok(self.ports.logins.find(&self.serving(&branch)?).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::ConnectionUseCase;
    use crate::testing::{branch, branch_ports, caller, main_branch, work_with};
    use domain::{Branch, Scope, UserId, branch::AccessLevel, branch::Grant};
    use ports::driving::{GetConnection, IssueConnection, UseCase};
    use time::OffsetDateTime;
    use uuid::Uuid;

    #[tokio::test]
    async fn who_may_only_read_gets_no_login_and_neither_does_anybody_for_main() {
        let level = AccessLevel::Read;
        let reader =
            Grant { user_id: UserId::from_uuid(Uuid::from_u128(2)), level, granted_by: String::new(), granted_at: OffsetDateTime::UNIX_EPOCH };
        let shared = || Branch { grants: vec![reader.clone()], ..branch("pr-1", Some(1)) };
        let bob = caller(Some(2), [Scope::WriteBranches, Scope::ReadBranches]);
        let over = |branch| ConnectionUseCase::new(branch_ports(work_with(Some(branch))));
        let refused = over(shared()).run(&bob, IssueConnection { branch: "pr-1".to_owned() }).await.unwrap_err();
        assert_eq!((refused.code(), refused.to_string().contains("yours is read")), ("branch_access_denied", true));
        assert_eq!(over(shared()).run(&bob, GetConnection { branch: "pr-1".to_owned() }).await.unwrap_err().code(), "branch_access_denied");
        let admin = caller(None, [Scope::AdminBranches]);
        assert_eq!(over(main_branch()).run(&admin, IssueConnection { branch: "main".to_owned() }).await.unwrap_err().code(), "main_branch");
    }
}
