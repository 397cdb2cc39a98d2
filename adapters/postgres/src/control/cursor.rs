//! Cursors of lists: the key of the last row handed out, opaque to callers.

use domain::page::{Page, PageRequest};
use ports::driven::StoreError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt::Write;
use time::OffsetDateTime;

/// When a row was written, as a part of its key: in microseconds since 1970, which is as fine as PostgreSQL keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub(super) struct Moment(pub(super) OffsetDateTime);

impl From<Moment> for i64 {
    fn from(moment: Moment) -> Self {
        Self::try_from(moment.0.unix_timestamp_nanos() / 1000).unwrap_or(Self::MAX)
    }
}

impl TryFrom<i64> for Moment {
    type Error = time::error::ComponentRange;

    fn try_from(microseconds: i64) -> Result<Self, Self::Error> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1000).map(Self)
    }
}

/// The key behind the request's cursor; `None` for the first page. `list` keeps one list's cursors from being taken for another's.
pub(super) fn open<K: DeserializeOwned>(list: &str, page: &PageRequest) -> Result<Option<K>, StoreError> {
    let Some(cursor) = &page.cursor else { return Ok(None) };
    let bytes = from_hex(cursor).ok_or(StoreError::BadCursor)?;
    let (of, key): (String, K) = serde_json::from_slice(&bytes).map_err(|_| StoreError::BadCursor)?;
    if of == list { Ok(Some(key)) } else { Err(StoreError::BadCursor) }
}

/// How many rows to ask for: one more than fits tells whether there is a next page.
pub(super) fn rows(page: &PageRequest) -> i64 {
    i64::from(page.limit) + 1
}

/// A page of the rows that came, of which one may be too many.
pub(super) fn page<T, K: Serialize>(list: &str, request: &PageRequest, mut items: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
    let limit = usize::try_from(request.limit).expect("a usize has at least 32 bits here");
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|last| seal(list, &key(last)));
    Page { items, next_cursor }
}

/// The cursor that leads behind the row with this key.
pub(super) fn seal<K: Serialize>(list: &str, key: &K) -> String {
    to_hex(&serde_json::to_vec(&(list, key)).expect("keys are plain values"))
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Moment, open, page, seal};
    use domain::page::PageRequest;
    use ports::driven::StoreError;
    use std::time::Duration;
    use time::OffsetDateTime;

    #[test]
    fn a_cursor_leads_behind_the_last_row_of_its_own_list_only() {
        let first = PageRequest { limit: 2, cursor: None };
        let listed = page("numbers", &first, vec![7, 8, 9], |n| *n);
        assert_eq!(listed.items, [7, 8]);
        let next = PageRequest { limit: 2, cursor: listed.next_cursor };
        assert_eq!(open::<i32>("numbers", &next).unwrap(), Some(8));
        assert!(matches!(open::<i32>("letters", &next), Err(StoreError::BadCursor)));
        assert_eq!(page("numbers", &next, vec![9], |n| *n).next_cursor, None);
    }

    #[test]
    fn a_moment_that_no_row_is_of_is_no_cursor() {
        let of = |microseconds: i64| PageRequest { limit: 2, cursor: Some(seal("moments", &microseconds)) };
        let at = OffsetDateTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        assert_eq!(open::<Moment>("moments", &of(Moment(at).into())).unwrap(), Some(Moment(at)));
        for microseconds in [i64::MIN, i64::MAX, -400_000_000_000_000_000] {
            assert!(matches!(open::<Moment>("moments", &of(microseconds)), Err(StoreError::BadCursor)), "{microseconds}");
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for raw in ["", "x", "zz", "00", "é1", "5b5d"] {
            let request = PageRequest { limit: 2, cursor: Some(raw.to_owned()) };
            assert!(matches!(open::<i32>("numbers", &request), Err(StoreError::BadCursor)), "{raw:?}");
        }
    }
}
