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
        let place = self.ports.names.place(&branch)?;
        MigrationView::look(&self.ports, &place, &command.files).await?.told(&self.ports, &place, &branch.slug).await
    }
}
