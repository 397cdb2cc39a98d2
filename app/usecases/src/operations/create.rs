//! Building a branch's first generation.

use super::{OperationRunner, progress::Hold};
use crate::trail::{self, FLUXBASE};
use domain::{Branch, BranchId, BranchState, Failure, Generation, StepName, branch::DatabaseName, operation::OperationError};
use ports::driven::{BuildError, BuildProgress, BuildReport, BuildRequest, DatabaseTag, StoreError};
use std::sync::Arc;

impl OperationRunner {
    /// Builds, admits and switches to the generation. After a crash it begins again: the builder takes away what was half done.
    pub(super) async fn create(&self, hold: &Arc<Hold>) -> Result<(), BuildError> {
        let branch = self.branch(hold.operation().await.branch_id).await?;
        let BranchState::Creating { generation, .. } = branch.state else {
            return Err(BuildError::Refused {
                code: "illegal_transition",
                message: format!("branch '{}' is {}, so there is nothing to build", branch.slug, branch.state.status()),
            });
        };
        let request = self.request(&branch, generation).await?;
        let report = self.ports.builder.build(&request, Arc::clone(hold) as Arc<dyn BuildProgress>).await?;
        hold.step(StepName::Admit).await?;
        self.ports.builder.admit(&request.target).await?;
        hold.step(StepName::Switch).await?;
        self.switch(hold, branch.id, report).await.map_err(unavailable)?;
        hold.after_effect().await;
        Ok(())
    }

    pub(super) async fn request(&self, branch: &Branch, generation: Generation) -> Result<BuildRequest, BuildError> {
        let parent_id = branch.parent_id.ok_or_else(|| gone("it has no parent"))?;
        let parent = self.branch(parent_id).await?;
        let route = self.settings.names.route(&parent).ok_or_else(|| gone(&format!("its parent '{}' is {}", parent.slug, parent.state.status())))?;
        Ok(BuildRequest {
            target: self.tag(branch, generation),
            parent: route.database,
            parent_is_main: parent.is_main(),
            clone_mode: branch.clone_mode,
            max_age: None,
            users: branch.created_by.into_iter().collect(),
        })
    }

    /// In one transaction: the generation serves, the operation is done, the history says so.
    async fn switch(&self, hold: &Hold, id: BranchId, report: BuildReport) -> Result<(), StoreError> {
        let claim = hold.finished().await;
        let mut work = self.ports.control_plane.begin().await?;
        let mut branch = work.branches().find(id, true).await?.ok_or(StoreError::Fenced)?;
        branch.state = branch.state.built().map_err(|_| StoreError::Fenced)?;
        branch.withheld = report.withheld;
        branch.updated_at = self.ports.clock.now();
        work.branches().update(&branch).await?;
        work.operations().save(&claim).await?;
        let detail = Some(format!("{} objects, {} rows", report.objects, report.rows));
        work.activity().record(&trail::activity(id, FLUXBASE.to_owned(), "created", detail, branch.updated_at)).await?;
        work.commit().await
    }

    /// Takes away what was built and says that it failed.
    pub(super) async fn fail_create(&self, hold: &Hold, error: OperationError) -> Result<(), StoreError> {
        let operation = hold.operation().await;
        let mut work = self.ports.control_plane.begin().await?;
        let Some(branch) = work.branches().find(operation.branch_id, false).await? else { return Ok(()) };
        drop(work);
        if let BranchState::Creating { generation, .. } = branch.state {
            let target = self.tag(&branch, generation);
            self.ports.builder.drop_database(&target).await.map_err(|error| StoreError::Unavailable(error.into()))?;
        }

        let claim = hold.failed(error.clone()).await;
        let mut work = self.ports.control_plane.begin().await?;
        let now = self.ports.clock.now();
        if let Some(mut branch) = work.branches().find(operation.branch_id, true).await?
            && let Ok(state) = branch.state.clone().failed(error.message.clone())
        {
            branch.state = state;
            branch.updated_at = now;
            work.branches().update(&branch).await?;
            work.activity().record(&trail::activity(branch.id, FLUXBASE.to_owned(), "create_failed", Some(error.message), now)).await?;
        }
        work.operations().save(&claim).await?;
        work.commit().await
    }

    pub(super) async fn branch(&self, id: BranchId) -> Result<Branch, BuildError> {
        let mut work = self.ports.control_plane.begin().await.map_err(unavailable)?;
        work.branches().find(id, false).await.map_err(unavailable)?.ok_or_else(|| gone(&Failure::not_found("branch", id.to_string()).to_string()))
    }

    pub(super) fn tag(&self, branch: &Branch, generation: Generation) -> DatabaseTag {
        let database = DatabaseName::of_generation(&self.settings.names.prefix, &branch.slug, generation);
        DatabaseTag { database, branch_id: branch.id, generation }
    }
}

fn gone(what: &str) -> BuildError {
    BuildError::Refused { code: "parent_not_ready", message: format!("the branch cannot be built: {what}") }
}

pub(super) fn unavailable(error: StoreError) -> BuildError {
    match error {
        StoreError::Fenced => BuildError::Stopped,
        other => BuildError::Retryable { message: "the metadata database is not available".to_owned(), source: Some(other.into()) },
    }
}
