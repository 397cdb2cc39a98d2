//! Which table a path names.

use super::{PREFIX, bad_request};
use crate::problem::Problem;
use domain::table::TableName;
use http::{HeaderName, Method, StatusCode};
use percent_encoding::percent_decode_str;
use poem::Request;

const ACCEPT_PROFILE: HeaderName = HeaderName::from_static("accept-profile");
const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");

/// `/{table}` or `/{schema}/{table}`. PostgREST's profile headers name the schema too.
pub(super) fn table(request: &Request) -> Result<TableName, Problem> {
    let rest = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    let mut parts = rest.split('/').map(decoded);
    let (first, second, third) = (parts.next().transpose()?, parts.next().transpose()?, parts.next());
    let (schema, name) = match (first, second, third) {
        (Some(name), None, None) => (None, name),
        (Some(schema), Some(name), None) => (Some(schema), name),
        _ => return Err(no_table()),
    };
    if name.is_empty() || schema.as_ref().is_some_and(String::is_empty) {
        return Err(no_table());
    }
    let schema = match (schema, profile(request)?) {
        (Some(schema), Some(profile)) if schema != profile => {
            return Err(bad_request("schema_mismatch", format!("the path says schema '{schema}', the profile header says '{profile}'")));
        }
        (schema, profile) => schema.or_else(|| profile.map(str::to_owned)),
    };
    Ok(TableName { schema, name })
}

fn profile(request: &Request) -> Result<Option<&str>, Problem> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let profile = request.headers().get(if reads { ACCEPT_PROFILE } else { CONTENT_PROFILE });
    profile.map(|profile| profile.to_str().map(str::trim)).transpose().map_err(|_| bad_request("bad_profile", "the profile header is not ASCII"))
}

fn decoded(segment: &str) -> Result<String, Problem> {
    let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| bad_request("bad_path", "the path is not UTF-8"))?;
    Ok(decoded.into_owned())
}

fn no_table() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", format!("expected {PREFIX}{{table}} or {PREFIX}{{schema}}/{{table}}"))
}

#[cfg(test)]
mod tests {
    use super::table;
    use http::Method;
    use poem::Request;

    fn named(path: &str, profile: Option<&str>) -> Result<String, u16> {
        let request = Request::builder().method(Method::GET).uri(format!("/api/v1/tables/{path}").parse().unwrap());
        let request = profile.into_iter().fold(request, |request, profile| request.header("accept-profile", profile)).finish();
        table(&request).map(|table| table.to_string()).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn one_part_is_a_table_two_are_a_schema_and_a_table() {
        assert_eq!(named("users", None).as_deref(), Ok("users"));
        assert_eq!(named("app/users", None).as_deref(), Ok("app.users"));
        assert_eq!(named("caf%C3%A9%2Fbar", None).as_deref(), Ok("café/bar"));
        assert_eq!(named("users", Some("app")).as_deref(), Ok("app.users"));
        assert_eq!(named("app/users", Some("app")).as_deref(), Ok("app.users"));
        assert_eq!(named("app/users", Some("other")), Err(400));
        for nothing in ["", "/users", "users/", "a/b/c"] {
            assert_eq!(named(nothing, None), Err(404), "{nothing}");
        }
        assert_eq!(named("%FF", None), Err(400));
    }
}
