//! Copies that an operation tries things on: closed to all but the builder, gone with the operation.

use super::{
    fresh::from_parent,
    mark::{Kind, StockMark},
    origin::Origin,
    room::take_room,
    shelf::{self, Shelf, drop_marked},
    take::take,
};
use crate::{
    claim::Claim,
    database::{
        create::{Birth, liken},
        drop::drop_by_name,
        locale::Likeness,
        tag::provisional_name,
    },
    error::refused,
    settings::Settings,
};
use async_trait::async_trait;
use domain::{BranchId, DataCloneMode, OperationId, StepName, branch::DatabaseName};
use ports::driven::{BuildError, BuildProgress, TrialSource};

/// Makes the operation's copy.
pub(crate) async fn copy(
    settings: &Settings,
    operation: OperationId,
    source: &TrialSource,
    progress: &dyn BuildProgress,
) -> Result<DatabaseName, BuildError> {
    let mut hold = Claim::of(settings, &operation.to_string()).await?;
    progress.still_mine().await?;
    drop_trial(&mut hold, settings, operation).await?;
    let mode = if source.rows { DataCloneMode::FullClone } else { DataCloneMode::SchemaOnly };
    let gone = || refused("parent_missing", format!("the database '{}' is gone", source.database));
    let origin = Origin::now(hold.admin(), settings, (&source.database, source.is_main), mode).await?.ok_or_else(gone)?;
    let mark = StockMark::begun(settings.instance, Kind::Trial, operation.as_uuid(), origin, shelf::now(hold.admin()).await?);
    let (database, provisional) = (mark.database(), provisional(settings, operation));
    let birth = Birth { provisional: provisional.as_str(), database: &database, comment: mark.comment() };
    let parent = Likeness::read(hold.admin(), &source.database).await?;
    if take(hold.admin(), settings, &mark.origin, None, &birth).await?.taken.is_none() {
        take_room(hold.admin(), settings, (&source.database, mode), &database).await?;
        from_parent(&mut hold, settings, &parent, &mark, &birth, &OneStep(progress)).await?;
    }
    liken(hold.admin(), &database, &parent).await?;
    hold.release().await;
    Ok(database)
}

/// Drops the operation's copy.
pub(crate) async fn discard(settings: &Settings, operation: OperationId, progress: &dyn BuildProgress) -> Result<(), BuildError> {
    let mut hold = Claim::of(settings, &operation.to_string()).await?;
    progress.still_mine().await?;
    drop_trial(&mut hold, settings, operation).await?;
    hold.release().await;
    Ok(())
}

async fn drop_trial(hold: &mut Claim, settings: &Settings, operation: OperationId) -> Result<(), BuildError> {
    drop_by_name(hold.admin(), settings, &provisional(settings, operation)).await?;
    let shelf = Shelf::read(hold.admin(), settings, &[Kind::Trial]).await?;
    for mark in shelf.items.iter().chain(&shelf.waste).filter(|mark| mark.id == operation.as_uuid()) {
        drop_marked(hold.admin(), settings, mark).await?;
    }
    Ok(())
}

fn provisional(settings: &Settings, operation: OperationId) -> DatabaseName {
    DatabaseName::existing(provisional_name(settings.instance, BranchId::from_uuid(operation.as_uuid())))
}

/// To the operation the whole of a build is one step.
struct OneStep<'a>(&'a dyn BuildProgress);

#[async_trait]
impl BuildProgress for OneStep<'_> {
    async fn step(&self, _: StepName) -> Result<(), BuildError> {
        Ok(())
    }

    async fn advance(&self, _: u64, _: u64, _: &'static str) -> Result<(), BuildError> {
        Ok(())
    }

    fn waits_for_turn(&self, waits: bool) {
        self.0.waits_for_turn(waits);
    }
}
