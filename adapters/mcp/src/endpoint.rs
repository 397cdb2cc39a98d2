//! The HTTP side: who may come in, what is asked, and who answers it.

use crate::{
    PROTOCOL_VERSIONS,
    guard::{BodyError, HostPolicy, Problem, accepts_json, coding, credentials, is_json, read_body},
    message::{Answered, FastCall, Incoming, RpcError, Single},
    registry::{McpPorts, Registry},
    scope::{RawMessage, RequestScope},
    sdk,
    settings::McpSettings,
};
use bytes::Bytes;
use domain::{Caller, access::Door};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use poem::{
    Body, Endpoint, EndpointExt, Request, Response,
    endpoint::{BoxEndpoint, TowerCompatExt},
};
use std::sync::Arc;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The transport, to be nested at its base path: the route itself takes messages, `/health` under it tells that it is there.
pub fn endpoint(ports: McpPorts, settings: &McpSettings) -> BoxEndpoint<'static> {
    let registry = Arc::new(Registry::new(&ports, settings));
    McpEndpoint {
        sdk: sdk::service(registry.clone()).compat().boxed(),
        hosts: HostPolicy::new(settings),
        max_message_size: settings.max_message_size,
        ports,
        registry,
    }
    .boxed()
}

struct McpEndpoint {
    ports: McpPorts,
    registry: Arc<Registry>,
    sdk: BoxEndpoint<'static>,
    hosts: HostPolicy,
    max_message_size: usize,
}

impl Endpoint for McpEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let request_id = self.request_id(request.headers());
        let mut response = match request.uri().path() {
            "" | "/" => self.messages(request, request_id.clone()).await.into(),
            "/health" => health(request.method()),
            _ => Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here").into(),
        };
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        Ok(response)
    }
}

impl McpEndpoint {
    /// The id that the request came with, where it can be one, else a fresh one.
    fn request_id(&self, headers: &HeaderMap) -> Arc<str> {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let given = given.filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
        given.map_or_else(|| self.ports.ids.fresh().to_string().into(), Into::into)
    }

    async fn messages(&self, request: Request, request_id: Arc<str>) -> Answered {
        match self.admit(&request, request_id).await {
            Ok(scope) => self.answer(request, scope).await,
            Err(problem) => problem.into(),
        }
    }

    /// Lets a request in, or says why not. Nothing of its body is read before.
    async fn admit(&self, request: &Request, request_id: Arc<str>) -> Result<RequestScope, Problem> {
        let headers = request.headers();
        self.hosts.check(request.uri(), headers)?;
        if request.method() != Method::POST {
            return Err(Problem::method_not_allowed("POST"));
        }
        let credentials = credentials(headers).map_err(|failure| Problem::of_authentication(&failure, true))?;
        if let Some(reason) = credentials.misplaced() {
            return Err(Problem::unauthenticated(true).detail(reason));
        }
        let shown = credentials.are_some();
        let principal = self.ports.authenticator.authenticate(&credentials).await.map_err(|failure| Problem::of_authentication(&failure, shown))?;
        if !accepts_json(headers) {
            return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "answers are application/json: add it to Accept"));
        }
        if !is_json(headers) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "messages are sent as application/json"));
        }
        if let Some(coding) = coding(headers) {
            let reason = format!("bodies are taken as they are, without Content-Encoding; this one is '{coding}'");
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", reason);
            return Err(problem.with(header::ACCEPT_ENCODING, "identity"));
        }
        let caller = Caller { principal, request_id, door: Door::Mcp, peer: request.extensions().get().copied() };
        Ok(RequestScope::new(caller, request.uri(), headers, self.hosts.subdomain(request.uri(), headers)))
    }

    async fn answer(&self, request: Request, scope: RequestScope) -> Answered {
        let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if declared.is_some_and(|length| length > self.max_message_size) {
            return self.too_large().into();
        }
        let (parts, body) = request.into_parts();
        let body = match read_body(body, self.max_message_size).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => return self.too_large().into(),
            Err(BodyError::TooSlow) => return Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body came too slowly").into(),
            Err(BodyError::Interrupted) => return Problem::new(StatusCode::BAD_REQUEST, "incomplete_body", "the body ended early").into(),
        };
        let http = HttpSide { uri: parts.uri, headers: parts.headers };
        match Incoming::read(body, &http.headers) {
            Ok(Incoming::One(message)) => self.answer_one(&http, message, &scope).await,
            Ok(Incoming::Batch(messages)) => self.answer_batch(&http, messages, &scope).await,
            Err(error) => Answered::Message(StatusCode::BAD_REQUEST, error.message(None).into()),
        }
    }

    async fn answer_one(&self, http: &HttpSide, message: Bytes, scope: &RequestScope) -> Answered {
        if let Ok(call) = FastCall::read(&message, &http.headers) {
            let (status, body) = call.answer(&self.registry, scope).await;
            return Answered::Message(status, body.into());
        }
        match Single::read(&message) {
            Ok(single) => self.ask_sdk(http, message.clone(), &single, scope).await,
            Err(error) => Answered::Message(StatusCode::BAD_REQUEST, error.message(None).into()),
        }
    }

    /// Answers the messages of a batch, one after the other, each for itself: what others did is done.
    async fn answer_batch(&self, http: &HttpSide, messages: Vec<Bytes>, scope: &RequestScope) -> Answered {
        let mut answers = Vec::new();
        for message in messages {
            let refused = Single::read(&message).ok().filter(|single| single.method.as_deref() == Some("initialize"));
            let refused = refused.map(|single| RpcError::invalid_request("initialize is no part of a batch").message(single.id));
            let answered = match refused {
                Some(body) => Answered::Message(StatusCode::OK, body.into()),
                None => self.answer_one(http, message.clone(), scope).await,
            };
            match answered {
                Answered::Nothing => {}
                Answered::Message(_, body) => answers.push(body),
                Answered::Problem(problem) => {
                    // A message without an id wants no answer.
                    let id = Single::read(&message).ok().and_then(|single| single.id.map(|id| (id, single.has_good_id())));
                    answers.extend(id.map(|(id, is_good)| Bytes::from(problem.as_message_error().message(is_good.then_some(id)))));
                }
            }
        }
        if answers.is_empty() {
            return Answered::Nothing;
        }
        let body = [b"[", answers.join(&b","[..]).as_slice(), b"]"].concat();
        Answered::Message(StatusCode::OK, body.into())
    }

    async fn ask_sdk(&self, http: &HttpSide, message: Bytes, single: &Single<'_>, scope: &RequestScope) -> Answered {
        if message.len() > sdk::LARGEST_MESSAGE {
            let reason = format!("messages other than a plain tools/call have at most {} bytes", sdk::LARGEST_MESSAGE);
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", reason).into();
        }
        match self.sdk.call(http.request(message, scope)).await {
            Ok(response) => translated(response, single).await,
            Err(error) => {
                tracing::error!(request.id = %scope.caller.request_id, %error, "the SDK did not answer");
                Problem::internal().into()
            }
        }
    }

    fn too_large(&self) -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("a message has at most {} bytes", self.max_message_size))
    }
}

/// What the SDK needs to see of the HTTP request.
struct HttpSide {
    uri: Uri,
    headers: HeaderMap,
}

impl HttpSide {
    /// The request without its credentials: the SDK logs what it is given. What a client takes was looked at; the SDK asks for more than it needs.
    fn request(&self, message: Bytes, scope: &RequestScope) -> Request {
        let mut request = Request::builder().method(Method::POST).uri(self.uri.clone()).body(Body::from_bytes(message.clone()));
        for name in [
            header::HOST,
            HeaderName::from_static("mcp-protocol-version"),
            HeaderName::from_static("mcp-method"),
            HeaderName::from_static("mcp-name"),
        ] {
            for value in self.headers.get_all(&name) {
                request.headers_mut().append(name.clone(), value.clone());
            }
        }
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.set_data(scope.clone());
        request.set_data(RawMessage(message));
        request
    }
}

/// The SDK's answer, with its plain texts made what clients can read.
async fn translated(response: Response, single: &Single<'_>) -> Answered {
    let status = response.status();
    let is_message = response.content_type().is_some_and(|content_type| content_type.starts_with("application/json"));
    let Ok(body) = response.into_body().into_bytes().await else { return Problem::internal().into() };
    if is_message && knows_no_such_method(&body) {
        return Answered::Message(status, unknown_method(single).into());
    }
    if is_message {
        return Answered::Message(status, body);
    }
    match status {
        StatusCode::ACCEPTED => Answered::Nothing,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Answered::Message(StatusCode::BAD_REQUEST, unread(single).into()),
        status if status.is_client_error() => Problem::new(status, "bad_request", String::from_utf8_lossy(&body)).into(),
        status => {
            tracing::error!(%status, body = %String::from_utf8_lossy(&body), "the SDK failed");
            Problem::internal().into()
        }
    }
}

/// The SDK could make nothing of a message: it is no request at all, or its parameters are not those of its method.
fn unread(single: &Single<'_>) -> Vec<u8> {
    if single.is_request() {
        return wrong_parameters(single);
    }
    let reason = "the body is no JSON-RPC message: a request has a method and an id, which is a text or a whole number";
    RpcError::invalid_request(reason).message(single.id.filter(|_| single.has_good_id()))
}

fn wrong_parameters(single: &Single<'_>) -> Vec<u8> {
    let reason = match single.method.as_deref() {
        Some("initialize") => "initialize takes protocolVersion, capabilities and clientInfo {name, version}",
        Some("tools/call") => "tools/call takes the name of a tool, and its arguments as an object",
        Some("resources/read") => "resources/read takes the uri of a resource",
        _ => "the parameters are not those of this method, or the message is none of the protocol's",
    };
    RpcError::invalid_params(reason).message(single.id)
}

fn knows_no_such_method(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Message {
        error: Option<Error>,
    }
    #[derive(serde::Deserialize)]
    struct Error {
        code: i32,
    }
    serde_json::from_slice::<Message>(body).is_ok_and(|message| message.error.is_some_and(|error| error.code == RpcError::METHOD_NOT_FOUND))
}

/// The SDK takes a message whose parameters it cannot read for one of a method that it does not know.
fn unknown_method(single: &Single<'_>) -> Vec<u8> {
    match single.method.as_deref().unwrap_or_default() {
        "initialize" | "tools/call" | "resources/read" => wrong_parameters(single),
        unknown => RpcError::method_not_found(unknown).message(single.id),
    }
}

fn health(method: &Method) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Problem::method_not_allowed("GET, HEAD").into();
    }
    let body = serde_json::json!({"status": "ok", "protocolVersions": PROTOCOL_VERSIONS});
    Response::builder().content_type("application/json").header(header::CACHE_CONTROL, "no-store").body(body.to_string())
}
