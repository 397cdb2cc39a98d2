//! The status of PostgreSQL's own refusals, as PostgREST gives it.

use http::StatusCode;

/// The status for a SQLSTATE. A right that is missing is 401 for those who have not said who they are.
pub(super) fn status_of(sqlstate: &str, anonymous: bool) -> StatusCode {
    let class = sqlstate.get(..2).unwrap_or_default();
    match (sqlstate, class) {
        ("23503" | "23505" | "23P01" | "40001" | "40P01", _) => StatusCode::CONFLICT,
        ("25006", _) => StatusCode::METHOD_NOT_ALLOWED,
        ("42501", _) if anonymous => StatusCode::UNAUTHORIZED,
        ("42501", _) | (_, "0L" | "0P" | "28") => StatusCode::FORBIDDEN,
        ("42P01" | "42883", _) => StatusCode::NOT_FOUND,
        ("42P17" | "53400", _) => StatusCode::INTERNAL_SERVER_ERROR,
        ("57014", _) => StatusCode::GATEWAY_TIMEOUT,
        ("57P01" | "57P02" | "57P03", _) | (_, "08" | "53") => StatusCode::SERVICE_UNAVAILABLE,
        // Something is not in the state that the request needs: a view that takes no rows, a materialised view that was never filled.
        ("P0001" | "55000", _) => StatusCode::BAD_REQUEST,
        ("55006" | "55P03", _) => StatusCode::CONFLICT,
        (_, "PT") => raised(sqlstate),
        (_, "54") => StatusCode::PAYLOAD_TOO_LARGE,
        (_, "09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "55" | "57" | "58" | "F0" | "HV" | "P0" | "XX") => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// `PT402`: a function of the user raised the status itself.
fn raised(sqlstate: &str) -> StatusCode {
    sqlstate[2..]
        .parse()
        .ok()
        .filter(|status: &StatusCode| status.is_client_error() || status.is_server_error())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::status_of;

    #[test]
    fn refusals_of_postgresql_have_postgrests_statuses() {
        for (sqlstate, status) in [
            ("23503", 409),
            ("23505", 409),
            ("23502", 400),
            ("23514", 400),
            ("22P02", 400),
            ("25006", 405),
            ("42501", 403),
            ("42P01", 404),
            ("42883", 404),
            ("42703", 400),
            ("40001", 409),
            ("40P01", 409),
            ("53300", 503),
            ("54001", 413),
            ("57014", 504),
            ("57P01", 503),
            ("55000", 400),
            ("55P03", 409),
            ("0A000", 400),
            ("08006", 503),
            ("P0001", 400),
            ("P0002", 500),
            ("PT402", 402),
            ("PT200", 500),
            ("PTxyz", 500),
            ("XX000", 500),
            ("", 400),
        ] {
            assert_eq!(status_of(sqlstate, false).as_u16(), status, "{sqlstate}");
        }
        assert_eq!(status_of("42501", true).as_u16(), 401);
    }
}
