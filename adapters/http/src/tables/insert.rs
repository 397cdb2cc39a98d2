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
    query_string,
};
use bytes::Bytes;
use domain::table::{
    Condition, FieldPath, Insert, OnConflict, Operator, Resolution, Returning, RowsShape, Shape, Test, TruthValue, Value,
    grammar::{TableQuery, names_branch, print_query},
};
use http::{HeaderValue, StatusCode, Uri, header};
use poem::{Body, Request, Response};
use ports::{driven::Written, driving::InsertRecord};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
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
            if let Some(location) = pulled.whole().and_then(|key| location(request.uri(), key)) {
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

/// Where a new row is found: the path it was sent to, filtered by its key, on the branch that the query string named.
fn location(uri: &Uri, key: &[u8]) -> Option<HeaderValue> {
    // Numbers as they are written: one that is read here may be another.
    let key: BTreeMap<String, &RawValue> = serde_json::from_slice(key).ok()?;
    if key.is_empty() {
        return None;
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (column, value) in key {
        let (operator, value) = match value.get() {
            // A view may leave out what it is asked for.
            "null" => (Operator::Is, Value::Truth(TruthValue::Null)),
            text if text.starts_with('"') => (Operator::Eq, Value::Text(serde_json::from_str(text).ok()?)),
            other => (Operator::Eq, Value::Text(other.to_owned())),
        };
        let test = Test { field: FieldPath::column(column), operator, quantifier: None, value };
        query.extend_pairs(print_query(&TableQuery { filter: Some(Condition::Test(test)), ..TableQuery::default() }));
    }
    query.extend_pairs(query_string::pairs(uri.query()).ok()?.into_iter().filter(|(name, value)| names_branch(name, value)));
    HeaderValue::try_from(format!("{}?{}", uri.path(), query.finish())).ok()
}

#[cfg(test)]
mod tests {
    use super::location;
    use http::Uri;

    #[test]
    fn a_location_is_a_filter_by_the_key() {
        for (key, expected) in [
            (r#"{"id":5}"#, Some("/t?id=eq.5")),
            (r#"{"a b":"x&y","n":1.5}"#, Some("/t?%22a+b%22=eq.x%26y&n=eq.1.5")),
            (r#"{"id":1,"of":null}"#, Some("/t?id=eq.1&of=is.null")),
            (r#"{"id":123456789012345678901234567890.10}"#, Some("/t?id=eq.123456789012345678901234567890.10")),
            (r#"{"id":"\u00e9\"5"}"#, Some("/t?id=eq.%C3%A9%225")),
            (r#"{"done":true,"of":{"a": [1]}}"#, Some("/t?done=eq.true&of=eq.%7B%22a%22%3A+%5B1%5D%7D")),
            ("{}", None),
            ("", None),
            ("[]", None),
        ] {
            assert_eq!(location(&Uri::from_static("/t"), key.as_bytes()).as_ref().map(|value| value.to_str().unwrap()), expected, "{key}");
        }
    }

    #[test]
    fn a_location_is_on_the_branch_that_was_written_to() {
        for (uri, expected) in [
            ("/t?branch=pr-1&select=id", "/t?id=eq.5&branch=pr-1"),
            ("/t?br%61nch=pr-1&columns=branch", "/t?id=eq.5&branch=pr-1"),
            ("/t?select=branch", "/t?id=eq.5"),
        ] {
            assert_eq!(location(&Uri::from_static(uri), br#"{"id":5}"#).unwrap(), expected, "{uri}");
        }
    }
}
