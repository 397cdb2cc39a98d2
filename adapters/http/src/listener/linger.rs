//! The end of a connection whose client still sends: what comes is read and thrown away for a while, so that the answer arrives.
//!
//! A socket that is closed with bytes unread resets the connection, and a client in the midst of a large body then sees a broken pipe instead of the
//! 413 that was meant for it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Sleep, sleep},
};

/// How long a client may go on.
const LONGEST: Duration = Duration::from_secs(2);
/// How many bytes are thrown away at most: a little more than the largest body that is taken when nobody says otherwise.
const MOST: usize = 16 * 1024 * 1024;

/// Throws away what a client still sends.
#[derive(Debug, Default)]
pub(super) struct Linger {
    deadline: Option<Pin<Box<Sleep>>>,
    read: usize,
}

impl Linger {
    /// Ready once the client has ended, or has gone on for too long.
    pub(super) fn poll<S: AsyncRead + Unpin>(&mut self, socket: &mut S, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(LONGEST)));
        if deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut scratch = [0; 16 * 1024];
        while self.read < MOST {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut *socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.read += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}
