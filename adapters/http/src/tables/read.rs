//! GET and HEAD: rows.

use super::{Ask, Tables, accept, answer::Pulled, bad_request, pages::Came, prefer::PREFERENCE_APPLIED, range::Window};
use crate::problem::Problem;
use domain::table::Select;
use http::{HeaderName, HeaderValue, Method, header};
use poem::{Body, Request, Response};
use ports::driving::QueryTable;

/// What an answer carries at most, the edge's own included, is about this much.
const ANSWER_HEADERS: usize = 8;

const RANGE_UNIT: HeaderName = HeaderName::from_static("range-unit");

impl Tables {
    pub(super) async fn read(&self, ask: &mut Ask, request: &Request) -> Result<Response, Problem> {
        if ask.query.columns.is_some() || ask.query.on_conflict.is_some() {
            return Err(bad_request("unexpected_parameter", "'columns' and 'on_conflict' belong to writes"));
        }
        let shape = accept::shape(request.headers())?;
        let mut window = Window::read(request.headers(), ask.query.limit, ask.query.offset)?;
        let branch = std::mem::take(&mut ask.branch);
        let mut select = Select {
            table: ask.table.clone(),
            columns: std::mem::take(&mut ask.query.select),
            filter: ask.query.filter.take(),
            order: std::mem::take(&mut ask.query.order),
            tie_break: false,
            limit: window.limit,
            offset: window.offset,
            count: ask.prefer.count,
            shape,
            max_bytes: None,
        };
        let cursor = ask.query.cursor.take();
        let pages = self.pages(cursor.as_deref(), ask, request.uri(), &branch, &mut select)?;
        window.offset = select.offset;
        let command = QueryTable { branch, select };
        let rows = ask.put(&*self.query_table, command, request).await?;
        let (total, estimated) = (rows.total, rows.estimated);
        let counted = total.filter(|_| !estimated);
        let pulled = Pulled::from(rows.document).await.map_err(|failure| ask.refused(failure.of_reading(), request))?;

        let mut response = Response::default();
        // Grown once instead of on the way.
        response.headers_mut().reserve(ANSWER_HEADERS);
        if let Some(pages) = pages {
            let came = Came { rows: pulled.rows(), total: counted };
            pages.tell_next(&*self.cursors, ask, request.uri(), &came, response.headers_mut());
        }
        // Of a page that still streams, the end is known only by a total that was counted.
        let known = pulled.rows().or_else(|| counted.map(|total| window.rows_of(total)));
        let page = match (known, total) {
            (Some(rows), Some(expected)) if estimated => Some(window.page_of_expected(rows, expected)),
            (Some(rows), total) => Some(window.page(rows, total)?),
            (None, Some(expected)) => Some(window.page_without_end(expected)),
            (None, None) => None,
        };
        if let Some((status, content_range)) = page {
            response.set_status(status);
            response.headers_mut().insert(header::CONTENT_RANGE, content_range);
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(accept::content_type(shape)));
        headers.insert(RANGE_UNIT, HeaderValue::from_static("items"));
        if let Some(applied) = ask.prefer.applied_to_read() {
            headers.insert(PREFERENCE_APPLIED, applied);
        }
        if request.method() == Method::HEAD {
            if let Some(whole) = pulled.whole() {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
            }
            response.set_body(Body::empty());
        } else {
            response.set_body(pulled.into_body(ask.caller.request_id.clone()));
        }
        Ok(response)
    }
}
