//! What `/metrics` tells of the moment: connections, the audit trail's queue, branches and operations.

use super::wiring::House;
use crate::config::Settings;
use http_api::RenderMetrics;
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use postgres::{
    control::{PgAuditLog, census},
    data::PgBranchDatabases,
};
use sqlx::PgPool;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// How often branches and operations are counted, and what was timed is put in order.
const EVERY: Duration = Duration::from_secs(15);

/// What is looked at.
#[derive(Clone)]
pub(super) struct Gauges {
    handle: PrometheusHandle,
    databases: Arc<PgBranchDatabases>,
    control_pool: PgPool,
    audit: Arc<PgAuditLog>,
    max_connections: u32,
}

impl Gauges {
    /// Looks at a house.
    pub(super) fn of(house: &House, settings: &Settings, handle: PrometheusHandle) -> Self {
        Self {
            handle,
            databases: house.databases.clone(),
            control_pool: house.control_pool.clone(),
            audit: house.audit.clone(),
            max_connections: settings.database.max_connections.get(),
        }
    }

    /// What answers `/metrics`.
    pub(super) fn renderer(self) -> RenderMetrics {
        Arc::new(move || {
            self.look();
            self.handle.render()
        })
    }

    fn look(&self) {
        let data = self.databases.connections();
        connections("data", data.open, data.idle);
        let (open, idle) = (self.control_pool.size() as usize, self.control_pool.num_idle());
        connections("control", open, idle);
        gauge!("fluxbase_connections_max", "pool" => "data").set(f64::from(self.max_connections));
        gauge!("fluxbase_connections_max", "pool" => "control").set(f64::from(self.control_pool.options().get_max_connections()));
        gauge!("fluxbase_audit_queue").set(number(self.audit.waiting()));
    }

    /// Counts what lies in the database, until dropped.
    pub(super) async fn keep_counting(self) {
        let mut known = HashMap::new();
        loop {
            self.handle.run_upkeep();
            match census(&self.control_pool).await {
                Ok(census) => {
                    // What is no more is none, not what it was.
                    for count in known.values_mut() {
                        *count = 0;
                    }
                    known.extend(census.branches.into_iter().map(|(status, count)| ((None, status), count)));
                    known.extend(census.operations.into_iter().map(|(kind, status, count)| ((Some(kind), status), count)));
                    known.iter().for_each(tell);
                }
                Err(error) => tracing::debug!(%error, "branches and operations could not be counted"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

fn tell(((kind, status), count): (&(Option<String>, String), &i64)) {
    let gauge = match kind {
        None => gauge!("fluxbase_branches", "status" => status.clone()),
        Some(kind) => gauge!("fluxbase_operations", "kind" => kind.clone(), "status" => status.clone()),
    };
    gauge.set(number(usize::try_from(*count).unwrap_or(0)));
}

fn connections(pool: &'static str, open: usize, idle: usize) {
    gauge!("fluxbase_connections", "pool" => pool, "state" => "idle").set(number(idle));
    gauge!("fluxbase_connections", "pool" => pool, "state" => "in_use").set(number(open.saturating_sub(idle)));
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
