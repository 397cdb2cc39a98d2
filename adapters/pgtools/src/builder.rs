//! [`PgBranchBuilder`]: the port, kept by PostgreSQL's own programs and COPY.

use crate::{
    admission,
    build::Build,
    claim::Claim,
    create::{Birth, carry_settings_over, create_database},
    drop::drop_databases,
    error::refused,
    locale::Likeness,
    settings::Settings,
    stock::{self, CloneProbe, Demand, Origin, Taken, Wanted},
    tag::{Mark, provisional_name},
    users,
};
use async_trait::async_trait;
use domain::{DataCloneMode, OperationId, StepName, UserId, branch::DatabaseName};
use ports::driven::{
    BranchBuilder, BranchUsers, BuildError, BuildProgress, BuildReport, BuildRequest, DatabaseTag, Stock, SweepReport, TrialCopies, TrialSource,
};
use sqlx::Connection;
use std::sync::Arc;

/// Builds the databases behind branches on one PostgreSQL server, and keeps a stock of copies for those to come.
#[derive(Debug)]
pub struct PgBranchBuilder {
    settings: Settings,
    demand: Demand,
    probe: CloneProbe,
}

impl PgBranchBuilder {
    /// A builder; nothing is connected before there is something to do.
    pub fn new(settings: Settings) -> Self {
        Self { settings, demand: Demand::default(), probe: CloneProbe::default() }
    }

    /// Takes the branch's database from the stock, where it has one of the parent as it is now.
    async fn take(&self, claim: &mut Claim, request: &BuildRequest, birth: &Birth<'_>) -> Result<Option<Taken>, BuildError> {
        let full = request.clone_mode == DataCloneMode::FullClone;
        if self.settings.stock.max_templates == 0 || (full && request.max_age.is_none()) {
            return Ok(None);
        }
        let parent = (&request.parent, request.parent_is_main);
        let Some(origin) = Origin::now(claim.admin(), &self.settings, parent, request.clone_mode).await? else { return Ok(None) };
        let taken = stock::take(claim.admin(), &self.settings, &origin, request.max_age, birth).await?;
        self.demand.note(Wanted::from(&origin), stock::now(claim.admin()).await?);
        Ok(taken)
    }

    /// What a copy of the stock lacks to be the branch's.
    async fn complete(&self, request: &BuildRequest, taken: &Taken, progress: &dyn BuildProgress) -> Result<BuildReport, BuildError> {
        progress.step(StepName::CopyDefinitions).await?;
        progress.step(StepName::CopyRows).await?;
        if request.clone_mode != DataCloneMode::FullClone && !request.users.is_empty() {
            let mut inside = self.settings.builder_in(&request.target.database).await?;
            users::write(&mut inside, &request.users).await?;
            let _ = inside.close().await;
        }
        progress.step(StepName::AddConstraints).await?;
        progress.step(StepName::Verify).await?;
        Ok(taken.mark.contents.report(taken.source))
    }
}

#[async_trait]
impl BranchBuilder for PgBranchBuilder {
    #[tracing::instrument(name = "branch.build", skip_all, fields(branch.id = %request.target.branch_id, database = %request.target.database))]
    async fn build(&self, request: &BuildRequest, progress: Arc<dyn BuildProgress>) -> Result<BuildReport, BuildError> {
        let settings = &self.settings;
        settings.check_name(&request.target)?;
        if request.clone_mode == DataCloneMode::SeedData {
            return Err(refused("seeds_unavailable", "seed files are no part of a build: ask for schema_only, and run them in what is built"));
        }
        let mut claim = Claim::take(settings, request.target.branch_id).await?;
        progress.step(StepName::CreateDatabase).await?;
        drop_databases(claim.admin(), settings, &request.target).await?;
        let parent = Likeness::read(claim.admin(), &request.parent).await?;
        let provisional = provisional_name(settings.instance, request.target.branch_id);
        let birth =
            Birth { provisional: &provisional, database: &request.target.database, comment: Mark::of(settings.instance, &request.target).comment() };
        let taken = self.take(&mut claim, request, &birth).await?;
        if taken.is_none() {
            stock::make_room(&mut claim, settings, request).await?;
            create_database(claim.admin(), settings, &parent, &birth).await?;
        }
        carry_settings_over(claim.admin(), birth.database, &parent.settings).await?;
        let filled = if let Some(taken) = taken {
            claim.while_held(self.complete(request, &taken, progress.as_ref())).await
        } else {
            let build = Build { settings, request, progress: progress.as_ref() };
            claim.while_held(Box::pin(build.fill())).await.map(|built| built.report)
        };
        let report = filled.map_err(|error| stock::explain(settings, error))?;
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

#[async_trait]
impl BranchUsers for PgBranchBuilder {
    async fn introduce(&self, branch: &DatabaseTag, user: UserId) -> Result<(), BuildError> {
        self.settings.check_name(branch)?;
        let mut inside = self.settings.builder_in(&branch.database).await?;
        users::write(&mut inside, &[user]).await?;
        let _ = inside.close().await;
        Ok(())
    }
}

#[async_trait]
impl TrialCopies for PgBranchBuilder {
    async fn copy(&self, operation: OperationId, source: &TrialSource) -> Result<DatabaseName, BuildError> {
        stock::copy(&self.settings, operation, source).await
    }

    async fn discard(&self, operation: OperationId) -> Result<(), BuildError> {
        stock::discard(&self.settings, operation).await
    }
}

#[async_trait]
impl Stock for PgBranchBuilder {
    #[tracing::instrument(name = "stock.tend", skip_all)]
    async fn tend(&self) -> Result<(), BuildError> {
        stock::tend(&self.settings, &self.demand, &self.probe).await
    }

    #[tracing::instrument(name = "stock.sweep", skip_all)]
    async fn sweep(&self, candidates: Vec<DatabaseTag>, live: &[DatabaseTag], running: &[OperationId]) -> Result<SweepReport, BuildError> {
        stock::sweep(&self.settings, candidates, live, running).await
    }

    async fn candidates(&self) -> Result<Vec<DatabaseTag>, BuildError> {
        stock::candidates(&self.settings).await
    }
}
