//! [`PgBranchBuilder`]: the port, kept by PostgreSQL's own programs and COPY.

use crate::{
    build::Build,
    claim::Claim,
    connect::run,
    copy::users,
    database::{
        admission,
        create::{Birth, create_database, liken},
        drop::drop_databases,
        locale::Likeness,
        tag::{Mark, provisional_name},
    },
    error::{from_sql, refused, with_way_out},
    kept_connections::Kept,
    settings::Settings,
    stock::{self, CloneProbe, Demand, Origin, Taken, Wanted},
};
use async_trait::async_trait;
use domain::{DataCloneMode, OperationId, StepName, UserId, branch::DatabaseName};
use ports::driven::{
    BranchBuilder, BranchUsers, BuildError, BuildProgress, BuildReport, BuildRequest, DatabaseTag, Footing, Stock, SweepReport, TrialCopies,
    TrialSource,
};
use sqlx::Connection;
use std::sync::Arc;

/// Builds the databases behind branches on one PostgreSQL server, and keeps a stock of copies for those to come.
#[derive(Debug)]
pub struct PgBranchBuilder {
    settings: Settings,
    kept: Kept,
    demand: Demand,
    probe: CloneProbe,
}

impl PgBranchBuilder {
    /// A builder; nothing is connected before there is something to do.
    pub fn new(settings: Settings) -> Self {
        Self { settings, kept: Kept::default(), demand: Demand::default(), probe: CloneProbe::default() }
    }

    /// Takes hold of the branch, with nothing left of earlier attempts.
    async fn begin(&self, request: &BuildRequest, progress: &dyn BuildProgress) -> Result<(Claim, Likeness), BuildError> {
        let mut claim = Claim::take(&self.settings, &self.kept, request.target.branch_id).await?;
        claim.end_earlier_builds(&self.settings, Some(request)).await?;
        // Behind the claim: who has lost the operation meanwhile hears of it here, and drops nothing.
        progress.step(StepName::CreateDatabase).await?;
        drop_databases(claim.admin(), &self.settings, &request.target).await?;
        let parent = Likeness::read(claim.admin(), &request.parent).await?;
        Ok((claim, parent))
    }

    /// What of the stock would do: the parent as it is now. `None` where nothing there would.
    async fn origin(&self, request: &BuildRequest) -> Result<Option<Origin>, BuildError> {
        let full = request.clone_mode == DataCloneMode::FullClone;
        if self.settings.stock.max_templates == 0 || (full && request.max_age.is_none()) {
            return Ok(None);
        }
        let mut admin = self.kept.take(&self.settings).await?;
        let parent = (&request.parent, request.parent_is_main);
        let origin = Origin::now(&mut admin, &self.settings, parent, request.clone_mode).await?;
        self.kept.keep(admin);
        Ok(origin)
    }

    /// Takes the branch's database from the stock, where it has one of the parent as it is now.
    async fn take(&self, claim: &mut Claim, request: &BuildRequest, origin: &Origin, birth: &Birth<'_>) -> Result<Option<Taken>, BuildError> {
        let sought = stock::take(claim.admin(), &self.settings, origin, request.max_age, birth).await?;
        self.demand.note(Wanted::from(origin), sought.at);
        Ok(sought.taken)
    }

    /// What a copy of the stock lacks to be the branch's.
    async fn complete(&self, request: &BuildRequest, taken: &Taken, progress: &dyn BuildProgress) -> Result<BuildReport, BuildError> {
        if request.clone_mode != DataCloneMode::FullClone && !request.users.is_empty() {
            let mut inside = self.settings.builder_in(&request.target.database).await?;
            users::write(&mut inside, &request.users).await?;
            let _ = inside.close().await;
        }
        progress.passed(&[StepName::CopyDefinitions, StepName::CopyRows, StepName::AddConstraints, StepName::Verify]).await?;
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
        let (begun, origin) = tokio::join!(self.begin(request, progress.as_ref()), self.origin(request));
        let ((mut claim, parent), origin) = (begun?, origin?);
        let provisional = provisional_name(settings.instance, request.target.branch_id);
        let birth =
            Birth { provisional: &provisional, database: &request.target.database, comment: Mark::of(settings.instance, &request.target).comment() };
        let taken = match origin {
            Some(origin) => self.take(&mut claim, request, &origin, &birth).await?,
            None => None,
        };
        let filled = if let Some(taken) = taken {
            liken(claim.admin(), birth.database, &parent).await?;
            claim.while_held(self.complete(request, &taken, progress.as_ref())).await
        } else {
            let _waiting = self.demand.copy();
            stock::make_room(claim.admin(), settings, (&request.parent, request.clone_mode)).await?;
            let name = claim.build_name();
            let build = Build { settings, request, name: &name, progress: progress.as_ref() };
            let made = async {
                // It may have waited for its turn meanwhile.
                stock::take_room(claim.admin(), settings, (&request.parent, request.clone_mode), birth.database).await?;
                create_database(claim.admin(), settings, &parent, &birth).await?;
                liken(claim.admin(), birth.database, &parent).await
            };
            let captured = Box::pin(build.capture(made)).await?;
            claim.while_held(Box::pin(build.fill(captured))).await.map(|built| built.report)
        };
        let report = filled.map_err(|error| with_way_out(stock::explain(settings, error)))?;
        claim.release_to(&self.kept).await;
        Ok(report)
    }

    async fn admit(&self, target: &DatabaseTag) -> Result<(), BuildError> {
        self.settings.check_name(target)?;
        let mut admin = self.kept.take(&self.settings).await?;
        admission::admit(&mut admin, &self.settings, target).await?;
        self.kept.keep(admin);
        Ok(())
    }

    async fn shut_out(&self, target: &DatabaseTag) -> Result<(), BuildError> {
        self.settings.check_name(target)?;
        admission::shut_out(&self.settings, target, Footing::default()).await
    }

    async fn shut_out_while(&self, target: &DatabaseTag, footing: Footing) -> Result<(), BuildError> {
        self.settings.check_name(target)?;
        admission::shut_out(&self.settings, target, footing).await
    }

    async fn drop_database(&self, target: &DatabaseTag, progress: Arc<dyn BuildProgress>) -> Result<(), BuildError> {
        self.settings.check_name(target)?;
        let mut claim = Claim::take(&self.settings, &self.kept, target.branch_id).await?;
        progress.still_mine().await?;
        claim.end_earlier_builds(&self.settings, None).await?;
        drop_databases(claim.admin(), &self.settings, target).await?;
        claim.release_to(&self.kept).await;
        Ok(())
    }
}

#[async_trait]
impl BranchUsers for PgBranchBuilder {
    async fn introduce(&self, branch: &DatabaseTag, user: UserId) -> Result<(), BuildError> {
        self.settings.check_name(branch)?;
        let mut inside = self.settings.builder_in(&branch.database).await?;
        // Whoever owns the branch may have locked the table for as long as they like.
        run(&mut inside, "set lock_timeout = '3s'").await.map_err(|error| from_sql("bringing a user to a branch", error))?;
        users::write(&mut inside, &[user]).await?;
        let _ = inside.close().await;
        Ok(())
    }
}

#[async_trait]
impl TrialCopies for PgBranchBuilder {
    async fn copy(&self, operation: OperationId, source: &TrialSource, progress: Arc<dyn BuildProgress>) -> Result<DatabaseName, BuildError> {
        stock::copy(&self.settings, operation, source, progress.as_ref()).await
    }

    async fn discard(&self, operation: OperationId, progress: Arc<dyn BuildProgress>) -> Result<(), BuildError> {
        stock::discard(&self.settings, operation, progress.as_ref()).await
    }
}

#[async_trait]
impl Stock for PgBranchBuilder {
    #[tracing::instrument(name = "stock.tend", skip_all)]
    async fn tend(&self) -> Result<bool, BuildError> {
        stock::tend(&self.settings, &self.kept, &self.demand, &self.probe).await
    }

    #[tracing::instrument(name = "stock.sweep", skip_all)]
    async fn sweep(&self, candidates: Vec<DatabaseTag>, live: &[DatabaseTag], running: &[OperationId]) -> Result<SweepReport, BuildError> {
        stock::sweep(&self.settings, candidates, live, running).await
    }

    async fn candidates(&self) -> Result<Vec<DatabaseTag>, BuildError> {
        stock::candidates(&self.settings).await
    }
}
