//! PATCH and DELETE: rows that a filter matches.

use super::{
    Ask, Tables, bad_request,
    insert::{Answers, finish, read_json, returning, shape_of},
    prefer::PREFERENCE_APPLIED,
    range::content_range,
};
use crate::problem::Problem;
use domain::table::{Delete, RowsShape, Update};
use http::{HeaderValue, StatusCode, header};
use poem::{Body, Request, Response};
use ports::{
    driven::Written,
    driving::{DeleteRecord, UpdateRecord},
};

impl Tables {
    pub(super) async fn update(&self, ask: &mut Ask, request: &Request, body: Body) -> Result<Response, Problem> {
        check(ask)?;
        let (changes, shape) = shape_of(read_json(request, body, self.max_body_bytes).await?)?;
        let changes = if shape.array { only_one(&changes, &shape)?.to_owned() } else { changes };
        // Of a list of none, `columns` says nothing: nothing is written.
        let named = ask.query.columns.take().filter(|_| shape.rows > 0);
        let (returning, answers) = returning(ask, request)?;
        let command = UpdateRecord {
            branch: std::mem::take(&mut ask.branch),
            update: Update {
                table: ask.table.clone(),
                filter: ask.query.filter.take(),
                changes,
                columns: named.unwrap_or(shape.keys),
                missing_default: ask.prefer.missing_default == Some(true),
                max_affected: ask.prefer.max_affected(),
                dry_run: false,
                returning,
            },
        };
        let written = ask.put(&*self.update_record, command, request).await?;
        let range = content_range(0, written.affected, ask.prefer.count.map(|_| written.affected));
        changed(range, ask.prefer.applied_to_update(), written, answers, ask, request).await
    }

    pub(super) async fn delete(&self, ask: &mut Ask, request: &Request) -> Result<Response, Problem> {
        if ask.query.columns.is_some() {
            return Err(bad_request("unexpected_parameter", "'columns' does not belong to a delete"));
        }
        check(ask)?;
        let (returning, answers) = returning(ask, request)?;
        let command = DeleteRecord {
            branch: std::mem::take(&mut ask.branch),
            delete: Delete {
                table: ask.table.clone(),
                filter: ask.query.filter.take(),
                max_affected: ask.prefer.max_affected(),
                dry_run: false,
                returning,
            },
        };
        let written = ask.put(&*self.delete_record, command, request).await?;
        let range = content_range(0, 0, ask.prefer.count.map(|_| written.affected));
        changed(range, ask.prefer.applied_to_delete(), written, answers, ask, request).await
    }
}

/// The object in a list of one; an empty list changes nothing.
fn only_one<'t>(list: &'t str, shape: &RowsShape) -> Result<&'t str, Problem> {
    if shape.rows == 0 {
        return Ok("{}");
    }
    let inner = list.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.filter(|_| shape.rows == 1).ok_or_else(|| bad_request("invalid_json", "PATCH takes one object of new values, not a list of several"))
}

fn check(ask: &Ask) -> Result<(), Problem> {
    if ask.names_a_page() {
        let detail = "'limit', 'offset' and 'cursor' do not belong to PATCH and DELETE; bound them by 'Prefer: handling=strict, max-affected=N'";
        return Err(bad_request("unexpected_parameter", detail));
    }
    if ask.query.on_conflict.is_some() {
        return Err(bad_request("unexpected_parameter", "'on_conflict' belongs to an insert"));
    }
    if ask.query.filter.is_none() && ask.prefer.max_affected().is_none() {
        let detail =
            "a PATCH or DELETE without a filter would touch every row; add a filter, or bound it by 'Prefer: handling=strict, max-affected=N'";
        return Err(bad_request("filter_required", detail));
    }
    Ok(())
}

async fn changed(
    range: HeaderValue,
    applied: Option<HeaderValue>,
    written: Written,
    answers: Answers,
    ask: &Ask,
    request: &Request,
) -> Result<Response, Problem> {
    let mut response = Response::default();
    response.set_status(if matches!(answers, Answers::Rows(_)) { StatusCode::OK } else { StatusCode::NO_CONTENT });
    response.headers_mut().insert(header::CONTENT_RANGE, range);
    if let Some(applied) = applied {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    finish(response, written, answers, ask, request).await
}
