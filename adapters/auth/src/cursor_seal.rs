//! Cursors: where the next page begins, an offset, signed for one query of one principal.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::table::PageSubject;
use hmac::{Hmac, KeyInit, Mac};
use ports::driven::CursorSeal;
use sha2::Sha256;
use std::fmt;

const OFFSET_BYTES: usize = 8;
const MAC_BYTES: usize = 16;

/// Signs cursors by HMAC-SHA256 with a secret of the instance, the same on every replica. Every page of rows is signed, so the key is taken in once.
#[derive(Clone)]
pub struct HmacCursorSeal(Hmac<Sha256>);

impl HmacCursorSeal {
    /// Signs with a secret of the instance.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Hmac::new_from_slice(&key).expect("HMAC takes keys of any length"))
    }

    fn mac(&self, subject: &PageSubject, offset: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(b"fluxbase cursor 3");
        mac.update(subject.as_bytes());
        mac.update(offset);
        mac
    }
}

impl fmt::Debug for HmacCursorSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacCursorSeal(..)")
    }
}

impl CursorSeal for HmacCursorSeal {
    fn seal(&self, subject: &PageSubject, offset: u64) -> String {
        let offset = offset.to_be_bytes();
        let mut bytes = Vec::with_capacity(OFFSET_BYTES + MAC_BYTES);
        bytes.extend_from_slice(&offset);
        bytes.extend_from_slice(&self.mac(subject, &offset).finalize().into_bytes()[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, subject: &PageSubject, cursor: &str) -> Option<u64> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (offset, mac) = bytes.split_first_chunk::<OFFSET_BYTES>()?;
        if mac.len() != MAC_BYTES {
            return None;
        }
        self.mac(subject, offset).verify_truncated_left(mac).ok()?;
        Some(u64::from_be_bytes(*offset))
    }
}

#[cfg(test)]
mod tests {
    use super::HmacCursorSeal;
    use domain::{
        Principal,
        branch::BranchMentions,
        table::{PageSubject, Select, Shape, TableName},
    };
    use ports::driven::CursorSeal;

    fn subject(table: &str) -> PageSubject {
        let select = Select {
            table: TableName::parse(table),
            columns: Vec::new(),
            filter: None,
            order: Vec::new(),
            tie_break: true,
            limit: None,
            offset: 0,
            count: None,
            shape: Shape::Array,
            max_bytes: None,
        };
        PageSubject::new(&Principal::internal(), &BranchMentions::NONE, &select).unwrap()
    }

    #[test]
    fn a_cursor_is_good_for_its_subject_and_key_only() {
        let seal = HmacCursorSeal::new([7; 32]);
        let cursor = seal.seal(&subject("users"), 300);
        assert_eq!(seal.open(&subject("users"), &cursor), Some(300));
        assert_eq!(seal.open(&subject("posts"), &cursor), None);
        assert_eq!(HmacCursorSeal::new([8; 32]).open(&subject("users"), &cursor), None);
        assert_eq!(format!("{seal:?}"), "HmacCursorSeal(..)");
    }

    #[test]
    fn no_change_of_a_cursor_is_taken() {
        let (seal, subject) = (HmacCursorSeal::new([7; 32]), subject("a"));
        let cursor = seal.seal(&subject, 1);
        for place in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(seal.open(&subject, std::str::from_utf8(&changed).unwrap()), None, "{place}");
        }
        for garbage in ["", "x", "!!", &cursor[1..], &format!("{cursor}AAAA")] {
            assert_eq!(seal.open(&subject, garbage), None, "{garbage}");
        }
    }
}
