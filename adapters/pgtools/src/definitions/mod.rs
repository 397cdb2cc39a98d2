//! Definitions: dumped from the parent in one snapshot, restored into the branch by its owner, or by the admin where only a superuser can make them.

mod arrange;
pub(crate) mod by_admin;
pub(crate) mod default_grants;
mod dependents;
pub(crate) mod dump;
pub(crate) mod empty;
pub(crate) mod encoding;
pub(crate) mod event_triggers;
pub(crate) mod grants;
pub(crate) mod inventory;
pub(crate) mod labels;
pub(crate) mod left_behind;
pub(crate) mod materialized;
pub(crate) mod needs_superuser;
pub(crate) mod never_copied;
mod over_rows;
mod own_path;
pub(crate) mod past_policies;
mod restore;
mod toc;
pub(crate) mod uncopied;

use crate::{
    child::{self, ChildError},
    connect::{APPLICATION, run, tell_child},
    copy::{leader::Table, server_load::Load, streams},
    error::{NO_ROOM_FOR_LOCKS, WAY_TO_LOCKS, from_sql, refused, retryable},
    meter::Meter,
    schema::archive::{self, Entry},
    settings::Settings,
};
use arrange::Relations;
use domain::{branch::OWNER_ROLE, privacy::without_likely_values, table::QualifiedName};
use left_behind::LeftBehind;
use needs_superuser::{By, Privileged};
use over_rows::Copied;
use ports::driven::{BuildError, BuildRequest, LoginPurpose};
use restore::Restore;
use sqlx::Connection;
use std::{
    collections::{HashMap, HashSet},
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
};
use toc::Contents;

/// How a section is restored.
enum Way<'a> {
    /// One after the other in one transaction, as far as the server has room for its locks.
    AtOnce,
    /// The same, but for what belongs to different tables: that is made at the same time.
    SideBySide,
    /// Each statement by itself.
    OneByOne,
    /// So many statements at the same time, over these tables, with rests.
    InParallel(usize, &'a [Copied<'a>], &'a Load),
}

/// A schema-only dump. It lies in memory: no rows are in it, and nothing is left on disk when the process is killed.
pub(crate) struct Definitions {
    archive: Vec<u8>,
    entries: Vec<Entry>,
    /// What of it is relations.
    relations: Relations,
    /// Whether the owner's part goes without `pg_restore`.
    is_plain: bool,
    pub(crate) contents: Contents,
}

impl Definitions {
    /// Reads the dump's table of contents. `schemas` exist in the branch already.
    pub(crate) fn open(archive: Vec<u8>, schemas: &[&str], privileged: &Privileged, left: &LeftBehind) -> Result<Self, BuildError> {
        let entries = archive::entries(&archive).map_err(|error| refused("dump_unreadable", format!("reading pg_dump's output: {error}")))?;
        let (contents, relations) = (Contents::sort(&entries, schemas, (privileged, left)), Relations::of(&entries));
        Ok(Self { archive, is_plain: restore::is_plain(&entries), entries, relations, contents })
    }

    /// Types, tables, functions, views: what rows need to be there.
    pub(crate) async fn restore_before_rows(&self, settings: &Settings, request: &BuildRequest, meter: &Meter) -> Result<(), BuildError> {
        for run in &self.contents.before_rows {
            self.restore(settings, request, run.by, &run.ids, Way::SideBySide, meter).await?;
            if !run.then.is_empty() {
                self.give_to_owner(settings, request, &run.then).await?;
            }
        }
        Ok(())
    }

    async fn give_to_owner(&self, settings: &Settings, request: &BuildRequest, statements: &[String]) -> Result<(), BuildError> {
        let mut admin = settings.admin_in(&request.target.database).await?;
        run(&mut admin, statements.join("; ")).await.map_err(|error| from_sql("giving the branch's owner what a superuser made", error))?;
        let _ = admin.close().await;
        Ok(())
    }

    /// Indexes, constraints, triggers, rules: every key is checked as it is made. Over many rows several are made at the same time. Gives the tables that were
    /// looked through meanwhile: their rows are as many as were copied, and have statistics.
    pub(crate) async fn restore_after_rows(
        &self,
        settings: &Settings,
        request: &BuildRequest,
        (copied, streams): (&[(Table, u64)], usize),
        (meter, load): (&Meter, &Load),
    ) -> Result<HashSet<i64>, BuildError> {
        let copied_entries = self.copied(copied);
        let way = if streams::are_many_rows(copied.iter().map(|(table, _)| table)) {
            Way::InParallel(streams, &copied_entries, load)
        } else {
            Way::SideBySide
        };
        let there = self.restore(settings, request, By::Owner, &self.contents.after_rows, way, meter).await?;
        self.restore(settings, request, By::Admin, &self.contents.by_admin, Way::AtOnce, meter).await?;
        Ok(copied_entries.iter().filter(|copied| there.contains(&copied.look())).map(|copied| copied.table.oid).collect())
    }

    /// The statement that `pg_restore` complained of, and the tables that it is over.
    pub(crate) fn named_in(&self, message: &str) -> Option<(&str, Vec<QualifiedName>)> {
        let (_, rest) = message.split_once("from TOC entry ")?;
        let id: i64 = rest.split(';').next()?.parse().ok()?;
        let entry = self.entries.iter().find(|entry| entry.id == id)?;
        let tables = self.entries.iter().filter(|table| table.kind == "TABLE" && entry.requires.contains(&table.id));
        let tables = tables.map(|table| QualifiedName::new(table.schema.clone().unwrap_or_default(), &table.tag));
        Some((&entry.definition, tables.collect()))
    }

    /// The tables that were copied, with their entries.
    fn copied<'a>(&self, copied: &'a [(Table, u64)]) -> Vec<Copied<'a>> {
        let tables: HashMap<i64, (&Table, u64)> = copied.iter().map(|(table, rows)| (table.oid, (table, *rows))).collect();
        let entries = self.entries.iter().filter(|entry| entry.kind == "TABLE");
        let copied = |entry: &Entry| tables.get(&i64::from(entry.object)).map(|&(table, rows)| Copied { id: entry.id, table, rows });
        entries.filter_map(copied).collect()
    }

    /// Policies, and the tables that keep them.
    pub(crate) async fn restore_policies(&self, settings: &Settings, request: &BuildRequest, meter: &Meter) -> Result<(), BuildError> {
        self.restore(settings, request, By::Owner, &self.contents.policies, Way::AtOnce, meter).await.map(drop)
    }

    /// Gives what was done without `pg_restore`.
    async fn restore(
        &self,
        settings: &Settings,
        request: &BuildRequest,
        by: By,
        ids: &[i64],
        way: Way<'_>,
        meter: &Meter,
    ) -> Result<HashSet<i64>, BuildError> {
        let there = self.restore_quickly(settings, request, by, ids, &way, meter).await;
        let left: Vec<i64> = ids.iter().copied().filter(|id| !there.contains(id)).collect();
        if left.is_empty() {
            return Ok(there);
        }
        let (memory, in_one_transaction) = restore::limits(settings, &request.target.database).await?;
        let way = match way {
            // One transaction is much quicker, and holds the locks of all of them.
            Way::AtOnce | Way::SideBySide if left.len() > in_one_transaction => Way::OneByOne,
            way => way,
        };
        match self.restore_once(settings, request, (by, &memory), &left, &way, meter).await {
            // It came to nothing as a whole.
            Err(ChildError::Failed(said)) if said.contains(NO_ROOM_FOR_LOCKS) && matches!(way, Way::AtOnce | Way::SideBySide) => {
                self.restore_once(settings, request, (by, &memory), &left, &Way::OneByOne, meter).await
            }
            outcome => outcome,
        }
        .map_err(|error| failed("restoring the parent's definitions", &error))?;
        Ok(there)
    }

    /// Restores what can be without `pg_restore`. Gives what is there.
    async fn restore_quickly(&self, settings: &Settings, request: &BuildRequest, by: By, ids: &[i64], way: &Way<'_>, meter: &Meter) -> HashSet<i64> {
        if ids.is_empty() || by == By::Admin || !self.is_plain {
            return HashSet::new();
        }
        let wanted: HashSet<i64> = ids.iter().copied().collect();
        let entries: Vec<&Entry> = self.entries.iter().filter(|entry| wanted.contains(&entry.id)).collect();
        let found_no_name = AtomicBool::new(false);
        let restore = Restore { settings, database: &request.target.database, meter, found_no_name: &found_no_name };
        let mut there = match way {
            Way::AtOnce => restore.all(&entries).await,
            Way::SideBySide => restore.side_by_side(&entries, &self.relations).await,
            Way::InParallel(hands, copied, load) => over_rows::restore((restore, load), &entries, &self.relations, copied, *hands).await,
            Way::OneByOne => HashSet::new(),
        };
        if found_no_name.load(Ordering::Relaxed) {
            let left: Vec<&Entry> = entries.into_iter().filter(|entry| !there.contains(&entry.id)).collect();
            there.extend(restore.by_own_path(&left).await);
        }
        there
    }

    async fn restore_once(
        &self,
        settings: &Settings,
        request: &BuildRequest,
        (by, memory): (By, &str),
        ids: &[i64],
        way: &Way<'_>,
        meter: &Meter,
    ) -> Result<(), ChildError> {
        let list: Vec<_> = ids.iter().map(|id| format!("{id};")).collect();
        let mut entries = tempfile::NamedTempFile::new().map_err(ChildError::NotRun)?;
        entries.write_all(list.join("\n").as_bytes()).map_err(ChildError::NotRun)?;
        let mut command = child::command(&settings.tools.pg_restore);
        let options = format!(
            "-c synchronous_commit=off -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 \
             -c default_transaction_read_only=off -c array_nulls=on -c client_min_messages=warning -c jit=off -c max_parallel_maintenance_workers=0 \
             -c maintenance_work_mem={memory}"
        );
        let login = match by {
            By::Owner => settings.login(LoginPurpose::Builder, &request.target.database),
            By::Admin => settings.admin.clone(),
        };
        tell_child(&mut command, &settings.server, &login, (&options, APPLICATION));
        command.arg(format!("--dbname={}", connection_string(request.target.database.as_str())));
        command.args(["--no-owner", "--no-privileges", "--no-tablespaces", "--exit-on-error", "--verbose"]);
        if by == By::Owner {
            command.arg(format!("--role={OWNER_ROLE}"));
        }
        command.arg("--use-list").arg(entries.path());
        // Several workers read the dump wherever they need it: it has to be a file. No rows are in it.
        let mut file = tempfile::NamedTempFile::new().map_err(ChildError::NotRun)?;
        let mut input = &self.archive[..];
        match way {
            Way::AtOnce | Way::SideBySide => drop(command.arg("--single-transaction")),
            Way::OneByOne => {}
            Way::InParallel(jobs, ..) => {
                file.write_all(&self.archive).map_err(ChildError::NotRun)?;
                command.arg(format!("--jobs={jobs}")).arg(file.path());
                input = &[];
            }
        }
        let heard = |line: &str| {
            let created = line.starts_with("pg_restore: creating ");
            meter.add(u64::from(created));
            created
        };
        child::run(command, input, heard).await.map(|_| ())
    }
}

/// A name by itself would be taken apart where it holds a `=`.
fn connection_string(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', r"\\").replace('\'', r"\'"))
}

/// What the programs say is text, and may be of rows where these are there already; what speaks of the moment may be tried again.
fn failed(doing: &str, error: &ChildError) -> BuildError {
    const OF_THE_MOMENT: [&str; 9] =
        ["connection", "terminat", "timeout", "deadlock", "No space left", NO_ROOM_FOR_LOCKS, "out of memory", "shutting down", "starting up"];
    match error {
        ChildError::NotRun(cause) => retryable(format!("{doing}: the program could not be run: {cause}")),
        ChildError::Failed(said) if said.contains(NO_ROOM_FOR_LOCKS) => retryable(format!("{doing}: {}{WAY_TO_LOCKS}", shown(said))),
        ChildError::Failed(said) if OF_THE_MOMENT.iter().any(|sign| said.contains(sign)) => retryable(format!("{doing}: {}", shown(said))),
        ChildError::Failed(said) => refused("definitions_refused", format!("{doing}: {}", shown(said))),
    }
}

/// One complaint after the other, without values.
fn shown(said: &str) -> String {
    said.split("; ").map(without_likely_values).collect::<Vec<_>>().join("; ")
}
