//! How much room there is: the configured budget for our databases, and the disk itself where it is this machine's.

use super::{mark::Kind, reserved};
use crate::{
    database::tag::provisional_prefix,
    error::{from_sql, refused},
    settings::Settings,
};
use domain::{DataCloneMode, branch::DatabaseName};
use ports::driven::BuildError;
use sqlx::PgConnection;

/// What a copy without rows takes at most, as far as anybody has seen.
const WITHOUT_ROWS: u64 = 64 * 1024 * 1024;

/// Left alone on the disk: PostgreSQL itself has to write on.
const RESERVE: u64 = 512 * 1024 * 1024;

const MEGABYTE: u64 = 1024 * 1024;

/// Whether there is anything to measure by.
pub(super) fn is_measured(settings: &Settings) -> bool {
    settings.stock.disk_budget > 0 || settings.stock.data_directory.is_some()
}

/// How many bytes our databases may still take, beside those that are under way. `None`: nobody has said, and the disk is not ours to see.
pub(crate) async fn left(admin: &mut PgConnection, settings: &Settings) -> Result<Option<u64>, BuildError> {
    let stock = &settings.stock;
    let free = stock.data_directory.as_deref().and_then(|folder| fs4::available_space(folder).ok());
    if free.is_none() && stock.disk_budget == 0 {
        return Ok(None);
    }
    let under_way = reserved::by_others(&mut *admin, settings).await?;
    let on_disk = free.map(|free| free.saturating_sub(RESERVE).saturating_sub(under_way));
    if stock.disk_budget == 0 {
        return Ok(on_disk);
    }
    let mut prefixes: Vec<_> = Kind::ALL.iter().map(|kind| kind.prefix(settings.instance)).collect();
    prefixes.extend([settings.database_prefix.clone(), provisional_prefix(settings.instance)]);
    let used: i64 = sqlx::query_scalar(
        "select coalesce(sum(pg_database_size(d.oid)), 0)::int8 from pg_database d
          where d.datconnlimit <> -2 and pg_has_role(d.datdba, 'usage') and exists (select from unnest($1::text[]) prefix where starts_with(d.datname, prefix))",
    )
    .bind(prefixes)
    .fetch_one(admin)
    .await
    .map_err(|error| from_sql("measuring branch databases", error))?;
    let budget = stock.disk_budget.saturating_sub(u64::try_from(used).unwrap_or_default()).saturating_sub(under_way);
    Ok(Some(on_disk.map_or(budget, |on_disk| on_disk.min(budget))))
}

/// How much a copy of a parent will take.
pub(crate) async fn needed(admin: &mut PgConnection, parent: &DatabaseName, mode: DataCloneMode) -> Result<u64, BuildError> {
    let size: Option<i64> = sqlx::query_scalar("select pg_database_size(oid) from pg_database where datname = $1")
        .bind(parent.as_str())
        .fetch_optional(admin)
        .await
        .map_err(|error| from_sql("measuring the parent", error))?
        .flatten();
    let size = size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    Ok(if mode == DataCloneMode::FullClone { size } else { size.min(WITHOUT_ROWS) })
}

/// The refusal when not even an empty stock would make room.
pub(super) fn no_room(needed: u64, left: u64) -> BuildError {
    refused(
        "no_room",
        format!(
            "the copy would take about {} MB, and {} MB are left for branches: delete branches that nobody needs, clone as schema_only, or raise \
             branching.disk_budget",
            needed.div_ceil(MEGABYTE),
            left / MEGABYTE
        ),
    )
}
