//! Pages of lists, by the key of the last item handed out.

use domain::page::{Page, PageRequest};
use ports::driven::StoreError;
use time::OffsetDateTime;

/// One page of the items, in the order of their keys. `list` keeps one list's cursors from being taken for another's.
pub(crate) fn page<T>(list: &str, request: &PageRequest, items: Vec<T>, key: impl Fn(&T) -> String) -> Result<Page<T>, StoreError> {
    let after = match &request.cursor {
        None => None,
        Some(cursor) => Some(cursor.strip_prefix(list).and_then(|rest| rest.strip_prefix('/')).ok_or(StoreError::BadCursor)?),
    };
    let mut keyed: Vec<(String, T)> = items.into_iter().map(|item| (key(&item), item)).collect();
    keyed.retain(|(key, _)| after.is_none_or(|after| key.as_str() > after));
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    let limit = usize::try_from(request.limit).expect("a usize has at least 32 bits here");
    let more = keyed.len() > limit;
    keyed.truncate(limit);
    let next_cursor = keyed.last().filter(|_| more).map(|(key, _)| format!("{list}/{key}"));
    Ok(Page { items: keyed.into_iter().map(|(_, item)| item).collect(), next_cursor })
}

/// One page of those lines of a history that are wanted, the newest first. Of two of the same time the one that came later is the newer one.
pub(crate) fn history<T: Clone>(
    list: &str,
    request: &PageRequest,
    lines: &[T],
    wanted: impl Fn(&T) -> bool,
    at: impl Fn(&T) -> OffsetDateTime,
) -> Result<Page<T>, StoreError> {
    let lines = lines.iter().enumerate().filter(|(_, line)| wanted(line)).collect();
    let found = page(list, request, lines, |(arrival, line)| newest_first(at(line), *arrival as u128))?;
    Ok(Page { items: found.items.into_iter().map(|(_, line)| line.clone()).collect(), next_cursor: found.next_cursor })
}

/// A key by which the newest comes first, and of two of the same time the one with the higher number.
pub(crate) fn newest_first(at: OffsetDateTime, number: u128) -> String {
    // With the sign bit turned over, times before 1970 come before the others as numbers too.
    let nanoseconds = at.unix_timestamp_nanos().cast_unsigned() ^ (1 << 127);
    format!("{:039}{:039}", u128::MAX - nanoseconds, u128::MAX - number)
}

#[cfg(test)]
mod tests {
    use super::{newest_first, page};
    use domain::page::PageRequest;
    use ports::driven::StoreError;
    use time::{Duration, OffsetDateTime};

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let mut request = PageRequest { limit: 2, cursor: None };
        let mut seen = Vec::new();
        loop {
            let found = page("letters", &request, vec!["d", "a", "c", "b"], |letter| (*letter).to_owned()).unwrap();
            seen.push(found.items);
            request.cursor = found.next_cursor;
            if request.cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, [["a", "b"], ["c", "d"]]);
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let request = PageRequest { limit: 2, cursor: Some("letters/a".to_owned()) };
        assert!(matches!(page("numbers", &request, vec![1], ToString::to_string), Err(StoreError::BadCursor)));
    }

    #[test]
    fn the_newest_comes_first() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let old = now - Duration::days(10_000);
        assert!(newest_first(now, 1) < newest_first(old, 1));
        assert!(newest_first(now, 2) < newest_first(now, 1));
    }
}
