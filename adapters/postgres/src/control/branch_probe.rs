//! How databases of branches are doing, as the server itself tells.

use super::error::store;
use crate::data::PgBranchDatabases;
use async_trait::async_trait;
use domain::branch::DatabaseName;
use ports::driven::{BranchHealth, BranchProbe, StoreError};
use sqlx::PgPool;
use std::sync::Arc;
use time::OffsetDateTime;

/// Looks from the metadata database: one query, and no connection to the branch's.
#[derive(Debug)]
pub struct PgBranchProbe {
    pool: PgPool,
    databases: Arc<PgBranchDatabases>,
}

impl PgBranchProbe {
    /// A probe over the admin's connections, and over what this replica serves.
    pub fn new(pool: PgPool, databases: Arc<PgBranchDatabases>) -> Self {
        Self { pool, databases }
    }
}

#[derive(sqlx::FromRow)]
struct Seen {
    reachable: bool,
    size_bytes: Option<i64>,
    connections: i64,
    now: OffsetDateTime,
}

#[async_trait]
impl BranchProbe for PgBranchProbe {
    async fn probe(&self, database: &DatabaseName) -> Result<BranchHealth, StoreError> {
        // The size is told to whom may connect, or to who may see all statistics. An interrupted DROP leaves a limit of -2: nothing can be done with it.
        let seen: Option<Seen> = sqlx::query_as(
            "select d.datallowconn and d.datconnlimit <> -2 as reachable,
                    case when has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage') then pg_database_size(d.oid) end
                        as size_bytes,
                    (select count(*) from pg_stat_activity a where a.datid = d.oid and a.usesysid is not null) as connections,
                    clock_timestamp() as now
               from pg_database d where d.datname = $1",
        )
        .bind(database.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(store)?;
        let Some(seen) = seen else { return Ok(BranchHealth { reachable: false, size_bytes: None, connections: None, last_used_at: None }) };
        Ok(BranchHealth {
            reachable: seen.reachable,
            size_bytes: seen.size_bytes.map(i64::unsigned_abs),
            connections: Some(seen.connections.unsigned_abs()),
            last_used_at: self.databases.unused_for(database).map(|idle| seen.now - idle),
        })
    }
}
