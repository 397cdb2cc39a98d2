//! One connection: what is sent, what has arrived, which statements the server has prepared, and whether it may be used again.

use std::{
    future::poll_fn,
    io,
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, BytesMut};
use postgres_protocol::{
    IsNull,
    message::{backend::Message, frontend},
};
use tokio::io::AsyncWrite;
use tokio_util::io::poll_read_buf;

use super::{
    dial::Peer,
    error::WireError,
    exchange::{Exchange, Statement},
    framing::{Frame, Inbox},
    socket::Socket,
    statement_cache::StatementCache,
};

const SMALL_OUTBOX: usize = 8 * 1024;
/// An outbox that held more is not kept.
const LARGE_OUTBOX: usize = 64 * 1024;

/// Whether a connection may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// `ReadyForQuery` outside of a transaction: the only phase in which it may be handed on.
    Ready,
    /// Something was sent whose answer has not ended.
    Busy,
    /// `ReadyForQuery` inside of a transaction.
    InTransaction,
    /// Never again.
    Broken,
}

/// What a cancel request proves itself with.
#[derive(Clone, Copy)]
pub(super) struct BackendKey {
    pub(super) process: i32,
    pub(super) secret: i32,
}

/// One connection.
pub(super) struct Connection {
    pub(super) socket: Socket,
    pub(super) inbox: Inbox,
    pub(super) outbox: BytesMut,
    pub(super) statements: StatementCache,
    pub(super) phase: Phase,
    pub(super) peer: Peer,
    pub(super) key: Option<BackendKey>,
}

impl Connection {
    pub(super) fn new(socket: Socket, peer: Peer, statement_cache: NonZeroUsize) -> Self {
        Self {
            socket,
            inbox: Inbox::new(),
            outbox: BytesMut::with_capacity(SMALL_OUTBOX),
            statements: StatementCache::new(statement_cache),
            phase: Phase::Busy,
            peer,
            key: None,
        }
    }

    /// Writes a whole exchange into the outbox, ended by one Sync.
    pub(super) fn write_exchange(&mut self, exchange: &Exchange<'_>) -> Result<(), WireError> {
        const TOO_LONG: WireError = WireError::Unsendable("it is longer than 2 GB");
        self.phase = Phase::Busy;
        for name in self.statements.take_retired() {
            frontend::close(b'S', &name, &mut self.outbox).map_err(|_| TOO_LONG)?;
        }
        for statement in exchange.statements() {
            self.write_statement(statement).map_err(|_| TOO_LONG)?;
        }
        frontend::sync(&mut self.outbox);
        Ok(())
    }

    fn write_statement(&mut self, statement: &Statement<'_>) -> io::Result<()> {
        let prepared = self.statements.prepare(statement.sql);
        if prepared.parse {
            frontend::parse(&prepared.name, statement.sql, [], &mut self.outbox)?;
        }
        let write_text = |text: Option<&str>, out: &mut BytesMut| match text {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        };
        frontend::bind("", &prepared.name, [], statement.params.iter().copied(), write_text, [], &mut self.outbox)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        frontend::execute("", 0, &mut self.outbox)
    }

    /// Sends the outbox. Reads meanwhile: a server that waits for its answers to be taken would not take ours.
    pub(super) async fn send(&mut self) -> io::Result<()> {
        self.phase = Phase::Busy;
        let was_large = self.outbox.len() > LARGE_OUTBOX;
        poll_fn(|cx| self.poll_send(cx)).await?;
        if was_large {
            self.outbox = BytesMut::with_capacity(SMALL_OUTBOX);
        }
        Ok(())
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.outbox.has_remaining() {
            match Pin::new(&mut self.socket).poll_write(cx, &self.outbox) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => self.outbox.advance(written),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => match self.poll_fill(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Waits until more bytes have arrived.
    pub(super) async fn fill(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match poll_read_buf(Pin::new(&mut self.socket), cx, self.inbox.room()) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            other => other.map_ok(|_| ()),
        }
    }

    /// The next message, where rows are not expected or not wanted.
    pub(super) async fn receive(&mut self) -> Result<Message, WireError> {
        loop {
            match self.inbox.next()? {
                Some(Frame::Message(message)) => return Ok(message),
                Some(Frame::Row(_) | Frame::Piece(_)) => {}
                None => self.fill().await.map_err(WireError::Lost)?,
            }
        }
    }

    /// `ReadyForQuery` came: the exchange is over.
    pub(super) fn end_exchange(&mut self, status: u8) {
        self.statements.end_exchange();
        self.inbox.trim();
        self.phase = if status == b'I' { Phase::Ready } else { Phase::InTransaction };
    }

    /// Ends a transaction that was left open, so that the connection may be handed on.
    pub(super) async fn roll_back(&mut self) -> Result<(), WireError> {
        frontend::query("rollback", &mut self.outbox).map_err(WireError::Lost)?;
        self.send().await.map_err(WireError::Lost)?;
        loop {
            if let Message::ReadyForQuery(ready) = self.receive().await? {
                self.end_exchange(ready.status());
                return Ok(());
            }
        }
    }

    /// It is known to be dead, or no longer understood.
    pub(super) fn abandon(&mut self) {
        self.phase = Phase::Broken;
    }

    /// Whether an idle connection can still be used, as far as can be told without asking the server.
    pub(super) fn is_alive(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            loop {
                match self.inbox.next() {
                    Ok(None) => break,
                    Ok(Some(Frame::Message(message))) if is_announcement(&message) => {}
                    _ => return false, // the farewell of a server that ends the session is an error message
                }
            }
            match self.poll_fill(&mut cx) {
                Poll::Pending => return true,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return false,
            }
        }
    }
}

/// Messages that may come at any time and mean nothing to us.
pub(super) fn is_announcement(message: &Message) -> bool {
    matches!(message, Message::NoticeResponse(_) | Message::NotificationResponse(_))
        || matches!(message, Message::ParameterStatus(status) if keeps_utf8(status))
}

/// Text in another encoding than UTF-8 would be handed on as if it were.
fn keeps_utf8(status: &postgres_protocol::message::backend::ParameterStatusBody) -> bool {
    !matches!((status.name(), status.value()), (Ok("client_encoding"), Ok(value)) if !value.eq_ignore_ascii_case("UTF8"))
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.phase == Phase::Ready {
            // Said if it can be said at once; the server copes without.
            frontend::terminate(&mut self.outbox);
            let _ = self.poll_send(&mut Context::from_waker(Waker::noop()));
        }
    }
}
