//! Building a branch's first generation.

use super::{OperationRunner, ending::elsewhere, halt::Halt, progress::Hold};
use domain::{Branch, BranchState, DataCloneMode, StepName, UserId};
use ports::driven::{BuildError, BuildProgress, BuildReport, BuildRequest, DatabaseTag};
use std::{sync::Arc, time::Duration};

impl OperationRunner {
    /// Builds, seeds, admits and switches to the generation. After a crash it begins again: the builder takes away what was half done.
    pub(super) async fn create(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let branch = self.subject(hold).await?;
        let BranchState::Creating { generation, .. } = branch.state else { return Err(nothing_to_do(&branch)) };
        let target = self.settings.names.tag(&branch, generation);
        let report = self.build(hold, &branch, &target).await?;
        hold.step(StepName::Admit).await?;
        self.ports.builder.admit(&target).await?;
        hold.passed(&[StepName::Switch]).await?;
        let mut ending = self.succeed(hold, None).await?;
        ending.branch.state = ending.branch.state.clone().built().map_err(elsewhere)?;
        ending.tell("created", Some(told(&report))).await?;
        take_over(&mut ending.branch, report);
        ending.commit_with_branch().await?;
        hold.after_effect().await;
        self.restock.notify_one();
        Ok(())
    }

    /// Makes and fills a database, verified and seeded; nobody may connect to it yet.
    pub(super) async fn build(&self, hold: &Arc<Hold>, branch: &Branch, target: &DatabaseTag) -> Result<BuildReport, Halt> {
        let request = self.request(hold, branch, target).await?;
        let report = self.ports.builder.build(&request, Arc::clone(hold) as Arc<dyn BuildProgress>).await?;
        if branch.clone_mode == DataCloneMode::SeedData {
            self.seed(hold, branch, target).await?;
        }
        Ok(report)
    }

    async fn request(&self, hold: &Hold, branch: &Branch, target: &DatabaseTag) -> Result<BuildRequest, Halt> {
        // Whoever sees the branch sees this, the parent or not.
        let gone = |what: String| Halt::failed("parent_not_ready", format!("the branch cannot be built: {what}"));
        let parent_id = branch.parent_id.ok_or_else(|| gone("it has no parent".to_owned()))?;
        let parent = self.branch(parent_id).await?;
        let route =
            self.settings.names.route(&parent).ok_or_else(|| gone(format!("its parent serves no data (its status is {})", parent.state.status())))?;
        let max_age = hold.operation().await.input.max_age.map(Duration::from_secs);
        Ok(BuildRequest {
            target: target.clone(),
            parent: route.database,
            parent_is_main: parent.is_main(),
            // Seeds come after: until then it is a copy without rows.
            clone_mode: if branch.clone_mode == DataCloneMode::SeedData { DataCloneMode::SchemaOnly } else { branch.clone_mode },
            max_age,
            users: users(branch),
        })
    }

    /// Takes away what was built and says that it failed.
    pub(super) async fn fail_create(&self, hold: &Arc<Hold>, failed: &super::halt::Failed) -> Result<(), Halt> {
        self.drop_unbuilt(hold).await?;
        let mut ending = self.fail(hold, failed).await?;
        ending.branch.state = ending.branch.state.clone().failed(failed.told()).map_err(elsewhere)?;
        ending.tell("create_failed", Some(failed.told())).await?;
        ending.commit_with_branch().await
    }

    /// Drops what a create or a reset was building.
    pub(super) async fn drop_unbuilt(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let branch = self.subject(hold).await?;
        let (BranchState::Creating { generation: unbuilt, .. } | BranchState::Resetting { next: unbuilt, .. }) = branch.state else {
            return Ok(());
        };
        let unbuilt = self.settings.names.tag(&branch, unbuilt);
        // A reset may have made it ready for requests.
        self.ports.open.forget(&unbuilt.database).await;
        match self.ports.builder.drop_database(&unbuilt, Arc::clone(hold) as Arc<dyn BuildProgress>).await {
            // A build marks its database before it gives it this name: one without the mark is not what was built here, and stays.
            Err(BuildError::Refused { code: BuildError::NOT_OURS, .. }) => Ok(()),
            outcome => Ok(outcome?),
        }
    }
}

/// The refusal of an operation whose branch is not in the state that it was begun in.
pub(super) fn nothing_to_do(branch: &Branch) -> Halt {
    Halt::failed("illegal_transition", format!("branch '{}' is {}, so there is nothing to do", branch.slug, branch.state.status()))
}

/// What the history says of a build.
pub(super) fn told(report: &BuildReport) -> String {
    format!("{} objects, {} rows, from {}", report.objects, report.rows, report.source.name())
}

/// The branch is what was built.
pub(super) fn take_over(branch: &mut Branch, report: BuildReport) {
    branch.withheld = report.withheld;
    branch.data_as_of = report.data_as_of;
}

/// Its creator, and everybody who was granted access.
fn users(branch: &Branch) -> Vec<UserId> {
    let mut users: Vec<UserId> = branch.created_by.into_iter().chain(branch.grants.iter().map(|grant| grant.user_id)).collect();
    users.sort_unstable();
    users.dedup();
    users
}

#[cfg(test)]
mod tests {
    use super::super::{OperationPorts, OperationRunner, OperationSettings, progress::Hold};
    use crate::testing::{FakeWork, branch, branch_ports, names};
    use domain::{Branch, BranchState, Generation, Operation, OperationId, OperationKind, operation::Claim};
    use memory::MemoryBranchBuilder;
    use ports::driven::{MockControlPlane, MockOpenDatabases, MockOperationSignals, MockScriptProver, MockTrialCopies, NoFailpoints, StoreError};
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };
    use time::OffsetDateTime;
    use tokio::sync::Notify;
    use uuid::Uuid;

    /// A worker over these units of work, in this order.
    fn worker(works: Vec<FakeWork>, builder: MemoryBranchBuilder) -> OperationRunner {
        let works = Mutex::new(works.into_iter());
        let (mut control_plane, mut open) = (MockControlPlane::new(), MockOpenDatabases::new());
        control_plane.expect_begin().returning(move || Ok(Box::new(works.lock().unwrap().next().unwrap())));
        open.expect_forget().return_const(());
        let others = branch_ports(FakeWork::default());
        let ports = OperationPorts {
            control_plane: Arc::new(control_plane),
            builder: Arc::new(builder),
            trials: Arc::new(MockTrialCopies::new()),
            logins: others.logins,
            open: Arc::new(open),
            probe: others.probe,
            migrations: others.migrations,
            migration_files: others.migration_files,
            seeds: others.seeds,
            schemas: others.schemas,
            prover: Arc::new(MockScriptProver::new()),
            signals: Arc::new(MockOperationSignals::new()),
            clock: others.clock,
            ids: others.ids,
            failpoints: Arc::new(NoFailpoints),
        };
        let moment = Duration::from_secs(1);
        let settings =
            OperationSettings { names: names(), lease: moment, attempts: 1, reset_undo: moment, grace: moment, idle: moment, peoples_time: None };
        OperationRunner::new(ports, settings, Arc::new(Notify::new()))
    }

    #[tokio::test]
    async fn who_has_lost_the_operation_since_it_looked_drops_nothing() {
        let id = OperationId::from_uuid(Uuid::from_u128(3));
        let creating = Branch { state: BranchState::Creating { operation: id, generation: Generation::FIRST }, ..branch("x", Some(1)) };
        let operation = Operation::queued(id, OperationKind::CreateBranch, creating.id, OffsetDateTime::UNIX_EPOCH);
        let built = names().tag(&creating, Generation::FIRST);
        let builder = MemoryBranchBuilder::new();
        builder.place(built.clone());
        let (mut looks, mut renews) = (FakeWork::default(), FakeWork::default());
        looks.branches.expect_find().returning(move |_, _| Ok(Some(creating.clone())));
        renews.operations.expect_renew().once().returning(|_, _| Err(StoreError::Fenced));
        let worker = worker(vec![looks, renews], builder.clone());
        let claim = Claim { operation, fence: 1, failures: 0 };
        let (control_plane, clock) = (Arc::clone(&worker.ports.control_plane), Arc::clone(&worker.ports.clock));
        let hold = Arc::new(Hold::new(claim, control_plane, clock, Arc::new(NoFailpoints), Duration::from_secs(15)));
        let lost = worker.drop_unbuilt(&hold).await.unwrap_err();
        assert!(matches!(lost, super::Halt::Lost), "{lost:?}");
        assert_eq!(builder.databases(), [built], "it is the successor's by now");
    }
}
