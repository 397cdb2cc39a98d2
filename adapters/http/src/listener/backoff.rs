//! How long to wait after an error of accept.

use std::{io, time::Duration};

/// Doubles with every error in a row, so that a machine without file descriptors is neither asked in a busy loop nor given up.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(1);

    /// A connection was accepted.
    pub(super) fn reset(&mut self) {
        self.next = Self::FIRST;
    }

    /// How long to wait; `None` where the error is the fault of that one connection.
    pub(super) fn after(&mut self, error: &io::Error) -> Option<Duration> {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            return None;
        }
        let pause = self.next;
        self.next = (pause * 2).min(Self::LONGEST);
        Some(pause)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: Self::FIRST }
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use std::io;

    #[test]
    fn pauses_grow_up_to_a_second_and_start_again_after_a_success() {
        let out_of_files = io::Error::other("EMFILE");
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..9).filter_map(|_| backoff.after(&out_of_files)).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        backoff.reset();
        assert_eq!(backoff.after(&out_of_files), Some(Backoff::FIRST));
    }

    #[test]
    fn a_connection_that_failed_by_itself_costs_no_pause() {
        assert_eq!(Backoff::default().after(&io::ErrorKind::ConnectionAborted.into()), None);
    }
}
