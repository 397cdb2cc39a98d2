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

const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");

/// A read that is asked for page by page.
pub(super) struct Pages {
    /// Known already where a cursor was sent.
    subject: Option<PageSubject>,
    branch: BranchMentions,
    limit: Option<u64>,
    /// Rows before the page that is asked for.
    offset: u64,
}

impl Tables {
    /// Makes a read one of pages, beginning where its cursor says. Equal rows then have an order too, so that pages lose and repeat none.
    pub(super) fn pages(
        &self,
        cursor: Option<&str>,
        ask: &Ask,
        uri: &Uri,
        branch: &BranchMentions,
        select: &mut Select,
    ) -> Result<Option<Pages>, Problem> {
        if cursor.is_some() && select.offset > 0 {
            return Err(bad_request("contradiction", "'cursor' says where to begin, and so does 'offset' or the Range header; send one of them"));
        }
        if cursor.is_none() && select.limit.is_none() {
            return Ok(None);
        }
        select.tie_break = true;
        let mut subject = None;
        if let Some(cursor) = cursor {
            // Branches that contradict each other are for the use case to refuse, which writes that down.
            let Some(known) = subject_of(ask, branch, uri) else { return Ok(None) };
            select.offset = self.cursors.open(&known, cursor).ok_or_else(|| bad_query(vec![Fault::new("/cursor", FOREIGN_CURSOR)]))?;
            subject = Some(known);
        }
        Ok(Some(Pages { subject, branch: branch.clone(), limit: select.limit, offset: select.offset }))
    }
}

fn subject_of(ask: &Ask, branch: &BranchMentions, uri: &Uri) -> Option<PageSubject> {
    PageSubject::of_query_string(&ask.caller.principal, branch, &ask.table, uri.query().unwrap_or_default()).ok()
}

/// What came of a page.
pub(super) struct Came {
    /// Its rows, where they are known by now.
    pub(super) rows: Option<u64>,
    /// The rows of all pages, where they were counted. What is only expected ends no page.
    pub(super) total: Option<u64>,
}

impl Pages {
    /// Tells where the next page begins, unless this one is known to be the last. A full page may still be the last; the next one is empty then.
    pub(super) fn tell_next(self, cursors: &dyn CursorSeal, ask: &Ask, uri: &Uri, came: &Came, headers: &mut HeaderMap) {
        let Some(limit) = self.limit.filter(|limit| *limit > 0) else { return };
        let Some(next) = self.offset.checked_add(limit).filter(|next| i64::try_from(*next).is_ok()) else { return };
        if came.rows.is_some_and(|rows| rows < limit) || came.total.is_some_and(|total| total <= next) {
            return;
        }
        let Some(subject) = self.subject.or_else(|| subject_of(ask, &self.branch, uri)) else { return };
        let cursor = cursors.seal(&subject, next);
        if let Ok(link) = HeaderValue::try_from(link_to_next(uri, limit, &cursor)) {
            headers.insert(header::LINK, link);
        }
        headers.insert(NEXT_CURSOR, HeaderValue::try_from(cursor).expect("letters, digits, dashes"));
    }
}

/// The same request for the next page, as a link (RFC 8288).
fn link_to_next(uri: &Uri, limit: u64, cursor: &str) -> String {
    let query = uri.query().unwrap_or_default();
    let mut link = String::with_capacity(uri.path().len() + query.len() + cursor.len() + 64);
    link.push('<');
    link.push_str(uri.path());
    let mut joint = '?';
    let mut add = |parts: &[&str]| {
        link.push(std::mem::replace(&mut joint, '&'));
        for part in parts {
            link.push_str(part);
        }
    };
    let mut limited = false;
    for part in query.split('&').filter(|part| !part.is_empty() && !says_where(part)) {
        limited |= part.starts_with("limit=");
        add(&[part]);
    }
    if !limited {
        add(&["limit=", &limit.to_string()]);
    }
    add(&["cursor=", cursor]);
    link.push_str(">; rel=\"next\"");
    link
}

/// Whether a parameter says where a page begins. A filter on a column called `cursor` does not.
fn says_where(part: &str) -> bool {
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    name == "offset" || (name == "cursor" && !value.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::link_to_next;

    #[test]
    fn the_next_page_is_asked_for_like_this_one() {
        for (uri, expected) in [
            ("/t?limit=5", "/t?limit=5&cursor=c"),
            ("/t", "/t?limit=5&cursor=c"),
            ("/t?a=eq.%22x%22&limit=5&offset=10&order=id", "/t?a=eq.%22x%22&limit=5&order=id&cursor=c"),
            ("/t?cursor=old&limit=5&cursor=eq.x", "/t?limit=5&cursor=eq.x&cursor=c"),
        ] {
            assert_eq!(link_to_next(&uri.parse().unwrap(), 5, "c"), format!("<{expected}>; rel=\"next\""));
        }
    }
}
