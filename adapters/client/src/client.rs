//! One server, spoken to over HTTP.

use crate::{
    credential::Credential,
    failure::RemoteFailure,
    problem::Problem,
    route::{RemoteCommand, Route},
};
use domain::Slug;
use http::{StatusCode, header::LOCATION};
use reqwest::{Response, redirect::Policy};
use serde_json::Value;
use std::{error::Error, time::Duration};
use url::{Host, Url};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// No answer of the control plane comes near it.
const ANSWER_BYTES: usize = 64 << 20;

/// A server, and who speaks to it.
#[derive(Clone, Debug)]
pub struct HttpClient {
    base_url: Url,
    credential: Option<Credential>,
    branch: Option<Slug>,
    limit: Duration,
    http: reqwest::Client,
}

/// What came of a command.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// In our own words.
    pub output: T,
    /// As the server wrote it: it may say more than this client knows.
    pub document: Value,
}

/// Why there is no client for a URL.
#[derive(Debug, thiserror::Error)]
pub enum InvalidClient {
    /// No URL of a server.
    #[error("'{url}' is not the URL of a server; expected something like http://127.0.0.1:8080, without user, query and fragment")]
    Url {
        /// What was given, without what may be secret in it.
        url: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be used on this machine; are its root certificates installed (package ca-certificates)?")]
    Tls(#[source] reqwest::Error),
}

impl HttpClient {
    /// A client for the server whose public base URL this is.
    pub fn new(base_url: Url, credential: Option<Credential>) -> Result<Self, InvalidClient> {
        Self::patient(base_url, credential, ANSWER_LIMIT)
    }

    pub(crate) fn patient(base_url: Url, credential: Option<Credential>, limit: Duration) -> Result<Self, InvalidClient> {
        check(&base_url)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("fluxbase/", env!("CARGO_PKG_VERSION")))
            // A redirect would carry the key to wherever it leads.
            .redirect(Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(limit);
        if base_url.scheme() == "http" {
            // A machine without root certificates can still speak to a server on itself.
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&base_url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(InvalidClient::Tls)?;
        Ok(Self { base_url, credential, branch: None, limit, http })
    }

    /// The same for requests that mean this branch.
    #[must_use]
    pub fn on_branch(self, branch: Option<Slug>) -> Self {
        Self { branch, ..self }
    }

    /// The same with another credential.
    #[must_use]
    pub fn with_credential(self, credential: Option<Credential>) -> Self {
        Self { credential, ..self }
    }

    /// The branch that requests mean, where it is not main.
    pub fn branch(&self) -> Option<&Slug> {
        self.branch.as_ref()
    }

    /// The server's base URL, without a slash at its end.
    pub fn base_url(&self) -> &str {
        self.base_url.as_str().trim_end_matches('/')
    }

    /// Has the server carry out a command.
    pub async fn send<C: RemoteCommand>(&self, command: &C) -> Result<Answer<C::Output>, RemoteFailure> {
        self.send_as(command, None).await
    }

    pub(crate) async fn send_as<C: RemoteCommand>(&self, command: &C, request_id: Option<&str>) -> Result<Answer<C::Output>, RemoteFailure> {
        let (status, body) = self.exchange(command.route(), request_id).await?;
        // What is answered without a body has nothing to say.
        let document = if status == StatusCode::NO_CONTENT { Ok(Value::Null) } else { serde_json::from_slice::<Value>(&body) };
        let read = document.and_then(|document| Ok(Answer { output: command.read(&document)?, document }));
        read.map_err(|error| self.not_fluxbase(format!("its answer to {} cannot be read: {error}", C::ACTION.name())))
    }

    /// The text that answers a route.
    pub(crate) async fn text(&self, route: Route) -> Result<String, RemoteFailure> {
        let (_, body) = self.exchange(route, None).await?;
        String::from_utf8(body).map_err(|_| self.not_fluxbase("its answer is no text".to_owned()))
    }

    /// The status and body of an answer that is no refusal.
    async fn exchange(&self, route: Route, request_id: Option<&str>) -> Result<(StatusCode, Vec<u8>), RemoteFailure> {
        let response = self.open(&route, request_id, None).await?;
        Ok((response.status(), self.body(response).await?))
    }

    /// An answer that is no refusal, and whose body is still to be read. `lasts` is how long it may take, body included; `None` is as long as any other.
    pub(crate) async fn open(&self, route: &Route, request_id: Option<&str>, lasts: Option<Duration>) -> Result<Response, RemoteFailure> {
        let mut request = self.http.request(route.method.clone(), self.url(route));
        if let Some(limit) = lasts {
            request = request.timeout(limit);
        }
        if let Some(credential) = &self.credential {
            request = request.header(credential.header_name(), credential.sensitive_value());
        }
        if let Some(branch) = &self.branch {
            request = request.header("x-fluxbase-branch", branch.as_str());
        }
        if let Some(id) = request_id {
            request = request.header("x-request-id", id);
        }
        if let Some(body) = &route.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.lost(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    fn url(&self, route: &Route) -> Url {
        let mut url = self.base_url.clone();
        url.path_segments_mut().expect("a URL with a host has a path").pop_if_empty().extend(&route.path);
        if !route.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&route.query);
        }
        url
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, RemoteFailure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(&error))? {
            if body.len() + chunk.len() > ANSWER_BYTES {
                return Err(self.not_fluxbase(format!("its answer is larger than {} MB", ANSWER_BYTES >> 20)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn refusal(&self, response: Response) -> RemoteFailure {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match self.body(response).await {
            Ok(body) => body,
            Err(failure) => return failure,
        };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match Problem::read(status.as_u16(), &body, header) {
            Some(problem) => RemoteFailure::Refused(Box::new(problem)),
            None => match header(LOCATION.as_str()) {
                Some(elsewhere) if status.is_redirection() => self.not_fluxbase(format!("it answered {status} and points to {elsewhere}")),
                _ => self.not_fluxbase(format!("it answered {status} without a problem document")),
            },
        }
    }

    pub(crate) fn not_fluxbase(&self, found: String) -> RemoteFailure {
        RemoteFailure::NotFluxbase { url: self.base_url().to_owned(), found }
    }

    pub(crate) fn lost(&self, error: &reqwest::Error) -> RemoteFailure {
        let url = self.base_url().to_owned();
        if error.is_connect() {
            let reason = if error.is_timeout() { format!("no connection within {} s", CONNECT_LIMIT.as_secs()) } else { innermost(error) };
            return RemoteFailure::Unreachable { url, reason };
        }
        if error.is_timeout() {
            return RemoteFailure::TimedOut { url, limit: self.limit };
        }
        RemoteFailure::Broken { url, reason: innermost(error) }
    }
}

/// The cause at the bottom: the layers above it only say that there is one.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn check(url: &Url) -> Result<(), InvalidClient> {
    let anonymous = url.username().is_empty() && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && anonymous && url.query().is_none() && url.fragment().is_none() {
        return Ok(());
    }
    let host = url.host_str().unwrap_or_default();
    Err(InvalidClient::Url { url: format!("{}://{host}", url.scheme()) })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
