//! [`PgWatch`]: what a session of a branch's login may not do to everybody else on the server.

mod blocking;
mod hoarding;
mod locks;
mod prepared;
mod session;

pub(crate) use session::{Reason, Session, end_all, session_columns};

use crate::{database::prepared_transactions::InTheWay, error::retryable, settings::Settings};
use futures_util::future::join3;
use locks::{Guard, Seen};
use ports::driven::BuildError;
use sqlx::{Connection, PgConnection};
use std::{fmt, time::Duration};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// How long whoever works on branches waits for such a session before it is ended, and how often is looked.
const PATIENCE: Duration = Duration::from_secs(1);

/// Watches over the sessions of branches' logins.
///
/// PostgreSQL lets whoever owns a branch lock what belongs to the whole server: a GRANT that grants nothing changes the row of a database all the same, and
/// names a role that is not dropped until the transaction ends. It keeps locks and notifications of all databases in one place of one size, without a limit to
/// what one session takes of it. No work in a branch needs that for long.
pub struct PgWatch {
    settings: Settings,
    limits: WatchLimits,
}

/// How full what all databases share may become before the session of a branch's login that takes most of it is ended, where that is more than its share: 1 is
/// full.
#[derive(Clone, Copy, Debug)]
pub struct WatchLimits {
    /// The table of locks.
    pub lock_table: f64,
    /// The queue of notifications.
    pub notify_queue: f64,
}

impl Default for WatchLimits {
    fn default() -> Self {
        Self { lock_table: 0.9, notify_queue: 0.1 }
    }
}

impl fmt::Debug for PgWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgWatch").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl PgWatch {
    /// A watch over the server that these settings lead to; nothing is connected yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, limits: WatchLimits::default() }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: WatchLimits) -> Self {
        Self { limits, ..self }
    }

    /// Watches until it is dropped. Any number of replicas may.
    pub async fn keep(self) {
        let (full, fullness) = watch::channel(None);
        join3(self.keep_room(&full), self.keep_room_from_prepared(fullness), self.keep_clear()).await;
    }

    /// The table of locks: by itself, since nothing else works once it is full.
    async fn keep_room(&self, full: &watch::Sender<Option<i64>>) {
        let mut guard = None;
        loop {
            if let Err(error) = self.make_room(&mut guard, full).await {
                guard = None;
                full.send_replace(None);
                tracing::warn!(%error, "could not look whether branches' logins fill the server's table of locks");
            }
            sleep(PATIENCE).await;
        }
    }

    async fn make_room(&self, kept: &mut Option<Guard>, full: &watch::Sender<Option<i64>>) -> Result<(), BuildError> {
        let guard = match kept {
            Some(guard) => guard,
            None => kept.insert(self.post().await?),
        };
        match guard.look(self.limits.lock_table).await? {
            Seen::Table { prepared_in } => drop(full.send_replace(prepared_in)),
            Seen::IsInTheWay => {
                full.send_replace(None);
                *kept = None;
            }
            // One is there all the time.
            Seen::IsOld => match self.post().await {
                Ok(fresh) => *guard = fresh,
                Err(error) => tracing::warn!(%error, "the guard of the table of locks could not be relieved"),
            },
        }
        Ok(())
    }

    /// Within a time that another guard can be without a look.
    async fn post(&self) -> Result<Guard, BuildError> {
        let posted = timeout(PATIENCE * 5, Guard::post(&self.settings)).await;
        posted.unwrap_or_else(|_| Err(retryable("connecting the guard of the table of locks took too long")))
    }

    /// Beside the guard, which goes on looking meanwhile.
    async fn keep_room_from_prepared(&self, mut fullness: watch::Receiver<Option<i64>>) {
        while let Ok(places) = fullness.wait_for(Option::is_some).await.map(|places| *places) {
            if let Some(places) = places
                && let Err(error) = self.roll_back_prepared(places).await
            {
                tracing::warn!(%error, "could not look whether transactions that were prepared fill the server's table of locks");
            }
            sleep(PATIENCE).await;
        }
    }

    async fn roll_back_prepared(&self, places: i64) -> Result<(), BuildError> {
        let mut admin = self.settings.watcher().await?;
        prepared::roll_back(&mut admin, &self.settings, InTheWay::TakesPlaces(places)).await?;
        let _ = admin.close().await;
        Ok(())
    }

    /// All the rest.
    async fn keep_clear(&self) {
        let mut connection = None;
        loop {
            sleep(PATIENCE).await;
            if let Err(error) = self.clear(&mut connection).await {
                connection = None;
                tracing::warn!(%error, "could not look whether sessions of branches' logins are in the way of others");
            }
        }
    }

    async fn clear(&self, kept: &mut Option<PgConnection>) -> Result<(), BuildError> {
        let admin = match kept {
            Some(connection) => connection,
            None => kept.insert(self.settings.watcher().await?),
        };
        session::reach(admin).await?;
        let blocking = blocking::find(admin).await?;
        end_all(admin, &blocking.sessions, Reason::InTheWay).await;
        let ours = hoarding::of_keys(admin).await?;
        end_all(admin, &ours, Reason::HoldsOurKeys).await;
        let silent = hoarding::of_notifications(admin, self.limits.notify_queue).await?;
        end_all(admin, &silent, Reason::FillsTheQueue).await;
        if blocking.prepared {
            prepared::roll_back(admin, &self.settings, InTheWay::WaitedFor).await?;
        }
        Ok(())
    }
}
