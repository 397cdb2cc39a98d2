//! What of the bytes that go to a client of HTTP/2 belongs to responses.

/// The frames that go out, followed by their heads.
#[derive(Debug, Default)]
pub(super) struct FramesOut {
    head: [u8; HEAD],
    /// How much of the head has gone out.
    known: usize,
    /// How much of the frame is still to come behind its head.
    left: usize,
}

/// Length (3 bytes), type, flags, stream (4 bytes).
const HEAD: usize = 9;

impl FramesOut {
    /// Follows bytes that went out. Whether anything of a response was among them: pings, settings and windows are no progress.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> bool {
        let mut progress = false;
        while !bytes.is_empty() {
            if self.known < HEAD {
                let (head, rest) = bytes.split_at(bytes.len().min(HEAD - self.known));
                self.head[self.known..][..head.len()].copy_from_slice(head);
                self.known += head.len();
                bytes = rest;
                if self.known < HEAD {
                    break;
                }
                self.left = self.head[..3].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            }
            let passed = bytes.len().min(self.left);
            self.left -= passed;
            bytes = &bytes[passed..];
            progress = progress || self.is_of_response();
            if self.left == 0 {
                self.known = 0;
            }
        }
        progress
    }

    const fn is_of_response(&self) -> bool {
        const DATA: u8 = 0;
        const HEADERS: u8 = 1;
        const CONTINUATION: u8 = 9;
        matches!(self.head[3], DATA | HEADERS | CONTINUATION)
    }
}

#[cfg(test)]
mod tests {
    use super::FramesOut;

    fn frame(kind: u8, length: u8) -> Vec<u8> {
        [vec![0, 0, length, kind, 0, 0, 0, 0, 1], vec![0; usize::from(length)]].concat()
    }

    #[test]
    fn only_what_belongs_to_responses_is_progress() {
        let mut frames = FramesOut::default();
        // Settings, their acknowledgement, a ping, a window update.
        assert!(!frames.pass(&[frame(4, 18), frame(4, 0), frame(6, 8), frame(8, 4)].concat()));
        assert!(frames.pass(&[frame(6, 8), frame(1, 3), frame(6, 8)].concat()));
        assert!(frames.pass(&frame(0, 0)));
        assert!(!frames.pass(&frame(3, 4)));
    }

    #[test]
    fn frames_are_followed_wherever_they_are_cut() {
        let bytes = [frame(4, 18), frame(0, 40), frame(6, 8)].concat();
        let mut frames = FramesOut::default();
        let progress: Vec<_> = bytes.iter().map(|byte| frames.pass(&[*byte])).collect();
        let first = progress.iter().position(|is| *is).unwrap();
        let last = progress.iter().rposition(|is| *is).unwrap();
        // From the end of its head to its own end.
        assert_eq!((first, last), (27 + 8, 27 + 48));
        assert!(progress[first..=last].iter().all(|is| *is));
    }
}
