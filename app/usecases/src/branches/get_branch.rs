//! See one branch.

use super::{drift::DriftWatch, lookup::find_visible, migration_view::MigrationView, ports::BranchPorts};
use async_trait::async_trait;
use domain::{Branch, Caller, Failure};
use ports::{
    driven::{BranchHealth, DatabaseHealth, DatabasePlace, StoreError},
    driving::{BranchDetails, GetBranch, MigrationCounts, UseCase},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// What takes longer to find out is not told this time: the branch itself is. Health and migrations are a query each.
const PATIENCE: Duration = Duration::from_secs(2);

/// See [`GetBranch`].
pub struct GetBranchUseCase {
    ports: BranchPorts,
    drift: DriftWatch,
}

impl GetBranchUseCase {
    /// Over the control plane and the databases.
    pub fn new(ports: BranchPorts) -> Self {
        let drift = DriftWatch::new(Arc::clone(&ports.schemas));
        Self { ports, drift }
    }

    async fn health(&self, branch: &Branch, place: &DatabasePlace) -> BranchHealth {
        let probe = &self.ports.probe;
        let (database, last_used_at) = tokio::join!(told(branch, probe.probe(&place.database)), told(branch, probe.last_used(branch.id)));
        let DatabaseHealth { reachable, size_bytes, connections } = database.unwrap_or(DatabaseHealth::UNREACHABLE);
        BranchHealth { reachable, size_bytes, connections, last_used_at: last_used_at.flatten() }
    }

    async fn migrations(&self, branch: &Branch, place: &DatabasePlace) -> Option<MigrationCounts> {
        match timeout(PATIENCE, MigrationView::look(&self.ports, place, &[], true)).await.ok()? {
            Ok(view) => Some(MigrationCounts {
                applied: view.ledger.iter().filter(|entry| entry.is_applied()).count() as u64,
                pending: view.plan.pending.len() as u64,
                drift: self.drift.look(place, &view).await,
            }),
            Err(error) => {
                tracing::debug!(branch.id = %branch.id, %error, "could not read a branch's migrations");
                None
            }
        }
    }
}

/// What is told in time.
async fn told<T>(branch: &Branch, look: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    timeout(PATIENCE, look)
        .await
        .ok()?
        .inspect_err(|error| tracing::warn!(branch.id = %branch.id, %error, "could not look at a branch's database"))
        .ok()
}

#[async_trait]
impl UseCase<GetBranch> for GetBranchUseCase {
    async fn run(&self, caller: &Caller, command: GetBranch) -> Result<BranchDetails, Failure> {
        let mut work = self.ports.control_plane.begin().await?;
        let branch = find_visible(&mut *work, caller, &command.branch).await?.told_at(self.ports.clock.now());
        drop(work);
        let Ok(place) = self.ports.names.place(&branch) else {
            return Ok(BranchDetails { branch, database: None, health: None, migrations: None });
        };
        let (health, migrations) = tokio::join!(self.health(&branch, &place), self.migrations(&branch, &place));
        Ok(BranchDetails { branch, database: Some(place.database), health: Some(health), migrations })
    }
}

#[cfg(test)]
mod tests {
    use super::GetBranchUseCase;
    use crate::testing::{SlowSchemas, applied, branch, branch_ports, caller, work_with};
    use domain::{Branch, BranchState, Generation, Scope, branch::Previous, migration::Checksum};
    use ports::{
        driven::{BranchHealth, DatabaseHealth, MigrationError, MockBranchProbe, MockMigrationFiles, MockMigrationRunner, ProjectFile},
        driving::{GetBranch, MigrationCounts, UseCase},
    };
    use std::sync::Arc;
    use time::OffsetDateTime;

    #[tokio::test]
    async fn a_branch_is_shown_even_where_its_ledger_cannot_be_read() {
        let mut ports = branch_ports(work_with(Some(branch("pr-1", Some(1)))));
        let (mut probe, mut migrations) = (MockBranchProbe::new(), MockMigrationRunner::new());
        let healthy = DatabaseHealth { reachable: true, size_bytes: Some(7), connections: Some(0) };
        let last_used_at = Some(OffsetDateTime::UNIX_EPOCH);
        probe.expect_probe().withf(|database| database.as_str() == "b_pr-1_g1").returning(move |_| Ok(healthy.clone()));
        probe.expect_last_used().returning(move |_| Ok(last_used_at));
        migrations.expect_ledger().returning(|_| Err(MigrationError::Stopped));
        let mut files = MockMigrationFiles::new();
        files.expect_read().returning(|| Ok(Vec::new()));
        (ports.probe, ports.migrations, ports.migration_files) = (Arc::new(probe), Arc::new(migrations), Arc::new(files));
        let seen = GetBranchUseCase::new(ports).run(&caller(Some(1), [Scope::ReadBranches]), GetBranch { branch: "pr-1".to_owned() }).await.unwrap();
        let healthy = BranchHealth { reachable: true, size_bytes: Some(7), connections: Some(0), last_used_at };
        assert_eq!((seen.health, seen.migrations), (Some(healthy), None));
        assert_eq!(seen.database.unwrap().as_str(), "b_pr-1_g1");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_applied_and_pending_does_not_wait_for_the_schema_to_be_read() {
        let mut ports = branch_ports(work_with(Some(branch("pr-1", Some(1)))));
        let (mut probe, mut migrations, mut files) = (MockBranchProbe::new(), MockMigrationRunner::new(), MockMigrationFiles::new());
        probe.expect_probe().returning(|_| Ok(DatabaseHealth::UNREACHABLE));
        probe.expect_last_used().returning(|_| Ok(None));
        migrations.expect_checksum().returning(|_| Checksum([0; 32]));
        migrations.expect_ledger().returning(|_| Ok(vec![applied(1, Some("before"))]));
        files.expect_read().returning(|| {
            let file = |name: &str| ProjectFile { name: name.to_owned(), bytes: b"select 1".to_vec() };
            Ok(vec![file("1_x.sql"), file("2_x.sql")])
        });
        (ports.probe, ports.migrations, ports.migration_files) = (Arc::new(probe), Arc::new(migrations), Arc::new(files));
        ports.schemas = Arc::new(SlowSchemas::default());
        let seen = GetBranchUseCase::new(ports).run(&caller(Some(1), [Scope::ReadBranches]), GetBranch { branch: "pr-1".to_owned() }).await.unwrap();
        assert_eq!(seen.migrations, Some(MigrationCounts { applied: 1, pending: 1, drift: None }));
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_server_knows_no_files_none_of_its_own_are_pending() {
        let mut ports = branch_ports(work_with(Some(branch("pr-1", Some(1)))));
        let (mut probe, mut migrations, mut files) = (MockBranchProbe::new(), MockMigrationRunner::new(), MockMigrationFiles::new());
        probe.expect_probe().returning(|_| Ok(DatabaseHealth::UNREACHABLE));
        probe.expect_last_used().returning(|_| Ok(None));
        migrations.expect_ledger().returning(|_| Ok(vec![applied(1, None)]));
        files.expect_read().returning(|| Ok(Vec::new()));
        (ports.probe, ports.migrations, ports.migration_files) = (Arc::new(probe), Arc::new(migrations), Arc::new(files));
        let seen = GetBranchUseCase::new(ports).run(&caller(Some(1), [Scope::ReadBranches]), GetBranch { branch: "pr-1".to_owned() }).await.unwrap();
        assert_eq!(seen.migrations, Some(MigrationCounts { applied: 1, pending: 0, drift: None }));
    }

    #[tokio::test]
    async fn what_a_reset_replaced_is_told_while_it_can_be_brought_back() {
        let now = OffsetDateTime::UNIX_EPOCH;
        for (until, is_told) in [(now, false), (now + time::Duration::SECOND, true)] {
            let kept = Previous { generation: Generation::FIRST, since: now, until, closed: false, withheld: Vec::new(), data_as_of: None };
            let state = BranchState::Error { reason: "x".to_owned(), generation: None };
            let work = work_with(Some(Branch { previous: Some(kept), state, ..branch("pr-1", Some(1)) }));
            let use_case = GetBranchUseCase::new(branch_ports(work));
            let seen = use_case.run(&caller(Some(1), [Scope::ReadBranches]), GetBranch { branch: "pr-1".to_owned() }).await.unwrap();
            assert_eq!(seen.branch.previous.is_some(), is_told);
        }
    }

    #[tokio::test]
    async fn where_nothing_serves_nothing_is_looked_at() {
        let failed = Branch { state: BranchState::Error { reason: "x".to_owned(), generation: None }, ..branch("pr-1", Some(1)) };
        let use_case = GetBranchUseCase::new(branch_ports(work_with(Some(failed))));
        let seen = use_case.run(&caller(Some(1), [Scope::ReadBranches]), GetBranch { branch: "pr-1".to_owned() }).await.unwrap();
        assert!(seen.health.is_none() && seen.migrations.is_none());
    }
}
