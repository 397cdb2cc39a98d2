//! Room for a database that somebody waits for: what only lies ready goes first.

use super::{
    disk, log_disk,
    mark::{Kind, StockMark},
    policy, reserved,
    shelf::{Shelf, drop_marked},
};
use crate::{claim, settings::Settings};
use domain::{DataCloneMode, branch::DatabaseName};
use ports::driven::BuildError;
use sqlx::PgConnection;

/// Who looks for room.
const LOOKING: &str = "room";

/// Makes room for a copy of a parent, where there is too little, or refuses it.
pub(crate) async fn make_room(admin: &mut PgConnection, settings: &Settings, parent: (&DatabaseName, DataCloneMode)) -> Result<(), BuildError> {
    alone(admin, settings, (), async |admin| find_room(admin, settings, parent).await.map(drop)).await
}

/// The same for a copy that begins now: whoever looks afterwards counts it as big as it will be.
pub(crate) async fn take_room(
    admin: &mut PgConnection,
    settings: &Settings,
    parent: (&DatabaseName, DataCloneMode),
    database: &DatabaseName,
) -> Result<(), BuildError> {
    alone(admin, settings, (), async |admin| {
        let needed = find_room(&mut *admin, settings, parent).await?;
        reserved::reserve(&mut *admin, settings, needed).await?;
        reserved::name(admin, settings, database).await
    })
    .await
}

async fn find_room(admin: &mut PgConnection, settings: &Settings, (parent, mode): (&DatabaseName, DataCloneMode)) -> Result<u64, BuildError> {
    let needed = disk::needed(&mut *admin, parent, mode).await?;
    let Some(room) = disk::room(&mut *admin, settings).await? else { return Ok(needed) };
    log_disk::check(&mut *admin, settings, needed).await?;
    if room.left >= needed || let_go(admin, settings, needed - room.left, None).await? {
        return Ok(needed);
    }
    Err(disk::no_room(needed, mode, room))
}

/// Takes room for a copy of a template, which itself stays. `false`: there is none; whoever copies the parent instead may let go of the template too.
pub(super) async fn take_room_beside(
    admin: &mut PgConnection,
    settings: &Settings,
    template: &StockMark,
    database: &DatabaseName,
) -> Result<bool, BuildError> {
    alone(admin, settings, true, async |admin| {
        let needed = template.bytes;
        if log_disk::check(&mut *admin, settings, needed).await.is_err() {
            return Ok(false);
        }
        let is_there = match disk::room(&mut *admin, settings).await? {
            Some(room) if room.left < needed => let_go(&mut *admin, settings, needed - room.left, Some(template)).await?,
            _ => true,
        };
        if is_there {
            reserved::reserve(&mut *admin, settings, needed).await?;
            reserved::name(admin, settings, database).await?;
        }
        Ok(is_there)
    })
    .await
}

/// Takes room for a copy that the stock's keeper makes, where there is some.
pub(super) async fn take_spare_room(admin: &mut PgConnection, settings: &Settings, needed: u64) -> Result<bool, BuildError> {
    alone(admin, settings, true, async |admin| {
        let is_there = disk::room(&mut *admin, settings).await?.is_none_or(|room| room.left >= needed);
        if is_there {
            reserved::reserve(admin, settings, needed).await?;
        }
        Ok(is_there)
    })
    .await
}

/// Looks and takes while nobody else does, on any replica. Gives `unmeasured` where there is nothing to measure by.
async fn alone<T>(
    admin: &mut PgConnection,
    settings: &Settings,
    unmeasured: T,
    look: impl AsyncFnOnce(&mut PgConnection) -> Result<T, BuildError>,
) -> Result<T, BuildError> {
    if !disk::is_measured(settings) {
        return Ok(unmeasured);
    }
    claim::lock(&mut *admin, settings, LOOKING).await?;
    let outcome = look(&mut *admin).await;
    claim::unlock(admin, settings, LOOKING).await?;
    outcome
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
