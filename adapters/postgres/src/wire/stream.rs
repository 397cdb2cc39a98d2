//! The answer to an exchange, row by row as it arrives.

use std::{fmt, task::Poll};

use postgres_protocol::message::backend::Message;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    connection::{Connection, Phase, is_announcement},
    error::WireError,
    exchange::Exchange,
    framing::Frame,
    lease::Lease,
    rows::{CommandTag, Row, RowPart},
    sql_error::SqlError,
};

/// The answer to an exchange, row by row as it arrives.
///
/// The exchange has taken effect only when [`Self::next`] has said `None`; dropped before, it is cancelled and its connection closed.
pub struct RowsStream {
    /// `None` once the answer has ended.
    lease: Option<Lease>,
    /// What its owner may not use twice meanwhile.
    share: Option<OwnedSemaphorePermit>,
    /// The row that was waited for before the stream was handed out.
    first: Option<RowPart>,
    progress: Progress,
}

/// How far the answer has come.
#[derive(Default)]
struct Progress {
    main: usize,
    statements: usize,
    tags: Vec<CommandTag>,
    failure: Option<Box<SqlError>>,
    /// The server has answered something of this exchange.
    heard: bool,
    /// The exchange's end, its Sync, never left: without it the server commits nothing.
    cut_short: bool,
    high_water: usize,
}

impl RowsStream {
    pub(super) fn over(lease: Lease, exchange: &Exchange<'_>) -> Self {
        let progress = Progress { main: exchange.prelude.len(), statements: exchange.len(), ..Progress::default() };
        Self { lease: Some(lease), share: None, first: None, progress }
    }

    /// Gives a permit back when the answer has ended.
    #[must_use]
    pub fn holding(mut self, share: OwnedSemaphorePermit) -> Self {
        self.share = self.lease.is_some().then_some(share);
        self
    }

    /// Sends the exchange and waits for its first row, its end or its failure. After a failure the connection is still held.
    pub(super) async fn start(&mut self, exchange: &Exchange<'_>) -> Result<(), WireError> {
        let Some(lease) = &mut self.lease else { return Ok(()) };
        let connection = lease.connection();
        connection.write_exchange(exchange).inspect_err(|_| connection.phase = Phase::Broken)?;
        let sent = connection.send().await;
        self.progress.cut_short = sent.is_err() && !connection.outbox.is_empty();
        // Where sending failed, the server's farewell may still tell why.
        let first = self.read().await;
        match (first, sent) {
            (Ok(Some(first)), _) => self.first = Some(first),
            (Ok(None), _) => self.settle(),
            (Err(WireError::Lost(_)), Err(cause)) => return Err(WireError::Lost(cause)),
            (Err(error), _) => return Err(error),
        }
        Ok(())
    }

    /// Whether a second start may help; makes ready for it.
    pub(super) async fn can_start_again(&mut self, error: &WireError, exchange: &Exchange<'_>) -> Result<bool, WireError> {
        let Some(lease) = &mut self.lease else { return Ok(false) };
        let lost = matches!(error, WireError::Lost(_)) || error.sql().is_some_and(SqlError::is_fatal);
        if lost {
            let Progress { heard, cut_short, main, ref tags, .. } = self.progress;
            // A session answers in the order in which it works: what it said farewell before, it did not begin.
            let not_begun = error.sql().is_some_and(SqlError::is_farewell) && (!heard || tags.len() < main);
            let may_repeat = exchange.retry_safe && !heard;
            if !lease.reused || !(may_repeat || not_begun || cut_short) {
                return Ok(false);
            }
            lease.reconnect().await?;
        } else if error.sql().is_some_and(SqlError::is_stale_statement) {
            if lease.connection().phase == Phase::InTransaction {
                lease.connection().roll_back().await?;
            }
            if lease.connection().phase != Phase::Ready {
                return Ok(false);
            }
        } else {
            return Ok(false);
        }
        let Progress { main, statements, .. } = self.progress;
        self.progress = Progress { main, statements, ..Progress::default() };
        Ok(true)
    }

    /// The next row if it has already arrived: `Pending` means that [`Self::next`] would wait for the server.
    pub fn try_next(&mut self) -> Poll<Result<Option<RowPart>, WireError>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Ok(Some(first)));
        }
        let next = self.advance();
        if matches!(next, Poll::Ready(Ok(None) | Err(_))) {
            self.settle();
        }
        next
    }

    /// The next row, or `None` when the exchange has ended well.
    pub async fn next(&mut self) -> Result<Option<RowPart>, WireError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let next = self.read().await;
        if !matches!(next, Ok(Some(_))) {
            self.settle();
        }
        next
    }

    /// Discards the rows that are left and waits until the exchange has ended.
    pub async fn finish(&mut self) -> Result<(), WireError> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// What each statement has said when it was done, in their order; complete when the exchange has ended.
    pub fn tags(&self) -> &[CommandTag] {
        &self.progress.tags
    }

    /// How many rows the main statement was about, once it is done.
    pub fn affected_rows(&self) -> Option<u64> {
        self.progress.tags.get(self.progress.main)?.rows()
    }

    /// The most bytes that the connection's read buffer held for this answer, known when it has ended.
    pub fn buffer_high_water(&self) -> usize {
        self.progress.high_water
    }

    async fn read(&mut self) -> Result<Option<RowPart>, WireError> {
        loop {
            if let Poll::Ready(next) = self.advance() {
                return next;
            }
            let Some(lease) = &mut self.lease else { return Ok(None) };
            let connection = lease.connection();
            if let Err(cause) = connection.fill().await {
                connection.phase = Phase::Broken;
                // After a fatal error the server closes without another word.
                return Err(self.progress.failure.take().map_or(WireError::Lost(cause), WireError::Sql));
            }
        }
    }

    /// Reads what has arrived, up to the next row or the end. A server that does not keep to the protocol is not read any further.
    fn advance(&mut self) -> Poll<Result<Option<RowPart>, WireError>> {
        let next = self.step();
        if let (Poll::Ready(Err(WireError::Protocol(_))), Some(lease)) = (&next, &mut self.lease) {
            lease.connection().phase = Phase::Broken;
        }
        next
    }

    fn step(&mut self) -> Poll<Result<Option<RowPart>, WireError>> {
        let Some(lease) = &mut self.lease else { return Poll::Ready(Ok(None)) };
        let connection = lease.connection();
        while let Some(frame) = connection.inbox.next()? {
            let wanted = self.progress.tags.len() == self.progress.main && self.progress.failure.is_none();
            match frame {
                Frame::Row(body) if wanted => return Poll::Ready(Ok(Some(RowPart::Row(Row::parse(body)?)))),
                Frame::Piece(piece) if wanted => return Poll::Ready(Ok(Some(RowPart::Piece(piece)))),
                Frame::Row(_) | Frame::Piece(_) => {}
                Frame::Message(Message::ReadyForQuery(ready)) => {
                    return Poll::Ready(self.progress.end(connection, ready.status()).map(|()| None));
                }
                Frame::Message(message) => self.progress.hear(connection, &message)?,
            }
        }
        Poll::Pending
    }

    /// The answer has ended: lets the connection go where its state says.
    fn settle(&mut self) {
        self.lease = None;
        self.share = None;
    }
}

impl Progress {
    fn hear(&mut self, connection: &mut Connection, message: &Message) -> Result<(), WireError> {
        match message {
            Message::ErrorResponse(body) => {
                let failure = SqlError::read(body.fields());
                self.failure.get_or_insert_with(|| Box::new(failure));
                return Ok(());
            }
            message if is_announcement(message) => return Ok(()),
            _ => self.heard = true,
        }
        match message {
            Message::ParseComplete if connection.statements.parsed() => {}
            Message::BindComplete | Message::CloseComplete => {}
            Message::CommandComplete(body) => {
                let tag = body.tag().map_err(|_| WireError::Protocol("a command tag that is not text"))?;
                self.tags.push(CommandTag(tag.into()));
            }
            Message::EmptyQueryResponse => self.tags.push(CommandTag("".into())),
            _ => return Err(WireError::Protocol("a message out of turn")),
        }
        Ok(())
    }

    fn end(&mut self, connection: &mut Connection, status: u8) -> Result<(), WireError> {
        self.high_water = connection.inbox.high_water();
        connection.end_exchange(status);
        if let Some(failure) = self.failure.take() {
            if failure.is_stale_statement() {
                connection.statements.forget_all();
            }
            return Err(WireError::Sql(failure));
        }
        if self.tags.len() != self.statements {
            connection.phase = Phase::Broken;
            return Err(WireError::Protocol("an exchange that ended early"));
        }
        Ok(())
    }
}

impl Drop for RowsStream {
    fn drop(&mut self) {
        // Often the end has arrived and was only not asked for: then nothing needs to be cancelled.
        let busy = self.lease.as_mut().is_some_and(|lease| lease.connection().phase == Phase::Busy);
        while busy && matches!(self.advance(), Poll::Ready(Ok(Some(_)))) {}
    }
}

impl fmt::Debug for RowsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowsStream").field("ended", &self.lease.is_none()).field("tags", &self.progress.tags).finish_non_exhaustive()
    }
}
