//! [`PgSchemas`]: schemas as PostgreSQL's own dump tells them.

use super::{
    archive, assemble,
    cache::{Cache, Key},
    facts, text,
};
use crate::{
    child::ChildError,
    connect::{APPLICATION, major, run},
    definitions::{dump, never_copied::control_schemas},
    error::{denied, from_sql, refused, retryable},
    hex::hex,
    settings::{LEDGER_SCHEMA, Settings},
    stock::DEFINITIONS,
};
use async_trait::async_trait;
use domain::schema::{Fingerprint, ObjectMap, SchemaSnapshot};
use futures_util::TryFutureExt;
use ports::driven::{BuildError, DatabasePlace, Readings, SchemaReader};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// A table that somebody alters is waited for so often.
const ATTEMPTS: u32 = 8;

/// A text that is another one after any change that a diff could tell, or that decides what its script can do, and the same in a copy by TEMPLATE.
static TOKEN: LazyLock<String> = LazyLock::new(|| format!("select concat_ws(' ', {},\n{})", DEFINITIONS.as_str(), include_str!("sql/token.sql")));

/// How many looks at a time: each is a connection, and whoever asks for a branch or a diff asks for one or two.
const LOOKS: usize = 8;

/// Of them, how many dump: others find in the cache meanwhile what they wait for.
const DUMPS: usize = 2;

/// How long a branch may take to be dumped: seconds are usual for ten thousand tables. Others wait for their turn, and whoever owns the branch can lock what a dump
/// looks at for as long as they like: `pg_dump`'s own limit is for tables alone.
const PATIENCE: Duration = Duration::from_mins(1);

/// The same of main, which is nobody's plaything.
const PATIENCE_WITH_MAIN: Duration = Duration::from_mins(10);

/// Reads schemas of databases on one server, and tries scripts out on copies of them.
pub struct PgSchemas {
    pub(super) settings: Settings,
    /// Schemas whose objects are made by ourselves, the same in every branch.
    ours: Vec<String>,
    cache: Cache,
    looks: Arc<Semaphore>,
    dumps: Semaphore,
    patience: Duration,
}

/// A database, held still.
struct Held {
    connection: PgConnection,
    key: Key,
    look: OwnedSemaphorePermit,
}

impl Held {
    async fn let_go(self) {
        let _ = self.connection.close().await;
    }
}

impl PgSchemas {
    /// A reader. `ours` are the schemas, beside the control plane's, that our own migrations fill.
    pub fn new(settings: Settings, ours: Vec<String>) -> Self {
        Self { settings, ours, cache: Cache::default(), looks: Arc::new(Semaphore::new(LOOKS)), dumps: Semaphore::new(DUMPS), patience: PATIENCE }
    }

    /// The same, that waits so long for a branch to be dumped instead of a minute.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Waits until there may be so many looks more, all at once: who waits holds none.
    async fn look(&self, looks: u32) -> OwnedSemaphorePermit {
        Arc::clone(&self.looks).acquire_many_owned(looks).await.expect("it is never closed")
    }

    /// Begins a snapshot and asks for its change token.
    async fn hold(&self, of: &DatabasePlace) -> Result<Held, BuildError> {
        self.hold_within(of, self.look(1).await).await
    }

    async fn hold_within(&self, of: &DatabasePlace, look: OwnedSemaphorePermit) -> Result<Held, BuildError> {
        let mut connection = self.settings.reader_in(&of.database, of.is_main, APPLICATION).await?;
        run(&mut connection, "begin isolation level repeatable read read only; set local lock_timeout = '3s'").await.map_err(reading)?;
        let token: String =
            sqlx::query_scalar(AssertSqlSafe(TOKEN.as_str())).bind(&self.settings.admin.user).fetch_one(&mut connection).await.map_err(reading)?;
        Ok(Held { connection, key: (token, of.is_main), look })
    }

    /// Reads, from the beginning where somebody alters what is read.
    async fn read_or_again(&self, mut held: Held, of: &DatabasePlace) -> Result<Arc<SchemaSnapshot>, BuildError> {
        let mut attempt = 1;
        loop {
            match self.read_held(held, of).await {
                Err(BuildError::Retryable { .. }) if attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
            held = self.hold(of).await?;
        }
    }

    async fn read_held(&self, held: Held, of: &DatabasePlace) -> Result<Arc<SchemaSnapshot>, BuildError> {
        if let Some(known) = self.cache.reading(&held.key) {
            held.let_go().await;
            return Ok(known);
        }
        let dumping = self.dumps.acquire().await.expect("it is never closed");
        if let Some(known) = self.cache.reading(&held.key) {
            held.let_go().await;
            return Ok(known);
        }
        let Held { mut connection, key, look } = held;
        let mut excluded = control_schemas(&mut connection, of.is_main).await?;
        excluded.push(LEDGER_SCHEMA.to_owned());
        excluded.extend_from_slice(&self.ours);
        let snapshot = dump::Snapshot::of(&mut connection).await.map_err(reading)?;
        let meta = facts::meta(&mut connection, &excluded, &self.settings.admin.user).await?;
        let dump = dump::definitions(&self.settings, (&of.database, of.is_main, APPLICATION), &snapshot, &excluded, &["--compress=0"]);
        let reading = async { tokio::try_join!(dump.map_err(|error| dump_failed(&error, of.is_main)), facts::read(&mut connection, &meta)) };
        let patience = if of.is_main { PATIENCE_WITH_MAIN } else { self.patience };
        let (archive, facts) = {
            let mut reading = std::pin::pin!(reading);
            match timeout(patience, reading.as_mut()).await {
                Ok(read) => read?,
                // While it still waits.
                Err(_) => return Err(too_slow(of, patience, &self.holders(of).await)),
            }
        };
        let server = major(&connection);
        let _ = connection.close().await;
        drop((dumping, look));
        let entries = archive::entries(&archive).map_err(|error| refused("dump_unreadable", format!("reading pg_dump's output: {error}")))?;
        let map = assemble::object_map(entries, &meta);
        let reading = Arc::new(SchemaSnapshot { fingerprint: fingerprint(&map, server), map, facts });
        self.cache.keep(key, &reading);
        Ok(reading)
    }
}

impl PgSchemas {
    /// The sessions that hold what a dump waits for, as far as the server tells.
    async fn holders(&self, of: &DatabasePlace) -> Vec<i32> {
        let Ok(mut connection) = self.settings.reader_in(&of.database, of.is_main, APPLICATION).await else { return Vec::new() };
        let holders = sqlx::query_scalar(include_str!("sql/holders.sql")).fetch_all(&mut connection).await.unwrap_or_default();
        let _ = connection.close().await;
        holders
    }
}

#[async_trait]
impl SchemaReader for PgSchemas {
    async fn fingerprint(&self, of: &DatabasePlace) -> Result<Fingerprint, BuildError> {
        let held = self.hold(of).await?;
        if let Some(known) = self.cache.fingerprint(&held.key) {
            held.let_go().await;
            return Ok(known);
        }
        Ok(self.read_or_again(held, of).await?.fingerprint.clone())
    }

    async fn read(&self, of: &DatabasePlace) -> Result<Arc<SchemaSnapshot>, BuildError> {
        self.read_or_again(self.hold(of).await?, of).await
    }

    fn unified_text(&self, target: &ObjectMap, source: &ObjectMap) -> String {
        text::unified(target, source)
    }

    async fn both(&self, target: &DatabasePlace, source: &DatabasePlace) -> Result<Readings, BuildError> {
        let (held_target, held_source) = {
            let mut look = self.look(2).await;
            let other = look.split(1).expect("there are two");
            tokio::try_join!(self.hold_within(target, look), self.hold_within(source, other))?
        };
        let known = |held: &Held| self.cache.fingerprint(&held.key);
        if let (Some(of_target), Some(of_source)) = (known(&held_target), known(&held_source))
            && of_target == of_source
        {
            tokio::join!(held_target.let_go(), held_source.let_go());
            return Ok(Readings::Equal(of_source));
        }
        let (target, source) = tokio::try_join!(self.read_or_again(held_target, target), self.read_or_again(held_source, source))?;
        if target.fingerprint == source.fingerprint {
            return Ok(Readings::Equal(source.fingerprint.clone()));
        }
        Ok(Readings::Unequal { target, source })
    }
}

/// Another number whenever schemas are read otherwise: what was recorded of one before tells nothing of it then.
const READER: u32 = 3;

fn fingerprint(map: &ObjectMap, server: u32) -> Fingerprint {
    Fingerprint::from_text(format!("{READER}.{server}-{}", hex(&Sha256::digest(map.canonical_text()))))
}

/// A dump fails for what goes away or is locked under its hands; what it may never do does not get better by trying.
fn dump_failed(error: &ChildError, is_main: bool) -> BuildError {
    match error {
        ChildError::NotRun(cause) => refused("tool_missing", format!("pg_dump could not be run: {cause}")),
        ChildError::Failed(said) if said.contains("permission denied") => denied("reading the schema", said, is_main),
        ChildError::Failed(said) if said.contains("version mismatch") => refused("wrong_tool", format!("reading the schema: {said}")),
        ChildError::Failed(said) => retryable(format!("reading the schema: {said}")),
    }
}

fn too_slow(of: &DatabasePlace, patience: Duration, holders: &[i32]) -> BuildError {
    let message = format!("reading the schema of '{}' took longer than {} s", of.database, patience.as_secs());
    let why = match holders {
        [] => "somebody may hold a lock on one of its views or tables; look into pg_locks, end that transaction and try again".to_owned(),
        [one] => format!("session {one} holds a lock that it waits for; end its transaction and try again"),
        more => {
            let all: Vec<String> = more.iter().map(i32::to_string).collect();
            format!("sessions {} hold locks that it waits for; end their transactions and try again", all.join(", "))
        }
    };
    refused("schema_locked", format!("{message}: {why}"))
}

fn reading(error: sqlx::Error) -> BuildError {
    from_sql("reading a schema", error)
}
