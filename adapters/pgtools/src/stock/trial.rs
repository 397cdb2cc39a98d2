//! Copies that an operation tries things on: closed to all but the builder, gone with the operation.

use super::{
    demand::Wanted,
    fresh::Silent,
    mark::{Contents, Kind, StockMark},
    origin::Origin,
    shelf::{self, Shelf, drop_marked},
    take::take,
};
use crate::{
    build::Build,
    claim::Claim,
    create::{Birth, carry_settings_over, make},
    drop::drop_by_name,
    error::refused,
    locale::Likeness,
    settings::Settings,
    tag::provisional_name,
};
use domain::{BranchId, DataCloneMode, OperationId, branch::DatabaseName};
use ports::driven::{BuildError, BuildRequest, TrialSource};

/// Makes the operation's copy.
pub(crate) async fn copy(settings: &Settings, operation: OperationId, source: &TrialSource) -> Result<DatabaseName, BuildError> {
    let mut hold = Claim::of(settings, &operation.to_string()).await?;
    drop_trial(&mut hold, settings, operation).await?;
    let mode = if source.rows { DataCloneMode::FullClone } else { DataCloneMode::SchemaOnly };
    let wanted = Wanted { parent: source.database.clone(), is_main: source.is_main, mode };
    let gone = || refused("parent_missing", format!("the database '{}' is gone", source.database));
    let origin = Origin::now(hold.admin(), settings, (&wanted.parent, wanted.is_main), mode).await?.ok_or_else(gone)?;
    let made_at = shelf::now(hold.admin()).await?;
    let mark = StockMark {
        instance: settings.instance,
        kind: Kind::Trial,
        id: operation.as_uuid(),
        verified: false,
        origin,
        own_token: String::new(),
        contents: Contents::default(),
        made_at,
        used_at: made_at,
        unused_rebuilds: 0,
        bytes: 0,
    };
    let (database, provisional) = (mark.database(), provisional(settings, operation));
    let birth = Birth { provisional: provisional.as_str(), database: &database, comment: mark.comment() };
    let parent = Likeness::read(hold.admin(), &wanted.parent).await?;
    if take(hold.admin(), settings, &mark.origin, None, &birth).await?.is_none() {
        make(hold.admin(), settings, &birth, parent.create_statement(provisional.as_str())).await?;
        let request = BuildRequest {
            target: mark.tag(),
            parent: wanted.parent,
            parent_is_main: wanted.is_main,
            clone_mode: mode,
            max_age: None,
            users: Vec::new(),
        };
        let build = Build { settings, request: &request, progress: &Silent };
        hold.while_held(Box::pin(build.fill())).await?;
    }
    carry_settings_over(hold.admin(), &database, &parent.settings).await?;
    hold.release().await;
    Ok(database)
}

/// Drops the operation's copy.
pub(crate) async fn discard(settings: &Settings, operation: OperationId) -> Result<(), BuildError> {
    let mut hold = Claim::of(settings, &operation.to_string()).await?;
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
