//! That this replica lives, told to the others by an advisory lock that goes when its connection goes.

use super::error::store;
use ports::driven::{PRESENT, StoreError};
use sqlx::{Connection, PgConnection, PgPool};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio_util::task::AbortOnDropHandle;

const HEARTBEAT: Duration = Duration::from_secs(2);
const BACK_OFF: Duration = Duration::from_millis(500);
/// No presence has this number.
const NONE: i64 = 0;

/// A replica's sign that it is alive: a numbered lock, held over a connection of its own until this is dropped or the process is gone.
///
/// Claims on operations bear the number. Once the lock is free, so are they, and after a crash nobody has to wait for a lease to run out. It shortens that
/// wait and does nothing else: what a replica writes under an old claim is refused by the claim's fence.
pub struct Presence {
    number: Arc<AtomicI64>,
    _task: AbortOnDropHandle<()>,
}

impl Presence {
    /// Makes this replica present over a connection of its own.
    pub async fn begin(pool: PgPool) -> Result<Self, StoreError> {
        let (connection, number) = hold(&pool).await.map_err(store)?;
        let told = Arc::new(AtomicI64::new(number));
        let task = tokio::spawn(keep(pool, connection, Arc::clone(&told)));
        Ok(Self { number: told, _task: AbortOnDropHandle::new(task) })
    }

    /// The lock that is held now; `None` while the connection is lost, when leases alone tell.
    pub(super) fn number(&self) -> Option<i64> {
        Some(self.number.load(Ordering::Acquire)).filter(|number| *number != NONE)
    }
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").finish_non_exhaustive()
    }
}

/// A fresh number each time: what was claimed under a lost one is not ours any more. By the other lock replicas are counted.
async fn hold(pool: &PgPool) -> Result<(PgConnection, i64), sqlx::Error> {
    let mut connection = pool.acquire().await?.detach();
    let number = rand::random::<i64>() | 1;
    // Pools may have a timeout for statements or for idle sessions: this one idles for its whole life.
    sqlx::raw_sql("set idle_session_timeout = 0").execute(&mut connection).await?;
    sqlx::query("select pg_advisory_lock($1), pg_advisory_lock_shared(hashtextextended($2, 0))")
        .bind(number)
        .bind(PRESENT)
        .execute(&mut connection)
        .await?;
    Ok((connection, number))
}

async fn keep(pool: PgPool, mut connection: PgConnection, told: Arc<AtomicI64>) {
    loop {
        while connection.ping().await.is_ok() {
            tokio::time::sleep(HEARTBEAT).await;
        }
        told.store(NONE, Ordering::Release);
        connection = loop {
            match hold(&pool).await {
                Ok((connection, number)) => {
                    told.store(number, Ordering::Release);
                    break connection;
                }
                Err(sqlx::Error::PoolClosed) => return,
                Err(error) => tracing::debug!(%error, "this replica cannot show that it lives for the moment"),
            }
            tokio::time::sleep(BACK_OFF).await;
        };
    }
}
