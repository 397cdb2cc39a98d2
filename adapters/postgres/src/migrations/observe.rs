//! What a statement locked and wrote anew, seen from within its transaction.

use domain::migration::documented_locks;
use ports::driven::{LockTaken, Observed};
use sqlx::PgConnection;
use std::collections::HashMap;

/// Lock modes, the weakest first.
const MODES: [&str; 8] = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];

/// Looks at what each statement does, where somebody wants to know.
#[derive(Debug)]
pub(super) struct Observer(Option<Seen>);

impl Observer {
    /// Before the first statement.
    pub(super) async fn begin(wanted: bool, connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        Ok(Self(if wanted { Some(Seen::first(connection).await?) } else { None }))
    }

    /// What the latest statement locked more strongly than before, and what it wrote anew; `None` where nobody wants to know.
    pub(super) async fn look(&mut self, connection: &mut PgConnection) -> Result<Option<Observed>, sqlx::Error> {
        match &mut self.0 {
            Some(seen) => seen.since(connection).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Observer {
    /// What a statement that no transaction held wrote anew, with the locks that are documented of it; `None` where none are, or nobody wants to know.
    pub(super) async fn look_after(&mut self, statement: &str, connection: &mut PgConnection) -> Result<Option<Observed>, sqlx::Error> {
        let (Some(seen), Some(locks)) = (&mut self.0, documented_locks(statement)) else { return Ok(None) };
        let rewrites = seen.rewritten(sqlx::query_as(RELATIONS).persistent(false).fetch_all(connection).await?);
        let locks = locks.into_iter().map(|(relation, mode)| LockTaken { relation, mode: mode.to_owned() }).collect();
        Ok(Some(Observed { locks, rewrites, documented: true }))
    }
}

/// What was there before, and what is held by now.
#[derive(Debug, Default)]
struct Seen {
    relations: HashMap<i64, Relation>,
    held: HashMap<i64, usize>,
}

#[derive(Clone, Debug, sqlx::FromRow)]
struct Relation {
    oid: i64,
    name: String,
    /// Null for what has no rows of its own: views, partitioned tables.
    file: Option<i64>,
    /// Whether it is a table or a materialised view.
    has_rows: bool,
}

#[derive(Debug, sqlx::FromRow)]
struct Held {
    oid: i64,
    mode: String,
}

/// Written so that no search path changes what it means.
const RELATIONS: &str = "
    select c.oid::pg_catalog.int8 as oid, n.nspname::pg_catalog.text operator(pg_catalog.||) '.' operator(pg_catalog.||) c.relname::pg_catalog.text as name,
           pg_catalog.pg_relation_filenode(c.oid)::pg_catalog.int8 as file, c.relkind operator(pg_catalog.=) any (array['r', 'm']::pg_catalog.\"char\"[]) as has_rows
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
     where n.nspname operator(pg_catalog.<>) all (array['pg_catalog', 'information_schema', 'pg_toast', 'fluxbase_migrations']::pg_catalog.name[])";

const HELD: &str = "
    select l.relation::pg_catalog.int8 as oid, l.mode
      from pg_catalog.pg_locks l
     where l.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid() and l.locktype operator(pg_catalog.=) 'relation' and l.granted
       and l.database operator(pg_catalog.=) (select oid from pg_catalog.pg_database where datname operator(pg_catalog.=) pg_catalog.current_database())";

impl Seen {
    async fn first(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let relations: Vec<Relation> = sqlx::query_as(RELATIONS).persistent(false).fetch_all(&mut *connection).await?;
        let mut seen = Self { relations: relations.into_iter().map(|relation| (relation.oid, relation)).collect(), held: HashMap::new() };
        seen.since(connection).await?;
        Ok(seen)
    }

    /// What has other files than before, in the order of names.
    fn rewritten(&mut self, now: Vec<Relation>) -> Vec<String> {
        let mut rewrites = Vec::new();
        for relation in now {
            let known = self.relations.get(&relation.oid);
            if known.is_some_and(|known| known.has_rows && known.file != relation.file) {
                rewrites.push(relation.name.clone());
            }
            self.relations.insert(relation.oid, relation);
        }
        rewrites.sort();
        rewrites
    }

    async fn since(&mut self, connection: &mut PgConnection) -> Result<Observed, sqlx::Error> {
        let held: Vec<Held> = sqlx::query_as(HELD).persistent(false).fetch_all(&mut *connection).await?;
        let mut taken: HashMap<i64, usize> = HashMap::new();
        for lock in held {
            let strength = MODES.iter().position(|mode| *mode == lock.mode).unwrap_or_default();
            let before = self.held.get(&lock.oid).copied();
            if before.is_none_or(|before| before < strength) {
                let strongest = taken.entry(lock.oid).or_default();
                *strongest = strength.max(*strongest);
            }
        }
        let now: Vec<Relation> =
            if taken.is_empty() { Vec::new() } else { sqlx::query_as(RELATIONS).persistent(false).fetch_all(connection).await? };
        let rewrites = self.rewritten(now);
        // What was dropped is no longer listed, and its name still known.
        let mut locks: Vec<LockTaken> = taken
            .iter()
            .filter_map(|(oid, mode)| Some(LockTaken { relation: self.relations.get(oid)?.name.clone(), mode: MODES[*mode].to_owned() }))
            .collect();
        self.held.extend(taken);
        locks.sort_by(|one, other| one.relation.cmp(&other.relation));
        Ok(Observed { locks, rewrites, documented: false })
    }
}
