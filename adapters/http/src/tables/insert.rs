//! POST: new rows, and rows that replace those that are there.

use super::{
    Ask, Tables, accept,
    answer::Pulled,
    bad_request,
    prefer::{PREFERENCE_APPLIED, Return},
    range::content_range,
};
use crate::{
    body::{is_json, read_body},
    problem::Problem,
};
use bytes::Bytes;
use domain::table::{
    Condition, FieldPath, Insert, OnConflict, Operator, Resolution, Returning, RowsShape, Shape, Test, TruthValue, Value,
    grammar::{TableQuery, print_query},
};
use http::{HeaderValue, StatusCode, header};
use poem::{Body, Request, Response};
use ports::{driven::Written, driving::InsertRecord};
use url::form_urlencoded;

impl Tables {
    pub(super) async fn insert(&self, ask: &mut Ask, request: &Request, body: Body) -> Result<Response, Problem> {
        if ask.query.filter.is_some() || ask.names_a_page() {
            return Err(bad_request("unexpected_parameter", "filters, 'limit', 'offset' and 'cursor' do not belong to an insert"));
        }
        let (rows, columns) = rows(read_json(request, body, self.max_body_bytes).await?, ask)?;
        let (returning, answers) = returning(ask, request)?;
        let command = InsertRecord {
            branch: std::mem::take(&mut ask.branch),
            insert: Insert {
                table: ask.table.clone(),
                rows,
                columns,
                on_conflict: ask
                    .prefer
                    .resolution
                    .map(|resolution| OnConflict { columns: ask.query.on_conflict.take().unwrap_or_default(), resolution }),
                missing_default: ask.prefer.missing_default == Some(true),
                returning,
            },
        };
        let written = ask.put(&*self.insert_record, command, request).await?;

        let mut response = Response::default();
        let merged = ask.prefer.resolution == Some(Resolution::MergeDuplicates) && written.inserted == Some(0);
        response.set_status(if merged { StatusCode::OK } else { StatusCode::CREATED });
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_RANGE, content_range(0, 0, ask.prefer.count.map(|_| written.affected)));
        if let Some(applied) = ask.prefer.applied_to_insert() {
            headers.insert(PREFERENCE_APPLIED, applied);
        }
        finish(response, written, answers, ask, request).await
    }
}

/// What of a write's document goes into the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// Nothing.
    Nothing,
    /// The key of a new row, as `Location`.
    Location,
    /// The rows.
    Rows(Shape),
}

/// What a write is to give back, and what becomes of it.
pub(super) fn returning(ask: &mut Ask, request: &Request) -> Result<(Returning, Answers), Problem> {
    let query = &mut ask.query;
    let mut rows =
        |shape| Returning::Rows { columns: std::mem::take(&mut query.select), order: std::mem::take(&mut query.order), shape, max_bytes: None };
    match ask.prefer.returns.unwrap_or_default() {
        Return::Representation => {
            let shape = accept::shape(request.headers())?;
            Ok((rows(shape), Answers::Rows(shape)))
        }
        // Exactly one row is asked for, even though nobody wants to see it: only rows that come back are counted in time.
        _ if matches!(accept::shape(request.headers()), Ok(Shape::Singular)) => Ok((rows(Shape::Singular), Answers::Nothing)),
        Return::HeadersOnly if request.method() == http::Method::POST => Ok((Returning::Key, Answers::Location)),
        Return::HeadersOnly | Return::Minimal => Ok((Returning::Count, Answers::Nothing)),
    }
}

/// Puts what a write gave back into its response.
pub(super) async fn finish(mut response: Response, written: Written, answers: Answers, ask: &Ask, request: &Request) -> Result<Response, Problem> {
    let Some(document) = written.document.filter(|_| answers != Answers::Nothing) else { return Ok(response) };
    let pulled = Pulled::from(document).await.map_err(|failure| ask.refused(failure, request))?;
    match answers {
        Answers::Nothing => {}
        Answers::Location => {
            if let Some(location) = pulled.whole().and_then(|key| location(request.uri().path(), key)) {
                response.headers_mut().insert(header::LOCATION, location);
            }
        }
        Answers::Rows(shape) => {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(accept::content_type(shape)));
            response.set_body(pulled.into_body(ask.caller.request_id.clone()));
        }
    }
    Ok(response)
}

/// A body that is JSON by its content type.
pub(super) async fn read_json(request: &Request, body: Body, limit: usize) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        let detail = "rows are sent as application/json; CSV and forms are not taken";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    read_body(request.headers(), body, limit).await
}

/// A body of rows as text, with what it looks like from outside.
pub(super) fn shape_of(body: Bytes) -> Result<(String, RowsShape), Problem> {
    let shape: RowsShape =
        serde_json::from_slice(&body).map_err(|error| bad_request("invalid_json", format!("the body is no JSON of rows: {error}")))?;
    let text = String::from_utf8(body.into()).map_err(|_| bad_request("invalid_json", "the body is not UTF-8"))?;
    Ok((text, shape))
}

fn rows(body: Bytes, ask: &Ask) -> Result<(String, Vec<String>), Problem> {
    let (text, shape) = shape_of(body)?;
    let columns = shape.columns(ask.query.columns.clone()).map_err(|unequal| bad_request("unequal_rows", unequal.to_string()))?;
    Ok((text, columns))
}

/// Where a new row is found: the path it was sent to, filtered by its key.
fn location(path: &str, key: &[u8]) -> Option<HeaderValue> {
    let key: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(key).ok()?;
    if key.is_empty() {
        return None;
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (column, value) in key {
        let (operator, value) = match value {
            // A view may leave out what it is asked for.
            serde_json::Value::Null => (Operator::Is, Value::Truth(TruthValue::Null)),
            serde_json::Value::String(text) => (Operator::Eq, Value::Text(text)),
            other => (Operator::Eq, Value::Text(other.to_string())),
        };
        let test = Test { field: FieldPath::column(column), operator, quantifier: None, value };
        query.extend_pairs(print_query(&TableQuery { filter: Some(Condition::Test(test)), ..TableQuery::default() }));
    }
    HeaderValue::try_from(format!("{path}?{}", query.finish())).ok()
}

#[cfg(test)]
mod tests {
    use super::location;

    #[test]
    fn a_location_is_a_filter_by_the_key() {
        for (key, expected) in [
            (r#"{"id":5}"#, Some("/t?id=eq.5")),
            (r#"{"a b":"x&y","n":1.5}"#, Some("/t?%22a+b%22=eq.x%26y&n=eq.1.5")),
            (r#"{"id":1,"of":null}"#, Some("/t?id=eq.1&of=is.null")),
            ("{}", None),
            ("", None),
            ("[]", None),
        ] {
            assert_eq!(location("/t", key.as_bytes()).as_ref().map(|value| value.to_str().unwrap()), expected, "{key}");
        }
    }
}
