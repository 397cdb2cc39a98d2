//! Room for a database that somebody waits for: what only lies ready goes first.

use super::{
    disk, log_disk,
    mark::{Kind, StockMark},
    policy,
    shelf::{Shelf, drop_marked},
};
use crate::settings::Settings;
use domain::{DataCloneMode, branch::DatabaseName};
use ports::driven::BuildError;
use sqlx::PgConnection;

/// Makes room for a copy of a parent, where there is too little, or refuses it.
pub(crate) async fn make_room(
    admin: &mut PgConnection,
    settings: &Settings,
    (parent, mode): (&DatabaseName, DataCloneMode),
) -> Result<(), BuildError> {
    let Some(left) = disk::left(admin, settings).await? else { return Ok(()) };
    let needed = disk::needed(admin, parent, mode).await?;
    log_disk::check(admin, settings, needed).await?;
    if left >= needed || let_go(admin, settings, needed - left, None).await? {
        return Ok(());
    }
    Err(disk::no_room(needed, left))
}

/// Makes room for a copy of a template, which itself stays. `false`: there is none; whoever copies the parent instead may let go of the template too.
pub(super) async fn has_room_beside(admin: &mut PgConnection, settings: &Settings, template: &StockMark) -> Result<bool, BuildError> {
    let Some(left) = disk::left(admin, settings).await? else { return Ok(true) };
    let needed = template.bytes;
    if log_disk::check(admin, settings, needed).await.is_err() {
        return Ok(false);
    }
    Ok(left >= needed || let_go(admin, settings, needed - left, Some(template)).await?)
}

/// Drops as much of the stock as is missing, or nothing where all of it is too little.
async fn let_go(admin: &mut PgConnection, settings: &Settings, missing: u64, stays: Option<&StockMark>) -> Result<bool, BuildError> {
    let mut shelf = Shelf::read(admin, settings, &[Kind::Template, Kind::Spare]).await?;
    shelf.items.retain(|mark| stays.is_none_or(|stays| stays.id != mark.id));
    let Some(goes) = policy::make_room(&shelf.items, missing) else { return Ok(false) };
    for mark in goes {
        drop_marked(admin, settings, &mark).await?;
    }
    Ok(true)
}
