//! A dump's entries restored by ourselves: many statements in a message, and what belongs to different tables at the same time.
//!
//! `pg_restore` sends one statement after the other and waits for each. It is what remains for all that does not go this way, and says best what is wrong.

use super::arrange::{Arranged, Relations, arrange, deal, deal_keys};
use crate::{
    connect::{room_for_locks, run},
    error::{from_sql, names_nothing},
    meter::Meter,
    schema::archive::Entry,
    settings::Settings,
};
use domain::branch::DatabaseName;
use futures_util::future::{join_all, try_join_all};
use ports::driven::BuildError;
use sqlx::{Connection, PgConnection};
use std::{
    collections::HashSet,
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, Ordering},
};

/// Statements of one message, in bytes and more or less: PostgreSQL goes on to the next without a word from us, but holds all of the text meanwhile.
const MESSAGE: usize = 16 * 1024;

/// Below this one connection is done before others are open.
const WORTH_MORE: usize = 200;

/// More than these wait for each other's log.
const MOST: usize = 4;

/// How many locks an entry takes, more or less: those of a table with its TOAST table and that one's index, or of two tables and what a key makes for them.
const LOCKS_OF_AN_ENTRY: usize = 4;

/// All of a transaction's locks are held until it ends, in a table of the whole server's: those who make a branch leave so much of it to others.
const SHARE_OF_LOCKS: usize = 4;

/// Bounds of that: a transaction takes time of its own, and from so many entries on no longer any that matters.
const FEWEST_ENTRIES: usize = 10;
const MOST_ENTRIES: usize = 1000;

/// What a dump itself sets before its first entry.
const SETTINGS: &str = "search_path = ''; set local check_function_bodies = false; set local default_tablespace = ''; \
                        set local default_table_access_method = heap; set local escape_string_warning = off";

/// Bytes to build indexes with, where the server itself grants no more.
const MEMORY: u64 = 192 * 1024 * 1024;

/// The same for a session whose statements are a transaction each.
pub(crate) fn session_settings() -> String {
    format!("set {}", SETTINGS.replace("set local ", "set "))
}

/// The beginning of a transaction.
///
/// No helping processes: those that build a graph of vectors share all of that memory, and in a container of usual size there is none to share.
pub(super) fn begin() -> String {
    format!("begin; set local {SETTINGS}; set local max_parallel_maintenance_workers = 0; {}", memory_at_least(MEMORY))
}

/// Gives what builds indexes so many bytes, or what the server grants by itself where that is more: some indexes are refused where they have less than they were
/// first built with.
pub(crate) fn memory_at_least(bytes: u64) -> String {
    format!(
        "reset maintenance_work_mem; select set_config('maintenance_work_mem', greatest(setting::int8, {}) || 'kB', false) from pg_settings \
         where name = 'maintenance_work_mem'",
        bytes / 1024
    )
}

/// What `pg_restore` is told: the same as a setting's value, and how many entries it may make in one transaction.
pub(crate) async fn limits(settings: &Settings, database: &DatabaseName) -> Result<(String, usize), BuildError> {
    let mut branch = settings.builder_in(database).await?;
    let limits = concat!("select greatest(setting::int8, $1) || 'kB', ", room_for_locks!(), " from pg_settings where name = 'maintenance_work_mem'");
    let (memory, room): (String, i64) = sqlx::query_as(limits)
        .bind(i64::try_from(MEMORY / 1024).unwrap_or(i64::MAX))
        .fetch_one(&mut branch)
        .await
        .map_err(|error| from_sql("restoring the parent's definitions", error))?;
    let _ = branch.close().await;
    Ok((memory, entries_of_a_transaction(room)))
}

/// How many entries each of those who restore at the same time makes in one transaction, where the server has `room` for so many locks.
fn entries_of_a_transaction(room: i64) -> usize {
    (usize::try_from(room).unwrap_or_default() / SHARE_OF_LOCKS / MOST / LOCKS_OF_AN_ENTRY).clamp(FEWEST_ENTRIES, MOST_ENTRIES)
}

/// Whether all of it goes this way: nothing for which a dump sets something in between, and no text that is not in UTF-8.
pub(crate) fn is_plain(entries: &[Entry]) -> bool {
    entries.iter().all(|entry| {
        entry.kind != "STATISTICS DATA"
            && !entry.kind.starts_with("BLOB")
            && entry.access_method.as_deref().is_none_or(|method| method == "heap")
            && !entry.definition.contains(char::REPLACEMENT_CHARACTER)
    })
}

/// What is restored into, and what counts along.
#[derive(Clone, Copy)]
pub(crate) struct Restore<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) database: &'a DatabaseName,
    pub(crate) meter: &'a Meter,
    /// Whether a function that was called looked for something in vain.
    pub(crate) found_no_name: &'a AtomicBool,
}

/// Lets go of connections.
pub(crate) async fn close(branches: Vec<PgConnection>) {
    for branch in branches {
        let _ = branch.close().await;
    }
}

impl Restore<'_> {
    /// As many at a time as there are cores. Gives those that are there; where some are not, whoever goes on from there finds out why.
    pub(crate) async fn side_by_side(self, entries: &[&Entry], relations: &Relations) -> HashSet<i64> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST);
        if cores == 1 || entries.len() < WORTH_MORE {
            return self.all(entries).await;
        }
        let mut there = HashSet::new();
        if let Err(error) = self.in_turns(entries, relations, cores, &mut there).await {
            self.is_told(&error);
        }
        there
    }

    /// One at a time, in their order: all of them, or those before the first that is refused.
    pub(crate) async fn all(self, entries: &[&Entry]) -> HashSet<i64> {
        let mut there = HashSet::new();
        let tried = async {
            let mut branch = self.connect().await?;
            self.one_after_the_other(&mut branch, entries, &mut there).await?;
            let _ = branch.close().await;
            Ok(())
        };
        if let Err(error) = tried.await {
            self.is_told(&error);
        }
        there
    }

    /// Another connection of the builder.
    pub(crate) async fn connect(self) -> Result<PgConnection, BuildError> {
        self.settings.builder_in(self.database).await
    }

    /// What came in the way, to whoever debugs.
    pub(crate) fn is_told(self, error: &Stopped) {
        if matches!(error, Stopped::Sql(error) if names_nothing(error)) {
            self.found_no_name.store(true, Ordering::Relaxed);
        }
        tracing::debug!(%error, database = %self.database, "definitions are restored one by one");
    }

    /// Adds to `there` what is.
    async fn in_turns(self, entries: &[&Entry], relations: &Relations, hands: usize, there: &mut HashSet<i64>) -> Result<(), Stopped> {
        let Arranged { first, groups, keys, last } = arrange(entries, relations);
        let mut branches = try_join_all((0..hands).map(|_| self.connect())).await?;
        self.one_after_the_other(&mut branches[0], &first, there).await?;
        self.at_once(&mut branches, deal(groups, hands), there).await?;
        let (keys, across) = deal_keys(&keys, &relations.tables, hands);
        self.at_once(&mut branches, keys, there).await?;
        self.one_after_the_other(&mut branches[0], &[across, last].concat(), there).await?;
        close(branches).await;
        Ok(())
    }

    /// Each connection its own. All are heard out: what one has done stays done.
    async fn at_once(self, branches: &mut [PgConnection], hands: Vec<Vec<&Entry>>, there: &mut HashSet<i64>) -> Result<(), Stopped> {
        let work = branches.iter_mut().zip(&hands).map(async |(branch, hand)| {
            let mut made = HashSet::new();
            let ended = self.one_after_the_other(branch, hand, &mut made).await;
            (made, ended)
        });
        let mut outcome = Ok(());
        for (made, ended) in join_all(work).await {
            there.extend(made);
            outcome = outcome.and(ended.map_err(Stopped::from));
        }
        outcome
    }

    /// In transactions that leave room for the locks of others. Adds to `there` the entries' numbers.
    pub(crate) async fn one_after_the_other(
        self,
        branch: &mut PgConnection,
        entries: &[&Entry],
        there: &mut HashSet<i64>,
    ) -> Result<(), sqlx::Error> {
        let most = match entries.len() {
            0..=FEWEST_ENTRIES => FEWEST_ENTRIES,
            _ => entries_of_a_transaction(sqlx::query_scalar(concat!("select ", room_for_locks!())).fetch_one(&mut *branch).await?),
        };
        for some in entries.chunks(most) {
            self.in_one_transaction(branch, begin(), some).await?;
            there.extend(some.iter().map(|entry| entry.id));
        }
        Ok(())
    }

    pub(super) async fn in_one_transaction(self, branch: &mut PgConnection, begin: String, entries: &[&Entry]) -> Result<(), sqlx::Error> {
        run(branch, begin).await?;
        let (mut message, mut count) = (String::new(), 0);
        for entry in entries {
            message.push_str(&entry.definition);
            message.push('\n');
            count += 1;
            if message.len() >= MESSAGE {
                self.send(branch, &mut message, &mut count).await?;
            }
        }
        self.send(branch, &mut message, &mut count).await?;
        run(branch, "commit").await
    }

    async fn send(self, branch: &mut PgConnection, message: &mut String, count: &mut u64) -> Result<(), sqlx::Error> {
        run(branch, std::mem::take(message)).await?;
        self.meter.add(std::mem::take(count));
        Ok(())
    }
}

/// Why it does not go this way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    #[error(transparent)]
    NotConnected(#[from] BuildError),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

#[cfg(test)]
mod tests {
    use super::{entries_of_a_transaction, is_plain};
    use crate::schema::archive::Entry;

    #[test]
    fn what_a_dump_sets_something_for_is_not_plain() {
        let table = |method: &str| Entry { kind: "TABLE".to_owned(), access_method: Some(method.to_owned()), ..Entry::default() };
        assert!(is_plain(&[table("heap"), Entry::default()]));
        assert!(!is_plain(&[table("heap"), table("columnar")]));
        assert!(!is_plain(&[Entry { definition: "comment 'caf\u{fffd}'".to_owned(), ..Entry::default() }]));
    }
    #[test]
    fn transactions_are_as_big_as_the_servers_table_of_locks_lets_them() {
        // As PostgreSQL comes: 64 for each of 100 connections.
        assert_eq!(entries_of_a_transaction(64 * 100), 100);
        assert_eq!(entries_of_a_transaction(10 * 20), 10);
        assert_eq!(entries_of_a_transaction(1024 * 1000), 1000);
    }
}
