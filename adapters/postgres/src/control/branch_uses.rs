//! When branches were last used, for all replicas.

use super::error::store;
use crate::data::PgBranchDatabases;
use domain::BranchId;
use ports::driven::StoreError;
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

/// How often what was asked of this replica is written down: so much later the others know of it.
const EVERY: Duration = Duration::from_mins(1);

/// Writes down, once a minute and on nobody's request, which branches this replica was asked for since.
#[derive(Debug)]
pub struct PgBranchUses {
    pool: PgPool,
    databases: Arc<PgBranchDatabases>,
}

impl PgBranchUses {
    /// Over the control plane's connections, and over what this replica serves.
    pub fn new(pool: PgPool, databases: Arc<PgBranchDatabases>) -> Self {
        Self { pool, databases }
    }

    /// Writes down what was used, until dropped.
    pub async fn keep(self) {
        let mut rounds = interval(EVERY);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            if let Err(error) = self.note().await {
                tracing::warn!(%error, "could not write down which branches are in use; trying again in a minute");
            }
        }
    }

    /// Writes down what was used since it was last written down. What could not be is kept for the next time.
    pub async fn note(&self) -> Result<(), StoreError> {
        let uses = self.databases.take_uses();
        if uses.is_empty() {
            return Ok(());
        }
        let (ids, idle): (Vec<Uuid>, Vec<f64>) = uses.iter().map(|(branch, at)| (branch.as_uuid(), at.elapsed().as_secs_f64())).unzip();
        // In one order, so that two replicas do not wait for each other. An earlier use never takes the place of a later one.
        let written = sqlx::query(
            "insert into branching.branch_uses as known (branch_id, last_used_at)
             select used.id, clock_timestamp() - make_interval(secs => used.idle)
               from unnest($1::uuid[], $2::float8[]) as used (id, idle)
              where exists (select from branching.branches where branches.id = used.id)
              order by used.id
             on conflict (branch_id) do update set last_used_at = excluded.last_used_at where excluded.last_used_at > known.last_used_at",
        )
        .bind(ids)
        .bind(idle)
        .execute(&self.pool)
        .await;
        match written {
            Ok(_) => Ok(()),
            Err(error) => {
                self.databases.keep_uses(uses);
                Err(store(error))
            }
        }
    }

    /// When a branch was last used: by what was written down, or by what this replica was asked for since.
    pub(super) async fn last_used(&self, branch: BranchId) -> Result<Option<OffsetDateTime>, StoreError> {
        let (now, noted): (OffsetDateTime, Option<OffsetDateTime>) =
            sqlx::query_as("select clock_timestamp(), (select last_used_at from branching.branch_uses where branch_id = $1)")
                .bind(branch.as_uuid())
                .fetch_one(&self.pool)
                .await
                .map_err(store)?;
        Ok(noted.max(self.databases.last_use(branch).map(|at| now - at.elapsed())))
    }
}
