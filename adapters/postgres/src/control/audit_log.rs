//! Audit rows of actions without a transaction of their own: one batching writer, many waiting for the same commit.

use super::audit_batch::{Texts, insert};
use async_trait::async_trait;
use domain::{Failure, audit::AuditEntry};
use ports::driven::AuditLog;
use sqlx::{Executor, PgPool, Postgres, pool::PoolConnection};
use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, mpsc::error::TrySendError, oneshot, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

/// Rows that wait at most; then callers do.
const QUEUE: usize = 8192;
/// Rows written at once at most.
const BATCH: usize = 4096;
/// How long a row waits for company when nobody waits for it.
const LINGER: Duration = Duration::from_millis(50);
const FIRST_BACK_OFF: Duration = Duration::from_millis(50);
const LAST_BACK_OFF: Duration = Duration::from_secs(2);
/// How long a request waits for the queue before anything is done.
const PATIENCE_FOR_ROOM: Duration = Duration::from_secs(2);
/// How long the last rows are tried to be written once nobody can add any more.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(5);

/// How long the writer of the audit trail waits.
#[derive(Clone, Copy, Debug)]
pub struct AuditPatience {
    /// For rows to be written, before it tells that they are not.
    pub writing: Duration,
    /// For a statement: the server ends it then. It may wait for whoever locked the table; what it would do later would be done twice.
    pub statement: Duration,
    /// For an answer. Longer than for a statement: a server that says nothing by then is not there any more.
    pub answer: Duration,
}

impl Default for AuditPatience {
    fn default() -> Self {
        Self { writing: Duration::from_secs(5), statement: Duration::from_secs(30), answer: Duration::from_secs(40) }
    }
}

/// The audit trail. One that is dropped writes what it has; [`PgAuditLog::close`] waits for that.
#[derive(Debug)]
pub struct PgAuditLog {
    queue: mpsc::Sender<Message>,
    urgent: Arc<Notify>,
    /// Rows have not been written for some seconds.
    stuck: Arc<AtomicBool>,
    /// Since when nobody may add rows any more. Not in the queue: where the database is away, the writer is busy with what came before.
    ending: watch::Sender<Option<Instant>>,
}

#[derive(Debug)]
enum Message {
    Row(AuditEntry, Option<oneshot::Sender<()>>),
    Close(oneshot::Sender<bool>),
}

impl PgAuditLog {
    /// Starts the writer. It keeps one connection of the pool.
    pub fn start(pool: PgPool) -> Self {
        Self::with_patience(pool, AuditPatience::default())
    }

    /// The same with a patience that is not the usual one.
    pub fn with_patience(pool: PgPool, patience: AuditPatience) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        let urgent = Arc::new(Notify::new());
        let (ending, ended) = watch::channel(None);
        let stuck = Arc::new(AtomicBool::new(false));
        let (urgent_too, stuck_too) = (Arc::clone(&urgent), Arc::clone(&stuck));
        let writer = Writer { pool, patience, connection: None, messages, urgent: urgent_too, stuck: stuck_too, ended, closed_by: None };
        tokio::spawn(writer.write_to_the_end());
        Self { queue, urgent, stuck, ending }
    }

    /// Takes no more rows, and returns once those taken are durable, or cannot be made so.
    pub async fn close(&self) -> Result<(), Failure> {
        let (closed, written) = oneshot::channel();
        self.ending.send_replace(Some(Instant::now()));
        if self.queue.send(Message::Close(closed)).await.is_err() {
            return Ok(());
        }
        self.urgent.notify_one();
        match written.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Failure::internal("audit rows could not be written")),
        }
    }

    /// Rows that wait for the writer.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// From the first poll on the message is in the queue, or with somebody who waits for its place there: callers go when their clients do.
    async fn send(&self, message: Message) -> Result<(), Failure> {
        let sent = match self.queue.try_send(message) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(message)) => {
                let queue = self.queue.clone();
                tokio::spawn(async move { queue.send(message).await.is_ok() }).await.unwrap_or(false)
            }
        };
        if sent { Ok(()) } else { Err(Failure::unavailable("the server is shutting down", None)) }
    }
}

#[async_trait]
impl AuditLog for PgAuditLog {
    fn has_room(&self) -> bool {
        self.queue.capacity() > 0
    }

    async fn await_room(&self) -> Result<(), Failure> {
        match timeout(PATIENCE_FOR_ROOM, self.queue.reserve()).await {
            Ok(Ok(_given_back)) => Ok(()),
            Ok(Err(_)) => Err(Failure::unavailable("the server is shutting down", None)),
            Err(_) => Err(Failure::unavailable("the audit trail cannot be written now; nothing was done", None)),
        }
    }

    fn can_persist(&self) -> bool {
        !self.stuck.load(Ordering::Relaxed)
    }

    async fn queue(&self, entry: AuditEntry) -> Result<(), Failure> {
        self.send(Message::Row(entry, None)).await
    }

    async fn persist(&self, entry: AuditEntry) -> Result<(), Failure> {
        let (durable, done) = oneshot::channel();
        self.send(Message::Row(entry, Some(durable))).await?;
        self.urgent.notify_one();
        done.await.map_err(|_| Failure::internal("the audit row could not be written"))
    }
}

struct Writer {
    pool: PgPool,
    patience: AuditPatience,
    connection: Option<PoolConnection<Postgres>>,
    messages: mpsc::Receiver<Message>,
    urgent: Arc<Notify>,
    stuck: Arc<AtomicBool>,
    ended: watch::Receiver<Option<Instant>>,
    closed_by: Option<oneshot::Sender<bool>>,
}

impl Writer {
    async fn write_to_the_end(mut self) {
        let mut all_written = true;
        while let Some(first) = self.messages.recv().await {
            let (entries, waiters) = self.batch(first).await;
            if self.write(&entries).await {
                for waiter in waiters {
                    let _gave_up = waiter.send(());
                }
            } else {
                all_written = false;
            }
        }
        if let Some(closed_by) = self.closed_by.take() {
            let _gave_up = closed_by.send(all_written);
        }
    }

    /// What came by the end of a short wait; at once where somebody waits.
    async fn batch(&mut self, first: Message) -> (Vec<AuditEntry>, Vec<oneshot::Sender<()>>) {
        if matches!(first, Message::Row(_, None)) && self.messages.len() < BATCH {
            // Either way it is time to write.
            drop(timeout(LINGER, self.urgent.notified()).await);
        }
        let (mut entries, mut waiters) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Row(entry, waiter) => {
                    entries.push(entry);
                    waiters.extend(waiter);
                }
                Message::Close(closed_by) => {
                    self.messages.close();
                    self.closed_by = Some(closed_by);
                }
            }
            next = if entries.len() < BATCH { self.messages.try_recv().ok() } else { None };
        }
        (entries, waiters)
    }

    /// Writes the rows; `false` where nobody can add rows any more and the database stays away.
    async fn write(&mut self, entries: &[AuditEntry]) -> bool {
        if entries.is_empty() {
            return true;
        }
        let too_late = too_late(self.ended.clone());
        let tell = tell_if_slow(Arc::clone(&self.stuck), self.patience.writing);
        tokio::select! {
            () = self.write_however_long_it_takes(entries) => {}
            () = too_late => {
                tracing::error!(rows = entries.len(), "audit rows are lost: the server ends and the database cannot be reached");
                return false;
            }
            never = tell => match never {},
        }
        if self.stuck.swap(false, Ordering::Relaxed) {
            tracing::info!("audit rows are written again, and so are rows of branches");
        }
        true
    }

    async fn write_however_long_it_takes(&mut self, entries: &[AuditEntry]) {
        let (mut texts, mut back_off) = (Texts::AsTheyAre, FIRST_BACK_OFF);
        while let Err(error) = self.insert(entries, texts).await {
            tracing::error!(%error, rows = entries.len(), "audit rows cannot be written now; trying again");
            if refuses_the_data(&error) {
                texts = Texts::Ascii;
            }
            sleep(back_off).await;
            back_off = (back_off * 2).min(LAST_BACK_OFF);
        }
    }

    async fn insert(&mut self, entries: &[AuditEntry], texts: Texts) -> Result<(), sqlx::Error> {
        // Taken out, so that a connection that failed half-way is never used again.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let inserted = self.in_time(insert(&mut connection, entries, texts)).await;
        if inserted.is_ok() {
            self.connection = Some(connection);
        }
        inserted
    }

    /// A connection that nobody else will use: its limit on statements is for this work.
    async fn connect(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        connection.close_on_drop();
        let limit = format!("set statement_timeout = {}", self.patience.statement.as_millis());
        self.in_time(connection.execute(sqlx::AssertSqlSafe(limit))).await?;
        Ok(connection)
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        let unanswered = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
        timeout(self.patience.answer, work).await.unwrap_or_else(unanswered)
    }
}

/// Publishes that rows are not written, where the writing that this runs beside takes too long.
async fn tell_if_slow(stuck: Arc<AtomicBool>, patience: Duration) -> Infallible {
    sleep(patience).await;
    stuck.store(true, Ordering::Relaxed);
    tracing::error!("audit rows have not been written for {patience:?}: nothing is written to branches until they can be");
    pending().await
}

/// Returns when the end began so long ago that what is not written by now is given up.
async fn too_late(mut ended: watch::Receiver<Option<Instant>>) {
    // One that is dropped says nothing.
    let since = ended.wait_for(Option::is_some).await.map_or_else(|_| Instant::now(), |since| since.unwrap_or_else(Instant::now));
    sleep_until(since + PATIENCE_AT_THE_END).await;
}

/// SQLSTATE class 22: characters that the database's encoding lacks.
fn refuses_the_data(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|sqlstate| sqlstate.starts_with("22"))
}
