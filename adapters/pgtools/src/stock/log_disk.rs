//! The disk of PostgreSQL's write-ahead log: when it is full, PostgreSQL ends every session, and does not start again before there is room.

use crate::{
    error::{from_sql, refused},
    settings::Settings,
};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

const MEGABYTE: u64 = 1024 * 1024;

/// What PostgreSQL takes of the disk at once.
const SEGMENT: u64 = 16 * MEGABYTE;

/// Refuses a copy of so many bytes whose log would not fit, where the log has a disk of its own that is ours to see. On a disk with the databases the room
/// that is left to PostgreSQL there is meant for it.
pub(super) async fn check(admin: &mut PgConnection, settings: &Settings, needed: u64) -> Result<(), BuildError> {
    let Some(log) = log(settings).filter(|log| is_apart(log)) else { return Ok(()) };
    let Ok(left) = fs4::available_space(&log) else { return Ok(()) };
    let most: i64 = sqlx::query_scalar("select setting::int8 from pg_settings where name = 'max_wal_size'")
        .fetch_one(admin)
        .await
        .map_err(|error| from_sql("asking how long the log may become", error))?;
    // Up to there it grows before what is not needed any more is used again.
    let most = u64::try_from(most).unwrap_or_default().saturating_mul(MEGABYTE);
    let more = needed.min(most.saturating_sub(size(&log))) + 2 * SEGMENT;
    if left >= more {
        return Ok(());
    }
    let (more, left) = (more.div_ceil(MEGABYTE), left / MEGABYTE);
    let message = format!(
        "the copy would write about {more} MB to PostgreSQL's write-ahead log, and its disk has {left} MB left: if it were full, PostgreSQL would stop. \
         Make room there, clone as schema_only, or lower max_wal_size"
    );
    Err(refused("no_room", message))
}

/// Says what was wrong where the disk of the log is full: the sessions that PostgreSQL ended were told nothing of the cause.
pub(crate) fn explain(settings: &Settings, error: BuildError) -> BuildError {
    let BuildError::Retryable { message, source } = error else { return error };
    let left = log(settings).and_then(|log| fs4::available_space(log).ok()).filter(|left| *left < SEGMENT);
    let message = match left {
        Some(left) if !message.contains("No space left") => {
            let left = left / MEGABYTE;
            format!("{message}; the disk of PostgreSQL's write-ahead log is full ({left} MB left), and PostgreSQL ends all sessions then")
        }
        _ => message,
    };
    BuildError::Retryable { message, source }
}

fn log(settings: &Settings) -> Option<PathBuf> {
    settings.stock.data_directory.as_deref().map(|folder| folder.join("pg_wal"))
}

/// Whether it is on another disk than the databases.
fn is_apart(log: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).ok().map(|found| found.dev());
    let (of_log, of_databases) = (device(log), device(&log.with_file_name("base")));
    of_log.is_some() && of_log != of_databases
}

fn size(log: &Path) -> u64 {
    let files = fs::read_dir(log).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}
