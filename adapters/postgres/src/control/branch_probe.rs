//! How databases of branches are doing, as the server itself tells.

use super::{branch_uses::PgBranchUses, error::store};
use async_trait::async_trait;
use domain::{BranchId, branch::DatabaseName};
use ports::driven::{BranchProbe, DatabaseHealth, StoreError};
use sqlx::PgPool;
use time::OffsetDateTime;

/// Looks from the metadata database: one query, and no connection to the branch's.
#[derive(Debug)]
pub struct PgBranchProbe {
    pool: PgPool,
    uses: PgBranchUses,
}

impl PgBranchProbe {
    /// A probe over the connections of whoever owns the databases.
    pub fn new(pool: PgPool, uses: PgBranchUses) -> Self {
        Self { pool, uses }
    }
}

#[derive(sqlx::FromRow)]
struct Seen {
    reachable: bool,
    size_bytes: Option<i64>,
    connections: i64,
}

#[async_trait]
impl BranchProbe for PgBranchProbe {
    async fn probe(&self, database: &DatabaseName) -> Result<DatabaseHealth, StoreError> {
        // The size is told to whom may connect, or to who may see all statistics. An interrupted DROP leaves a limit of -2: nothing can be done with it.
        let seen: Option<Seen> = sqlx::query_as(
            "select d.datallowconn and d.datconnlimit <> -2 as reachable,
                    case when has_database_privilege(d.oid, 'connect') or pg_has_role('pg_read_all_stats', 'usage') then pg_database_size(d.oid) end
                        as size_bytes,
                    (select count(*) from pg_stat_activity a where a.datid = d.oid and a.usesysid is not null) as connections
               from pg_database d where d.datname = $1",
        )
        .bind(database.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(store)?;
        let Some(seen) = seen else { return Ok(DatabaseHealth::UNREACHABLE) };
        Ok(DatabaseHealth {
            reachable: seen.reachable,
            size_bytes: seen.size_bytes.map(i64::unsigned_abs),
            connections: Some(seen.connections.unsigned_abs()),
        })
    }

    async fn last_used(&self, branch: BranchId) -> Result<Option<OffsetDateTime>, StoreError> {
        self.uses.last_used(branch).await
    }
}
