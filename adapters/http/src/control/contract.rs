//! What the generated routes do not do by themselves: refuse query parameters that they do not know, and name the methods that there are.

use crate::{problem::Problem, query_string};
use domain::Fault;
use http::{Method, StatusCode, header};
use poem::{Endpoint, EndpointExt, Request, Response, Result, endpoint::BoxEndpoint};
use poem_openapi::{
    OpenApi,
    registry::{MetaApi, MetaParamIn, Registry},
};
use std::collections::HashMap;

/// Routes held to what their description says.
pub(crate) struct Contract<T>(pub(crate) T);

type Routes = HashMap<String, HashMap<Method, BoxEndpoint<'static>>>;

/// The methods that there are anywhere.
pub(crate) const METHODS: [Method; 9] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::TRACE, Method::CONNECT];

impl<T: OpenApi> OpenApi for Contract<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, routes: &mut Routes) {
        let mut generated = Routes::new();
        self.0.add_routes(&mut generated);
        let described = described(&T::meta());
        for (path, methods) in generated {
            let allow = allow(&methods);
            let has = |method: &Method| methods.contains_key(method) || (*method == Method::HEAD && methods.contains_key(&Method::GET));
            let missing: Vec<_> = METHODS.iter().filter(|method| !has(method)).cloned().collect();
            let at = routes.entry(path.clone()).or_default();
            for (method, inner) in methods {
                let known = described.get(&(pattern(&path), method.clone())).cloned().unwrap_or_default();
                let takes_anything = PROBES.contains(&path.as_str());
                at.insert(method, if takes_anything { inner } else { KnownQuery { inner, known }.boxed() });
            }
            at.extend(missing.into_iter().map(|method| (method, NotAllowed { allow: allow.clone() }.boxed())));
        }
    }
}

/// What asks whether a server lives adds parameters of its own, to get past caches.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The query parameters of each route and method.
fn described(apis: &[MetaApi]) -> HashMap<(String, Method), Vec<String>> {
    let paths = apis.iter().flat_map(|api| &api.paths);
    let operations = paths.flat_map(|path| path.operations.iter().map(|operation| (pattern(&path.path), operation)));
    operations
        .map(|(path, operation)| {
            let query = operation.params.iter().filter(|param| param.in_type == MetaParamIn::Query);
            ((path, operation.method.clone()), query.map(|param| param.name.clone()).collect())
        })
        .collect()
}

/// The path without the names of its parameters, which descriptions and routes write differently.
fn pattern(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with([':', '{']) { "*" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn allow(methods: &HashMap<Method, BoxEndpoint<'static>>) -> String {
    let has = |method: &&Method| methods.contains_key(method) || (**method == Method::HEAD && methods.contains_key(&Method::GET));
    METHODS.iter().filter(has).map(Method::as_str).collect::<Vec<_>>().join(", ")
}

struct KnownQuery {
    inner: BoxEndpoint<'static>,
    known: Vec<String>,
}

impl Endpoint for KnownQuery {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let mut seen: Vec<String> = Vec::new();
        for (name, _) in query_string::pairs(request.uri().query())? {
            let message = if !self.known.contains(&name) {
                if self.known.is_empty() {
                    "this route takes no query parameters".to_owned()
                } else {
                    format!("unknown; known are {}", self.known.join(", "))
                }
            } else if seen.contains(&name) {
                "may be given only once".to_owned()
            } else {
                seen.push(name);
                continue;
            };
            let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", format!("query parameter '{name}': {message}"));
            return Err(problem.errors(vec![Fault::new(format!("/{name}"), message)]).into());
        }
        self.inner.call(request).await
    }
}

/// The refusal of a method that a route does not have.
pub(crate) fn not_allowed(allow: &str) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("this route has {allow}")).header(header::ALLOW, allow)
}

struct NotAllowed {
    allow: String,
}

impl Endpoint for NotAllowed {
    type Output = Response;

    async fn call(&self, _request: Request) -> Result<Response> {
        Err(not_allowed(&self.allow).into())
    }
}
