//! Errors that quote a long text: their beginning, which says what is wrong, without the rest.

use bytes::{BufMut, BytesMut};
use postgres_protocol::message::backend::{ERROR_RESPONSE_TAG, NOTICE_RESPONSE_TAG};

/// How much of an error is kept. Its SQLSTATE is among the first fields, and nobody is shown more of its text.
pub(super) const KEPT: usize = 16 * 1024;
/// An error quotes what it was given, which can be as long as a request, at most twice.
const LONGEST: usize = 256 * 1024 * 1024;
const HEADER: usize = 5;

/// An error of which only the beginning is kept.
pub(super) struct LongError {
    /// The header and the first fields.
    kept: BytesMut,
    /// Bytes of it that are still to be passed over.
    left: usize,
}

impl LongError {
    /// Whether a message is an error that is not worth holding whole.
    pub(super) fn is(tag: u8, length: usize) -> bool {
        matches!(tag, ERROR_RESPONSE_TAG | NOTICE_RESPONSE_TAG) && (HEADER + KEPT + 1..=LONGEST).contains(&length)
    }

    /// Takes the beginning of a message of that length off the bytes, which hold at least the header and what is kept.
    pub(super) fn begin(bytes: &mut BytesMut, length: usize) -> Self {
        Self { kept: bytes.split_to(HEADER + KEPT), left: length - HEADER - KEPT }
    }

    /// Passes over what has arrived of the rest. Gives the message, cut, once all of it has.
    pub(super) fn pass(&mut self, bytes: &mut BytesMut) -> Option<BytesMut> {
        let passed = self.left.min(bytes.len());
        drop(bytes.split_to(passed));
        self.left -= passed;
        (self.left == 0).then(|| self.cut())
    }

    /// The message with its last field ended where it was cut, and no field behind it.
    fn cut(&self) -> BytesMut {
        let fields = &self.kept[HEADER..];
        let whole = match std::str::from_utf8(fields) {
            Err(error) if error.error_len().is_none() => &fields[..error.valid_up_to()],
            _ => fields,
        };
        let mut message = BytesMut::with_capacity(self.kept.len() + 2);
        message.put_u8(self.kept[0]);
        message.put_i32(0);
        message.put_slice(whole);
        if !whole.ends_with(&[0]) {
            message.put_u8(0);
        }
        message.put_u8(0);
        let length = i32::try_from(message.len() - 1).expect("a few KB");
        message[1..HEADER].copy_from_slice(&length.to_be_bytes());
        message
    }
}
