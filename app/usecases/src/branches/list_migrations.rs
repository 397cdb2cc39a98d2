//! See which migrations a branch has and lacks.

use super::{lookup::find_visible, migration_view::MigrationView, ports::BranchPorts};
use async_trait::async_trait;
use domain::{Caller, Failure};
use ports::driving::{ListMigrations, MigrationOverview, UseCase};

/// See [`ListMigrations`].
pub struct ListMigrationsUseCase {
    ports: BranchPorts,
}

impl ListMigrationsUseCase {
    /// Over the control plane and the ledgers.
    pub fn new(ports: BranchPorts) -> Self {
        Self { ports }
    }
}

#[async_trait]
impl UseCase<ListMigrations> for ListMigrationsUseCase {
    async fn run(&self, caller: &Caller, command: ListMigrations) -> Result<MigrationOverview, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_visible(&mut *work, caller, &command.branch).await?;
        drop(work);
        let place = self.ports.names.place_to_look(&branch)?;
        MigrationView::look(&self.ports, &place, &command.files, command.whole).await?.told(&self.ports, &place, &branch.slug).await
    }
}

#[cfg(test)]
mod tests {
    use super::ListMigrationsUseCase;
    use crate::testing::{applied, branch, branch_ports, caller, work_with};
    use domain::{Branch, BranchState, Failure, Generation, OperationId, Scope, migration::Checksum, operation::NamedText};
    use ports::{
        driven::MockMigrationRunner,
        driving::{ListMigrations, UseCase},
    };
    use std::sync::Arc;
    use uuid::Uuid;

    #[tokio::test]
    async fn a_branch_that_is_being_made_is_looked_at_later() {
        let made = Branch {
            state: BranchState::Creating { operation: OperationId::from_uuid(Uuid::nil()), generation: Generation::FIRST },
            ..branch("pr-1", Some(1))
        };
        let command = ListMigrations { branch: "pr-1".to_owned(), files: Vec::new(), whole: false };
        let refused = ListMigrationsUseCase::new(branch_ports(work_with(Some(made)))).run(&caller(Some(1), [Scope::ReadBranches]), command).await;
        assert!(matches!(refused, Err(Failure::Unavailable { retry_after: Some(_), .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn what_came_before_the_oldest_file_is_missing_only_of_a_project_that_is_sent_whole() {
        for (whole, refusals) in [(false, 0), (true, 1)] {
            let mut migrations = MockMigrationRunner::new();
            migrations.expect_checksum().returning(|_| Checksum([0; 32]));
            migrations.expect_ledger().returning(|_| Ok(vec![applied(1, None)]));
            let mut ports = branch_ports(work_with(Some(branch("pr-1", Some(1)))));
            ports.migrations = Arc::new(migrations);
            let files = vec![NamedText { name: "2_x.sql".to_owned(), text: "select 1".to_owned() }];
            let command = ListMigrations { branch: "pr-1".to_owned(), files, whole };
            let told = ListMigrationsUseCase::new(ports).run(&caller(Some(1), [Scope::ReadBranches]), command).await.unwrap();
            assert_eq!((told.refusals.len(), told.pending), (refusals, vec!["2_x.sql".to_owned()]), "{:?}", told.refusals);
        }
    }
}
