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

/// What there is room for, and what bounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes that our databases may still take, beside those that are under way.
    pub(crate) left: u64,
    /// What copies under way will yet take.
    under_way: u64,
    bound: Bound,
}

/// What bounds the room: where both do, the narrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// The disk of PostgreSQL's data, with so much free.
    Disk { free: u64 },
    /// `branching.disk_budget`, with so much taken.
    Budget { budget: u64, used: u64 },
}

/// How much room there is. `None`: nobody has said, and the disk is not ours to see.
pub(crate) async fn room(admin: &mut PgConnection, settings: &Settings) -> Result<Option<Room>, BuildError> {
    let stock = &settings.stock;
    let free = stock.data_directory.as_deref().and_then(|folder| fs4::available_space(folder).ok());
    if free.is_none() && stock.disk_budget == 0 {
        return Ok(None);
    }
    let under_way = reserved::by_others(&mut *admin, settings).await?;
    let on_disk = free.map(|free| Room { left: free.saturating_sub(RESERVE).saturating_sub(under_way), under_way, bound: Bound::Disk { free } });
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
    let (budget, used) = (stock.disk_budget, u64::try_from(used).unwrap_or_default());
    let budgeted = Room { left: budget.saturating_sub(used).saturating_sub(under_way), under_way, bound: Bound::Budget { budget, used } };
    Ok(Some(on_disk.filter(|on_disk| on_disk.left < budgeted.left).unwrap_or(budgeted)))
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

/// The refusal when not even an empty stock would make room: how much is needed, how much there is, what bounds it, and what would help.
pub(super) fn no_room(needed: u64, mode: DataCloneMode, room: Room) -> BuildError {
    let up = |bytes: u64| bytes.div_ceil(MEGABYTE);
    let down = |bytes: u64| bytes / MEGABYTE;
    let Room { left, under_way, bound } = room;
    let promised = if under_way == 0 { String::new() } else { format!(", and {} MB are promised to copies that are being made", up(under_way)) };
    let (why, way_out) = match bound {
        Bound::Disk { free } => (
            format!(
                "the disk of PostgreSQL's data has {} MB free, of which {} MB stay free for PostgreSQL itself{promised}",
                down(free),
                down(RESERVE)
            ),
            format!("make {} MB more free there", up((needed + RESERVE + under_way).saturating_sub(free))),
        ),
        Bound::Budget { budget, used } => (
            format!(
                "branching.disk_budget is {budget} bytes ({} MB), of which branches, templates and spares take {} MB{promised}",
                down(budget),
                up(used)
            ),
            format!("raise branching.disk_budget to {} bytes or more", used + under_way + needed),
        ),
    };
    let smaller = if mode == DataCloneMode::FullClone { ", or clone as schema_only" } else { "" };
    let message = format!(
        "the copy would take about {} MB, and {} MB are left for it: {why}. Delete branches that nobody needs (each tells its size; what a reset replaced is kept \
         for branching.reset_undo), {way_out}{smaller}",
        up(needed),
        down(left),
    );
    refused("no_room", message)
}

#[cfg(test)]
mod tests {
    use super::{Bound, MEGABYTE, Room, no_room};
    use domain::DataCloneMode;

    #[test]
    fn a_refusal_tells_what_is_needed_what_there_is_and_what_would_help() {
        let disk = Room { left: 40 * MEGABYTE, under_way: 8 * MEGABYTE, bound: Bound::Disk { free: 560 * MEGABYTE } };
        let budget = Room { left: 40 * MEGABYTE, under_way: 0, bound: Bound::Budget { budget: 1000 * MEGABYTE, used: 960 * MEGABYTE } };
        let told = |mode, room| no_room(300 * MEGABYTE, mode, room).to_string();
        for (message, parts) in [
            (
                told(DataCloneMode::FullClone, disk),
                vec!["300 MB", "40 MB are left", "560 MB free", "512 MB stay", "8 MB are promised", "260 MB more", "schema_only"],
            ),
            (
                told(DataCloneMode::FullClone, budget),
                vec!["branching.disk_budget is 1048576000 bytes (1000 MB)", "take 960 MB", "1321205760 bytes or more", "reset_undo"],
            ),
        ] {
            for part in parts {
                assert!(message.contains(part), "{part}: {message}");
            }
        }
        assert!(!told(DataCloneMode::SchemaOnly, budget).contains("schema_only"), "it is asked for already");
    }
}
