//! Where the next page begins: an offset, signed for one query of one principal.

use crate::settings::CursorKey;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const OFFSET_BYTES: usize = 8;
const MAC_BYTES: usize = 16;

/// What a cursor belongs to: it is refused for anything else.
pub(crate) struct CursorSubject<'a>(pub(crate) &'a [&'a str]);

/// A cursor that was not made here for this query of this principal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForeignCursor;

impl CursorKey {
    /// The cursor of an offset.
    pub(crate) fn cursor(&self, subject: &CursorSubject<'_>, offset: u64) -> String {
        let offset = offset.to_be_bytes();
        let mut bytes = Vec::with_capacity(OFFSET_BYTES + MAC_BYTES);
        bytes.extend_from_slice(&offset);
        bytes.extend_from_slice(&self.mac(subject, &offset).finalize().into_bytes()[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The offset of a cursor.
    pub(crate) fn offset(&self, subject: &CursorSubject<'_>, cursor: &str) -> Result<u64, ForeignCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| ForeignCursor)?;
        let (offset, mac) = bytes.split_first_chunk::<OFFSET_BYTES>().ok_or(ForeignCursor)?;
        if mac.len() != MAC_BYTES {
            return Err(ForeignCursor);
        }
        self.mac(subject, offset).verify_truncated_left(mac).map_err(|_| ForeignCursor)?;
        Ok(u64::from_be_bytes(*offset))
    }

    fn mac(&self, subject: &CursorSubject<'_>, offset: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.expose()).expect("HMAC takes keys of any length");
        mac.update(b"fluxbase mcp cursor 1");
        for part in subject.0 {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(offset);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::{CursorSubject, ForeignCursor};
    use crate::settings::CursorKey;

    #[test]
    fn a_cursor_is_good_for_its_subject_only() {
        let key = CursorKey::new([7; 32]);
        let cursor = key.cursor(&CursorSubject(&["key:1", "users"]), 300);
        assert_eq!(key.offset(&CursorSubject(&["key:1", "users"]), &cursor), Ok(300));
        for foreign in [&["key:2", "users"][..], &["key:1", "posts"], &["key:1users", ""], &["key:1"]] {
            assert_eq!(key.offset(&CursorSubject(foreign), &cursor), Err(ForeignCursor));
        }
        assert_eq!(CursorKey::new([8; 32]).offset(&CursorSubject(&["key:1", "users"]), &cursor), Err(ForeignCursor));
    }

    #[test]
    fn no_change_of_a_cursor_is_taken() {
        let key = CursorKey::new([7; 32]);
        let subject = CursorSubject(&["a"]);
        let cursor = key.cursor(&subject, 1);
        for place in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert!(key.offset(&subject, std::str::from_utf8(&changed).unwrap()).is_err(), "{place}");
        }
        for garbage in ["", "x", "!!", &cursor[1..], &format!("{cursor}AAAA")] {
            assert_eq!(key.offset(&subject, garbage), Err(ForeignCursor), "{garbage}");
        }
    }
}
