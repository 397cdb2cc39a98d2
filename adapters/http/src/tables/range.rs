//! Which rows of a result are asked for and given: `Range`, `Content-Range`, and the status that goes with them.

use super::bad_request;
use crate::problem::Problem;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// The rows that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) offset: u64,
    pub(super) limit: Option<u64>,
}

impl Window {
    /// What both `limit` and `offset` and the `Range` header ask for.
    pub(super) fn read(headers: &HeaderMap, limit: Option<u64>, offset: u64) -> Result<Self, Problem> {
        let Some((first, last)) = range(headers)? else { return Ok(Self { offset, limit }) };
        let start = first.max(offset);
        let end = last.map(|last| last.saturating_add(1));
        let ends = [end, limit.map(|limit| offset.saturating_add(limit))];
        let limit = ends.into_iter().flatten().min().map(|end| end.saturating_sub(start));
        Ok(Self { offset: start, limit })
    }

    /// How many rows there are on the page, where the total is known.
    pub(super) fn rows_of(self, total: u64) -> u64 {
        let rest = total.saturating_sub(self.offset);
        self.limit.map_or(rest, |limit| limit.min(rest))
    }

    /// The status of a page, and its `Content-Range`; `Err` where the page lies past the end.
    pub(super) fn page(self, rows: u64, total: Option<u64>) -> Result<(StatusCode, HeaderValue), Problem> {
        if let Some(total) = total.filter(|total| self.offset > *total) {
            return Err(past_the_end(self.offset, total));
        }
        Ok(self.told(rows, total))
    }

    /// The same where nobody counted: no page lies past an end that was only expected, and what is on the page is there.
    pub(super) fn page_of_expected(self, rows: u64, expected: u64) -> (StatusCode, HeaderValue) {
        let reached = if rows == 0 { 0 } else { self.offset.saturating_add(rows) };
        self.told(rows, Some(expected.max(reached)))
    }

    /// The same for a page whose end is not known yet, of rows that nobody counted.
    pub(super) fn page_without_end(self, expected: u64) -> (StatusCode, HeaderValue) {
        let status = if self.rows_of(expected) < expected { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        (status, content_range(self.offset, 0, Some(expected)))
    }

    fn told(self, rows: u64, total: Option<u64>) -> (StatusCode, HeaderValue) {
        let status = if total.is_some_and(|total| rows < total) { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        (status, content_range(self.offset, rows, total))
    }
}

/// `0-9/100`, `*/100` for an empty page or one whose end is not known, `0-9/*` where nobody counted.
pub(super) fn content_range(first: u64, rows: u64, total: Option<u64>) -> HeaderValue {
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    let range = match rows {
        0 => format!("*/{total}"),
        rows => format!("{first}-{}/{total}", first.saturating_add(rows - 1)),
    };
    HeaderValue::try_from(range).expect("digits, dashes and stars")
}

/// `0-9` or `10-`, perhaps with `items=` before it. Ranges of other units (`bytes=`) do not count here.
fn range(headers: &HeaderMap) -> Result<Option<(u64, Option<u64>)>, Problem> {
    let Some(range) = headers.get(header::RANGE) else { return Ok(None) };
    let text = range.to_str().unwrap_or_default().trim();
    let text = match text.split_once('=') {
        Some(("items", range)) => range,
        Some(_) => return Ok(None),
        None => text,
    };
    let malformed = || bad_request("invalid_range", "the Range header is malformed; expected rows such as 0-9 or 10-");
    let (first, last) = text.split_once('-').ok_or_else(malformed)?;
    let first = first.parse().map_err(|_| malformed())?;
    let last = if last.is_empty() { None } else { Some(last.parse().map_err(|_| malformed())?) };
    match last {
        Some(last) if last < first => {
            Err(Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", format!("row {last} comes before row {first}")))
        }
        // PostgreSQL counts rows in a signed number.
        _ if i64::try_from(first).is_err() => Err(malformed()),
        last => Ok(Some((first, last.filter(|last| *last < i64::MAX.unsigned_abs())))),
    }
}

fn past_the_end(offset: u64, total: u64) -> Problem {
    let detail = format!("an offset of {offset} was asked for, but there are only {total} rows");
    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail)
        .header(header::CONTENT_RANGE, HeaderValue::try_from(format!("*/{total}")).expect("digits"))
}

#[cfg(test)]
mod tests {
    use super::Window;
    use http::{HeaderMap, HeaderValue, header::RANGE};

    fn window(range: &'static str, limit: Option<u64>, offset: u64) -> Result<(u64, Option<u64>), u16> {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]);
        Window::read(&headers, limit, offset).map(|window| (window.offset, window.limit)).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn range_and_limit_meet() {
        assert_eq!(Window::read(&HeaderMap::new(), Some(5), 2).unwrap(), Window { offset: 2, limit: Some(5) });
        assert_eq!(window("0-9", None, 0), Ok((0, Some(10))));
        assert_eq!(window("items=10-", None, 0), Ok((10, None)));
        assert_eq!(window("0-9", Some(3), 5), Ok((5, Some(3))));
        assert_eq!(window("0-9", Some(100), 5), Ok((5, Some(5))));
        assert_eq!(window("20-29", Some(5), 0), Ok((20, Some(0))));
        assert_eq!(window("bytes=0-99", Some(5), 0), Ok((0, Some(5))));
        assert_eq!(window("0-9223372036854775807", None, 0), Ok((0, None)));
        assert_eq!(window("5-2", None, 0), Err(416));
        for malformed in ["x", "-5", "1-x", "0-9,20-29", "99999999999999999999-"] {
            assert_eq!(window(malformed, None, 0), Err(400), "{malformed}");
        }
    }

    #[test]
    fn pages_have_postgrests_statuses() {
        for (offset, rows, total, expected) in [
            (0, 10, None, Ok((200, "0-9/*"))),
            (0, 0, None, Ok((200, "*/*"))),
            (0, 10, Some(10), Ok((200, "0-9/10"))),
            (0, 10, Some(100), Ok((206, "0-9/100"))),
            (10, 0, Some(10), Ok((206, "*/10"))),
            (0, 0, Some(0), Ok((200, "*/0"))),
            (11, 0, Some(10), Err(416)),
            (1, 0, Some(0), Err(416)),
        ] {
            let page = Window { offset, limit: None }.page(rows, total);
            let page = page.as_ref().map(|(status, range)| (status.as_u16(), range.to_str().unwrap())).map_err(|problem| problem.status().as_u16());
            assert_eq!(page, expected, "{offset} {rows} {total:?}");
        }
    }

    #[test]
    fn what_is_only_expected_decides_nothing() {
        let window = Window { offset: 10, limit: Some(5) };
        for (expected, rows, shown) in [(3, 5, "10-14/15"), (3, 0, "*/3"), (100, 5, "10-14/100")] {
            let (status, range) = window.page_of_expected(rows, expected);
            assert_eq!((status.as_u16(), range.to_str().unwrap()), (206, shown));
        }
        for (window, expected, status) in
            [(window, 3, 206), (Window { offset: 0, limit: Some(5) }, 3, 200), (Window { offset: 0, limit: None }, 3, 200)]
        {
            let (found, range) = window.page_without_end(expected);
            assert_eq!((found.as_u16(), range.to_str().unwrap()), (status, "*/3"));
        }
    }
}
