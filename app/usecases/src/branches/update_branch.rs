//! Change a branch's name, lifetime or protection.

use super::{lookup::find_locked, ports::BranchPorts};
use crate::trail;
use async_trait::async_trait;
use domain::{
    Action, Branch, Caller, Failure,
    branch::{AccessLevel, Status},
};
use ports::{
    driven::UnitOfWork,
    driving::{UpdateBranch, UseCase},
};

/// See [`UpdateBranch`].
pub struct UpdateBranchUseCase {
    ports: BranchPorts,
}

impl UpdateBranchUseCase {
    /// Over the control plane.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }

    /// Leaves its row in the trail, and commits.
    async fn done(&self, mut work: Box<dyn UnitOfWork>, caller: &Caller, branch: Branch, named: String) -> Result<Branch, Failure> {
        let now = self.ports.clock.now();
        let row = trail::done(caller, Action::UpdateBranch, Some(branch.slug.clone()), Some(named), now);
        work.audit().record(&row).await?;
        work.commit().await?;
        Ok(branch.told_at(now))
    }
}

#[async_trait]
impl UseCase<UpdateBranch> for UpdateBranchUseCase {
    async fn run(&self, caller: &Caller, command: UpdateBranch) -> Result<Branch, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let mut branch = find_locked(&mut *work, caller, &command.branch, AccessLevel::Admin).await?;
        let changes: Vec<String> = changes(&command);
        let now = self.ports.clock.now();
        if changes.is_empty() {
            // It was asked all the same, and the trail tells what was asked.
            return self.done(work, caller, branch, command.branch).await;
        }
        if branch.is_main() {
            let reason = "the main branch keeps its name, has no end and is protected always".to_owned();
            return Err(Failure::Conflict { code: "main_branch", reason });
        }
        if branch.state.status() == Status::Deleting {
            branch.check_idle()?;
        }
        if branch.protected && command.protected == Some(false) && command.expires_in.is_none() && branch.expired(now) {
            return Err(would_go_at_once(&branch));
        }
        if let Some(name) = command.name {
            branch.name = name;
        }
        if let Some(expires_in) = command.expires_in {
            branch.expires_at = expires_in.map(|lifetime| now + lifetime.duration());
        }
        if let Some(protected) = command.protected {
            branch.protected = protected;
        }
        branch.updated_at = now;
        work.branches().update(&branch).await?;
        work.activity().record(&trail::activity(branch.id, trail::actor(caller), "updated", Some(changes.join(", ")), now)).await?;
        self.done(work, caller, branch, command.branch).await
    }
}

/// Its protection alone kept it, and nobody was warned.
fn would_go_at_once(branch: &Branch) -> Failure {
    let reason = format!(
        "the time of branch '{}' is over, and without its protection it would be deleted at once: say how long it lives from now on (expires_in; \
         --expires-in, such as 7d or never)",
        branch.slug
    );
    Failure::Conflict { code: "branch_expired", reason }
}

fn changes(command: &UpdateBranch) -> Vec<String> {
    let name = command.name.as_ref().map(|name| format!("name {name}"));
    let expires_in =
        command.expires_in.map(|lifetime| lifetime.map_or_else(|| "never expires".to_owned(), |lifetime| format!("expires in {lifetime}")));
    let protected = command.protected.map(|protected| if protected { "protected" } else { "not protected" }.to_owned());
    [name, expires_in, protected].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::UpdateBranchUseCase;
    use crate::testing::{branch, branch_ports, caller, main_branch, work_with};
    use domain::{Action, Branch, Failure, Scope};
    use ports::driving::{UpdateBranch, UseCase};
    use std::sync::atomic::Ordering;
    use time::{Duration, OffsetDateTime};

    fn command() -> UpdateBranch {
        UpdateBranch {
            branch: "pr-1".to_owned(),
            name: Some("Other name".parse().unwrap()),
            expires_in: Some(Some("2h".parse().unwrap())),
            protected: Some(true),
        }
    }

    #[tokio::test]
    async fn what_is_given_changes_and_the_slug_stays() {
        let mut work = work_with(Some(branch("pr-1", Some(1))));
        work.branches.expect_update().once().returning(|_| Ok(()));
        work.activity
            .expect_record()
            .once()
            .withf(|line| line.detail.as_deref() == Some("name Other name, expires in 7200s, protected"))
            .returning(|_| Ok(()));
        work.audit.expect_record().once().returning(|_| Ok(()));
        let changed = UpdateBranchUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::WriteBranches]), command()).await.unwrap();
        assert_eq!((changed.name.as_str(), changed.slug.as_str(), changed.protected), ("Other name", "pr-1", true));
        assert_eq!(changed.expires_at, Some(OffsetDateTime::UNIX_EPOCH + Duration::hours(2)));
    }

    #[tokio::test]
    async fn what_its_protection_alone_keeps_is_given_a_new_end_with_it() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let unprotect = |expires_in| UpdateBranch { branch: "pr-1".to_owned(), name: None, expires_in, protected: Some(false) };
        for (expires_at, protected, expires_in, code) in [
            (Some(now), true, None, Some("branch_expired")),
            (Some(now), true, Some(None), None),
            (Some(now), true, Some(Some("7d".parse().unwrap())), None),
            (Some(now + Duration::SECOND), true, None, None),
            (None, true, None, None),
            (Some(now), false, None, None),
        ] {
            let mut work = work_with(Some(Branch { expires_at, protected, ..branch("pr-1", Some(1)) }));
            work.branches.expect_update().times(usize::from(code.is_none())).returning(|_| Ok(()));
            work.activity.expect_record().returning(|_| Ok(()));
            work.audit.expect_record().returning(|_| Ok(()));
            let outcome = UpdateBranchUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::WriteBranches]), unprotect(expires_in)).await;
            let refused = outcome.err();
            assert_eq!(refused.as_ref().map(Failure::code), code, "{expires_at:?} {protected} {expires_in:?}");
            assert!(refused.is_none_or(|failure| failure.to_string().contains("--expires-in")));
        }
    }

    #[tokio::test]
    async fn nothing_given_changes_nothing_but_the_trail_and_main_stays_as_it_is() {
        let nothing = UpdateBranch { branch: "pr-1".to_owned(), name: None, expires_in: None, protected: None };
        let mut work = work_with(Some(branch("pr-1", Some(1))));
        work.audit.expect_record().once().withf(|row| row.action == Action::UpdateBranch).returning(|_| Ok(()));
        let committed = work.committed();
        let same = UpdateBranchUseCase::new(branch_ports(work)).run(&caller(Some(1), [Scope::WriteBranches]), nothing).await.unwrap();
        assert_eq!(same.updated_at, branch("pr-1", Some(1)).updated_at);
        assert!(committed.load(Ordering::SeqCst));
        let main = UpdateBranchUseCase::new(branch_ports(work_with(Some(main_branch()))));
        assert_eq!(main.run(&caller(None, [Scope::AdminBranches]), command()).await.unwrap_err().code(), "main_branch");
    }
}
