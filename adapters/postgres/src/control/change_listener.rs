//! One connection that hears of changes made by other replicas, and by hand.

use super::{PgBranchDirectory, PgKeyDirectory, PgOperationSignals, PgSessionDirectory};
use sqlx::{
    PgPool,
    postgres::{PgListener, PgNotification},
};
use std::{fmt, sync::Arc, time::Duration};
use tokio_util::task::AbortOnDropHandle;

const BRANCHES: &str = "fluxbase_branches";
const KEYS: &str = "fluxbase_keys";
/// Payload: the session that ended.
pub(super) const SESSIONS: &str = "fluxbase_sessions";
const OPERATIONS: &str = "fluxbase_operations";
const BACK_OFF: Duration = Duration::from_millis(500);

/// Listens until it is dropped. Directories are right without it too, within a second; with it, at once.
pub struct ChangeListener {
    _task: AbortOnDropHandle<()>,
}

impl ChangeListener {
    /// Listens over one connection of the pool and passes on what it hears.
    pub fn start(
        pool: PgPool,
        branches: Arc<PgBranchDirectory>,
        keys: Arc<PgKeyDirectory>,
        sessions: Arc<PgSessionDirectory>,
        signals: Arc<PgOperationSignals>,
    ) -> Self {
        let ears = Ears { branches, keys, sessions, signals };
        Self { _task: AbortOnDropHandle::new(tokio::spawn(ears.listen_for_ever(pool))) }
    }
}

impl fmt::Debug for ChangeListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeListener").finish_non_exhaustive()
    }
}

struct Ears {
    branches: Arc<PgBranchDirectory>,
    keys: Arc<PgKeyDirectory>,
    sessions: Arc<PgSessionDirectory>,
    signals: Arc<PgOperationSignals>,
}

impl Ears {
    async fn listen_for_ever(self, pool: PgPool) {
        loop {
            match self.listen(&pool).await {
                Err(sqlx::Error::PoolClosed) => return,
                Err(error) => tracing::warn!(%error, "changes are not heard of for the moment"),
                Ok(never) => match never {},
            }
            tokio::time::sleep(BACK_OFF).await;
        }
    }

    async fn listen(&self, pool: &PgPool) -> Result<std::convert::Infallible, sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen_all([BRANCHES, KEYS, SESSIONS, OPERATIONS]).await?;
        loop {
            // What was said while nobody listened is not said again.
            self.anything_may_have_changed();
            while let Some(notification) = listener.try_recv().await? {
                self.hear(&notification);
            }
        }
    }

    fn anything_may_have_changed(&self) {
        self.branches.forget_all();
        self.keys.forget_all();
        self.sessions.forget_all();
        self.signals.ring();
    }

    fn hear(&self, notification: &PgNotification) {
        match notification.channel() {
            BRANCHES => match notification.payload().parse() {
                Ok(id) => self.branches.forget(&[id]),
                Err(_) => self.branches.forget_all(),
            },
            KEYS => match notification.payload().parse() {
                Ok(id) => self.keys.forget(&[id]),
                Err(_) => self.keys.forget_all(),
            },
            SESSIONS => match notification.payload().parse() {
                Ok(id) => self.sessions.forget(&[id]),
                Err(_) => self.sessions.forget_all(),
            },
            _ => self.signals.ring(),
        }
    }
}
