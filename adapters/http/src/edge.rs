//! What holds for every request, whatever it asks for: an id, problems instead of bare errors, safe headers, which pages may read the answer.

use crate::{
    cors::{Cors, CorsOrigin},
    peer::TrustedProxies,
    problem::{from_framework, panicked},
};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use poem::{Endpoint, IntoEndpoint, IntoResponse, Request, Response, Result};
use ports::driven::Ids;
use std::{panic::AssertUnwindSafe, sync::Arc};

/// The header that names a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request that came through the [`Edge`]: its `X-Request-Id` header, which the edge has checked or made.
pub fn request_id(request: &Request) -> Arc<str> {
    request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("none").into()
}

/// Wraps an endpoint; what it gives never is an error.
pub struct Edge<E> {
    inner: E,
    ids: Arc<dyn Ids>,
    cors: Cors,
    proxies: TrustedProxies,
}

impl<E> Edge<E> {
    /// Puts the edge around everything that is served.
    pub fn around<I: IntoEndpoint<Endpoint = E>>(inner: I, ids: Arc<dyn Ids>) -> Self {
        Self { inner: inner.into_endpoint(), ids, cors: Cors::default(), proxies: TrustedProxies::default() }
    }

    /// Lets pages of these origins read what is answered. Without any, browsers keep answers from pages of other origins than the server's own.
    #[must_use]
    pub fn allowing(self, origins: Vec<CorsOrigin>) -> Self {
        Self { cors: Cors::new(origins), ..self }
    }

    /// Takes the word of these proxies for whom a request came from.
    #[must_use]
    pub fn trusting(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
    }

    /// The client's own id where it is one, else a fresh one.
    fn id_of(&self, request: &Request) -> HeaderValue {
        let mut theirs = request.headers().get_all(REQUEST_ID).iter();
        match theirs.next().filter(|id| (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)) {
            Some(id) if theirs.next().is_none() => id.clone(),
            _ => HeaderValue::try_from(self.ids.fresh().to_string()).expect("digits and dashes"),
        }
    }
}

impl<E: Endpoint> Edge<E> {
    async fn answered(&self, request: Request, id: &HeaderValue) -> Response {
        match AssertUnwindSafe(self.inner.call(request)).catch_unwind().await {
            Ok(Ok(output)) => output.into_response(),
            Ok(Err(error)) => from_framework(error, text(id)),
            Err(panic) => panicked(&*panic, text(id)),
        }
    }
}

impl<E: Endpoint> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let id = self.id_of(&request);
        // Whatever lies behind the edge reads it there, other doors too.
        request.headers_mut().insert(REQUEST_ID, id.clone());
        if let Some(peer) = self.proxies.peer_of(&request) {
            request.extensions_mut().insert(peer);
        }
        let allowed = self.cors.allowed(request.headers());
        let mut response = match allowed.as_ref().and_then(|_| Cors::preflight(&request)) {
            Some(preflight) => preflight,
            None => self.answered(request, &id).await,
        };
        self.cors.permit(allowed, response.headers_mut());
        mark(response.headers_mut(), id);
        Ok(response)
    }
}

/// What every response bears.
pub(crate) fn mark(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn text(id: &HeaderValue) -> &str {
    id.to_str().expect("an id is visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::{Edge, request_id};
    use http::StatusCode;
    use poem::{Endpoint, Request, Response, Route, endpoint::make_sync, get, test::TestClient};
    use ports::driven::MockIds;
    use std::sync::Arc;
    use uuid::Uuid;

    fn client() -> TestClient<impl Endpoint> {
        let mut ids = MockIds::new();
        ids.expect_fresh().returning(Uuid::nil);
        let echo = make_sync(|request: Request| request_id(&request).to_string());
        let panics = make_sync(|request: Request| -> Response { panic!("the secret of {}", request.uri()) });
        let fails = make_sync(|_| -> poem::Result<Response> { Err(poem::error::InternalServerError(std::io::Error::other("the secret"))) });
        TestClient::new(Edge::around(Route::new().at("/", get(echo)).at("/panics", panics).at("/fails", fails), Arc::new(ids)))
    }

    #[tokio::test]
    async fn a_clients_own_id_is_kept_where_it_is_one() {
        let response = client().get("/").header("x-request-id", "mine-1").send().await;
        response.assert_header("x-request-id", "mine-1");
        response.assert_header("x-content-type-options", "nosniff");
        response.assert_text("mine-1").await;
        for bad in ["", "two words", &"x".repeat(129), "é"] {
            let response = client().get("/").header("x-request-id", bad).send().await;
            response.assert_header("x-request-id", Uuid::nil().to_string());
        }
    }

    #[tokio::test]
    async fn whatever_goes_wrong_comes_out_as_a_problem_with_an_id_and_without_secrets() {
        for (method, path, status, code) in [
            (http::Method::GET, "/nowhere", StatusCode::NOT_FOUND, "no_such_route"),
            (http::Method::POST, "/", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            (http::Method::GET, "/panics", StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            (http::Method::GET, "/fails", StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        ] {
            let response = client().request(method, path).send().await;
            response.assert_status(status);
            response.assert_content_type("application/problem+json");
            response.assert_header_exist("x-request-id");
            let text = response.0.into_body().into_string().await.unwrap();
            assert!(text.contains(code) && !text.contains("secret"), "{text}");
        }
    }
}
