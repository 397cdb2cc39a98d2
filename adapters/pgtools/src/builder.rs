//! [`PgBranchBuilder`]: the port, kept by PostgreSQL's own programs and COPY.

use crate::{admission, build::Build, claim::Claim, create::create_database, drop::drop_databases, error::refused, settings::Settings};
use async_trait::async_trait;
use domain::{DataCloneMode, StepName};
use ports::driven::{BranchBuilder, BuildError, BuildProgress, BuildReport, BuildRequest, DatabaseTag};
use std::{future::Future, sync::Arc};

/// Builds the databases behind branches on one PostgreSQL server.
#[derive(Debug)]
pub struct PgBranchBuilder {
    settings: Settings,
}

impl PgBranchBuilder {
    /// A builder; nothing is connected before there is something to do.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Works on while the branch is held, and ends when that is no longer sure.
    async fn while_held<T>(claim: &mut Claim, work: impl Future<Output = Result<T, BuildError>>) -> Result<T, BuildError> {
        tokio::select! {
            outcome = work => outcome,
            lost = claim.lost() => Err(lost),
        }
    }
}

#[async_trait]
impl BranchBuilder for PgBranchBuilder {
    #[tracing::instrument(name = "branch.build", skip_all, fields(branch.id = %request.target.branch_id, database = %request.target.database))]
    async fn build(&self, request: &BuildRequest, progress: Arc<dyn BuildProgress>) -> Result<BuildReport, BuildError> {
        self.settings.check_name(&request.target)?;
        if request.clone_mode == DataCloneMode::SeedData {
            return Err(refused("seeds_unavailable", "this version has no seed files yet: create the branch as schema_only or full_clone"));
        }
        let mut claim = Claim::take(&self.settings, request.target.branch_id).await?;
        progress.step(StepName::CreateDatabase).await?;
        create_database(claim.admin(), &self.settings, request).await?;
        let build = Build { settings: &self.settings, request, progress: progress.as_ref() };
        let report = Self::while_held(&mut claim, Box::pin(build.fill())).await?;
        claim.release().await;
        Ok(report)
    }

    async fn admit(&self, target: &DatabaseTag) -> Result<(), BuildError> {
        self.settings.check_name(target)?;
        admission::admit(&self.settings, target).await
    }

    async fn shut_out(&self, target: &DatabaseTag) -> Result<(), BuildError> {
        self.settings.check_name(target)?;
        admission::shut_out(&self.settings, target).await
    }

    async fn drop_database(&self, target: &DatabaseTag) -> Result<(), BuildError> {
        self.settings.check_name(target)?;
        let mut claim = Claim::take(&self.settings, target.branch_id).await?;
        drop_databases(claim.admin(), &self.settings, target).await?;
        claim.release().await;
        Ok(())
    }
}
