//! Whether requests can be answered now.

use async_trait::async_trait;
use embedded::ClusterState;
use http_api::Readiness;
use sqlx::PgPool;
use std::time::Duration;
use tokio::sync::watch;

/// Asks the metadata database, and the embedded cluster's supervisor where there is one.
pub(super) struct DatabaseReadiness {
    pool: PgPool,
    cluster: Option<watch::Receiver<ClusterState>>,
}

impl DatabaseReadiness {
    pub(super) fn new(pool: PgPool, cluster: Option<watch::Receiver<ClusterState>>) -> Self {
        Self { pool, cluster }
    }
}

#[async_trait]
impl Readiness for DatabaseReadiness {
    async fn ready(&self) -> Result<(), String> {
        if let Some(cluster) = &self.cluster
            && !matches!(*cluster.borrow(), ClusterState::Running { .. })
        {
            return Err("the embedded PostgreSQL is being started".to_owned());
        }
        let answer = tokio::time::timeout(Duration::from_secs(2), sqlx::query("select 1").execute(&self.pool)).await;
        match answer {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err("the database cannot be reached".to_owned()),
            Err(_) => Err("the database does not answer".to_owned()),
        }
    }
}
