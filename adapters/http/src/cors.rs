//! Pages of other origins: which of them may read what is answered to them (CORS).
//!
//! poem's own middleware does not fit: it refuses requests of origins that it does not know, in plain text, and an empty list allows every origin. Here
//! a request of an unknown origin is answered like any other, and the browser, finding no permission, keeps the answer from the page. Credentials are
//! headers that a page must know, never cookies, so that no `Access-Control-Allow-Credentials` is given.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};
use std::str::FromStr;
use url::Url;

/// An origin whose pages may read answers: `https://app.example.com`, `http://localhost:*` for any port, or `*` for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsOrigin(Pattern);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Any,
    Exact(String),
    /// Everything before the port.
    AnyPort(String),
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no web origin; expected scheme and host without a path: https://app.example.com, http://localhost:*; or * for every origin")]
pub struct InvalidCorsOrigin(String);

impl FromStr for CorsOrigin {
    type Err = InvalidCorsOrigin;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if raw == "*" {
            return Ok(Self(Pattern::Any));
        }
        let (origin, any_port) = raw.strip_suffix(":*").map_or((raw, false), |origin| (origin, true));
        let url = Url::parse(origin).ok().filter(|_| !origin.contains('*')).ok_or_else(|| InvalidCorsOrigin(raw.to_owned()))?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none() && !origin.ends_with('/');
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !bare || !anonymous || !url.has_host() || (any_port && url.port().is_some()) {
            return Err(InvalidCorsOrigin(raw.to_owned()));
        }
        // As browsers write it. Schemes of their own, such as `capacitor://localhost`, have no default port and no rules.
        let origin = if url.origin().is_tuple() { url.origin().ascii_serialization() } else { origin.to_ascii_lowercase() };
        Ok(Self(if any_port { Pattern::AnyPort(origin) } else { Pattern::Exact(origin) }))
    }
}

impl CorsOrigin {
    fn covers(&self, origin: &str) -> bool {
        match &self.0 {
            Pattern::Any => true,
            Pattern::Exact(exact) => exact == origin,
            Pattern::AnyPort(host) => origin
                .strip_prefix(host.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())),
        }
    }
}

/// What a page may read beside the body and what every page may read.
const EXPOSED: &str = "Content-Range, Content-Location, Link, Location, Preference-Applied, Range-Unit, Retry-After, WWW-Authenticate, X-Next-Cursor, \
                       X-Request-Id, Mcp-Session-Id, Mcp-Protocol-Version";

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// What a page may send.
const HEADERS: &[&str] = &[
    "accept",
    "accept-profile",
    "apikey",
    "authorization",
    "cache-control",
    "content-profile",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "prefer",
    "range",
    "range-unit",
    "traceparent",
    "tracestate",
    "x-api-key",
    "x-client-info",
    "x-fluxbase-branch",
    "x-request-id",
    "x-retry-count",
    "x-service-key",
    "x-upsert",
];

/// Beginnings of what a page may send: families of headers that grow with their protocols.
const FAMILIES: &[&str] = &["mcp-", "x-supabase-"];

/// How long a browser may keep a permission, in seconds. None keeps it longer.
const KEPT: &str = "7200";

/// The origins that are allowed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cors(Vec<CorsOrigin>);

impl Cors {
    pub(crate) const fn new(origins: Vec<CorsOrigin>) -> Self {
        Self(origins)
    }

    /// What `Access-Control-Allow-Origin` is to say to a request; `None` where it comes from no page, or from one that is not allowed.
    pub(crate) fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(header::ORIGIN)?;
        if self.0.iter().any(|allowed| allowed.0 == Pattern::Any) {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?;
        self.0.iter().any(|allowed| allowed.covers(text)).then(|| origin.clone())
    }

    /// The answer to a browser that asks before it sends a request of an allowed origin.
    pub(crate) fn preflight(request: &Request) -> Option<Response> {
        let asks = request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        let mut response = Response::builder()
            .status(StatusCode::NO_CONTENT)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS)
            .header(header::ACCESS_CONTROL_MAX_AGE, KEPT)
            .finish();
        let wanted = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|wanted| wanted.to_str().ok()).unwrap_or_default();
        let wanted = wanted.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| may_be_sent(name));
        let granted = wanted.collect::<Vec<_>>().join(", ");
        if let Some(granted) = HeaderValue::try_from(granted).ok().filter(|granted| !granted.is_empty()) {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, granted);
        }
        Some(response)
    }

    /// Adds the permission to an answer.
    pub(crate) fn permit(&self, allowed: Option<HeaderValue>, response: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let names_one = allowed.as_ref().is_none_or(|allowed| allowed != "*");
        if names_one {
            // What a cache keeps for one origin, or for no page at all, is not for the next one.
            response.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(allowed) = allowed {
            response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}

fn may_be_sent(name: &str) -> bool {
    HEADERS.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::{Cors, CorsOrigin};
    use crate::{Edge, testing::ids};
    use http::{HeaderMap, HeaderValue, Method, StatusCode, header::ORIGIN};
    use poem::{
        Endpoint, Request, Response,
        endpoint::make_sync,
        test::{TestClient, TestResponse},
    };

    fn origins(list: &[&str]) -> Vec<CorsOrigin> {
        list.iter().map(|raw| raw.parse().unwrap()).collect()
    }

    fn client(list: &[&str]) -> TestClient<impl Endpoint> {
        let inner = make_sync(|request: Request| match request.uri().path() {
            "/fails" => Err(poem::Error::from_status(StatusCode::NOT_FOUND)),
            _ => Ok(Response::builder().body("rows")),
        });
        TestClient::new(Edge::around(inner, ids()).allowing(origins(list)))
    }

    fn header<'r>(response: &'r TestResponse, name: &str) -> Option<&'r str> {
        response.0.header(name)
    }

    #[test]
    fn an_origin_is_allowed_by_the_list_only() {
        let allows = |list: &[&str], origin: &str| {
            Cors::new(origins(list)).allowed(&HeaderMap::from_iter([(ORIGIN, HeaderValue::from_str(origin).unwrap())])).is_some()
        };
        for (list, origin) in [
            (&["https://app.example.com"][..], "https://app.example.com"),
            (&["https://APP.example.com:443"], "https://app.example.com"),
            (&["https://a.example", "http://localhost:5173"], "http://localhost:5173"),
            (&["http://localhost:*"], "http://localhost:1"),
            (&["http://localhost:*"], "http://localhost"),
            (&["capacitor://localhost"], "capacitor://localhost"),
            (&["*"], "https://anything.example"),
            (&["*"], "null"),
        ] {
            assert!(allows(list, origin), "{list:?} {origin}");
        }
        for (list, origin) in [
            (&[][..], "https://app.example.com"),
            (&["https://app.example.com"], "http://app.example.com"),
            (&["https://app.example.com"], "https://app.example.com.evil.example"),
            (&["https://app.example.com"], "https://app.example.com:8443"),
            (&["http://localhost:*"], "http://localhost.evil.example"),
            (&["http://localhost:*"], "http://localhost:1.evil.example"),
            (&["https://app.example.com"], "null"),
        ] {
            assert!(!allows(list, origin), "{list:?} {origin}");
        }
    }

    #[test]
    fn what_is_no_origin_cannot_be_set() {
        for raw in
            ["", "null", "app.example.com", "https://a.example/", "https://a.example/x", "https://*.a.example", "https://u@a.example", "http://a:1:*"]
        {
            assert!(raw.parse::<CorsOrigin>().is_err(), "{raw}");
        }
    }

    #[tokio::test]
    async fn a_preflight_is_answered_before_anybody_asks_for_a_credential() {
        let response = client(&["https://app.example.com"])
            .request(Method::OPTIONS, "/fails")
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "PATCH")
            .header("access-control-request-headers", "apikey,Authorization, x-client-info,mcp-protocol-version, x-evil")
            .send()
            .await;
        assert_eq!(response.0.status(), StatusCode::NO_CONTENT);
        response.assert_header("access-control-allow-origin", "https://app.example.com");
        response.assert_header("access-control-allow-headers", "apikey, authorization, x-client-info, mcp-protocol-version");
        response.assert_header("access-control-allow-methods", super::METHODS);
        response.assert_header("vary", "Origin");
        response.assert_header_exist("x-request-id");
        assert_eq!(header(&response, "access-control-allow-credentials"), None);
    }

    #[tokio::test]
    async fn answers_and_refusals_tell_an_allowed_page_what_it_may_read() {
        for path in ["/", "/fails"] {
            let response = client(&["https://app.example.com"]).get(path).header("origin", "https://app.example.com").send().await;
            response.assert_header("access-control-allow-origin", "https://app.example.com");
            assert!(header(&response, "access-control-expose-headers").unwrap().contains("Content-Range"));
        }
        let response = client(&["*"]).get("/").header("origin", "https://any.example").send().await;
        response.assert_header("access-control-allow-origin", "*");
        assert_eq!(header(&response, "vary"), None);
    }

    #[tokio::test]
    async fn a_foreign_page_is_answered_without_permission() {
        for list in [&[][..], &["https://app.example.com"]] {
            let response = client(list).get("/").header("origin", "https://evil.example").send().await;
            response.assert_status_is_ok();
            assert_eq!(header(&response, "access-control-allow-origin"), None);
            let response = client(list)
                .request(Method::OPTIONS, "/fails")
                .header("origin", "https://evil.example")
                .header("access-control-request-method", "GET")
                .send()
                .await;
            assert_eq!((response.0.status(), header(&response, "access-control-allow-origin")), (StatusCode::NOT_FOUND, None));
        }
    }
}
