//! From one page of rows to the next: `cursor`, `X-Next-Cursor`, `Link`.

use super::{Ask, Tables, bad_query, bad_request};
use crate::problem::Problem;
use domain::{
    Fault,
    branch::BranchMentions,
    table::{FOREIGN_CURSOR, PageSubject, Select},
};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use ports::driven::CursorSeal;
use std::borrow::Cow;

const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");

/// A read that is asked for page by page.
pub(super) struct Pages {
    subject: PageSubject,
    limit: Option<u64>,
    /// Rows before the page that is asked for.
    offset: u64,
}

impl Tables {
    /// Makes a read one of pages, beginning where its cursor says. Equal rows then have an order too, so that pages lose and repeat none.
    pub(super) fn pages(&self, cursor: Option<&str>, ask: &Ask, branch: &BranchMentions, select: &mut Select) -> Result<Option<Pages>, Problem> {
        if cursor.is_some() && select.offset > 0 {
            return Err(bad_request("contradiction", "'cursor' says where to begin, and so does 'offset' or the Range header; send one of them"));
        }
        if cursor.is_none() && select.limit.is_none() {
            return Ok(None);
        }
        select.tie_break = true;
        // Branches that contradict each other are for the use case to refuse, which writes that down.
        let Ok(subject) = PageSubject::new(&ask.caller.principal, branch, select) else { return Ok(None) };
        if let Some(cursor) = cursor {
            select.offset = self.cursors.open(&subject, cursor).ok_or_else(|| bad_query(vec![Fault::new("/cursor", FOREIGN_CURSOR)]))?;
        }
        Ok(Some(Pages { subject, limit: select.limit, offset: select.offset }))
    }
}

impl Pages {
    /// Tells where the next page begins, unless this one is known to be the last: `read` are its rows, where they are known by now. A full page may
    /// still be the last; the next one is empty then.
    pub(super) fn tell_next(&self, cursors: &dyn CursorSeal, uri: &Uri, read: Option<u64>, total: Option<u64>, headers: &mut HeaderMap) {
        let Some(limit) = self.limit.filter(|limit| *limit > 0) else { return };
        let Some(next) = self.offset.checked_add(limit).filter(|next| i64::try_from(*next).is_ok()) else { return };
        if read.is_some_and(|read| read < limit) || total.is_some_and(|total| total <= next) {
            return;
        }
        let cursor = cursors.seal(&self.subject, next);
        if let Ok(link) = HeaderValue::try_from(format!("<{}>; rel=\"next\"", target_of_next(uri, limit, &cursor))) {
            headers.insert(header::LINK, link);
        }
        headers.insert(NEXT_CURSOR, HeaderValue::try_from(cursor).expect("letters, digits, dashes"));
    }
}

/// The same request for the next page.
fn target_of_next(uri: &Uri, limit: u64, cursor: &str) -> String {
    let parts = uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty());
    let mut kept: Vec<Cow<'_, str>> = parts.filter(|part| !says_where(part)).map(Cow::from).collect();
    if !kept.iter().any(|part| part.starts_with("limit=")) {
        kept.push(format!("limit={limit}").into());
    }
    kept.push(format!("cursor={cursor}").into());
    format!("{}?{}", uri.path(), kept.join("&"))
}

/// Whether a parameter says where a page begins. A filter on a column called `cursor` does not.
fn says_where(part: &str) -> bool {
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    name == "offset" || (name == "cursor" && !value.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::target_of_next;

    #[test]
    fn the_next_page_is_asked_for_like_this_one() {
        for (uri, expected) in [
            ("/t?limit=5", "/t?limit=5&cursor=c"),
            ("/t", "/t?limit=5&cursor=c"),
            ("/t?a=eq.%22x%22&limit=5&offset=10&order=id", "/t?a=eq.%22x%22&limit=5&order=id&cursor=c"),
            ("/t?cursor=old&limit=5&cursor=eq.x", "/t?limit=5&cursor=eq.x&cursor=c"),
        ] {
            assert_eq!(target_of_next(&uri.parse().unwrap(), 5, "c"), expected);
        }
    }
}
