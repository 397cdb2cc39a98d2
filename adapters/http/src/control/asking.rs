//! Who asks: by credential, or anybody.

use crate::{
    credentials::{caller, refused},
    edge::request_id,
    peer::peer,
    problem::{Asker, Problem, refusal},
};
use domain::{
    Caller, Failure, Principal, Scopes,
    access::{Door, PrincipalKind, Restrictions, Role},
    page::PageRequest,
};
use http::StatusCode;
use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use ports::driving::{Authenticator, Command, UseCase};
use std::sync::Arc;

/// The caller behind a request's credentials. Who has none is refused before anything else of the request is looked at.
pub(crate) struct Asking(pub(crate) Caller);

impl Asking {
    /// Runs a use case for the caller.
    pub(crate) async fn run<C: Command>(&self, use_case: &dyn UseCase<C>, command: C) -> Result<C::Output, Problem> {
        use_case.run(&self.0, command).await.map_err(|failure| self.refused(failure))
    }

    /// The problem for a failure.
    pub(crate) fn refused(&self, failure: Failure) -> Problem {
        refused(failure, &self.0)
    }
}

impl<'a> ApiExtractor<'a> for Asking {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        for (name, scheme) in security_schemes() {
            registry.create_security_scheme(name, scheme);
        }
    }

    fn security_schemes() -> Vec<&'static str> {
        security_schemes().into_iter().map(|(name, _)| name).collect()
    }

    async fn from_request(request: &'a Request, _body: &mut RequestBody, _options: ExtractParamOptions<()>) -> Result<Self> {
        let id = request_id(request);
        let Some(authenticator) = request.data::<Arc<dyn Authenticator>>() else {
            return Err(refusal(Failure::internal("no authenticator"), Asker { request_id: &id, kind: None }).into());
        };
        Ok(Self(caller(&**authenticator, request, id).await?))
    }
}

/// The ways to say who one is.
pub(crate) fn security_schemes() -> [(&'static str, MetaSecurityScheme); 3] {
    let scheme = |ty, description| MetaSecurityScheme {
        ty,
        description: Some(description),
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    let header = |name, description| MetaSecurityScheme { name: Some(name), key_in: Some("header"), ..scheme("apiKey", description) };
    let bearer = scheme("http", "A JSON Web Token of a signed-in user, or an API key.");
    [
        ("api_key", header("X-API-Key", "An API key, `fb_pk_...`: acts as its user under row level security.")),
        ("bearer", MetaSecurityScheme { scheme: Some("bearer"), bearer_format: Some("JWT"), ..bearer }),
        ("service_key", header("X-Service-Key", "A service key, `sb_service_...`: bypasses row level security.")),
    ]
}

/// Somebody who need not say who they are: signing in cannot ask for a credential.
pub(crate) struct Anybody(pub(crate) Asking);

impl<'a> FromRequest<'a> for Anybody {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let principal = Principal {
            kind: PrincipalKind::Anonymous,
            role: Role::Anon,
            user_id: None,
            foreign_subject: None,
            claims: r#"{"role":"anon"}"#.to_owned(),
            scopes: Scopes::NONE,
            restrictions: Restrictions::default(),
            expires_at: None,
            session_id: None,
        };
        let (request_id, peer) = (request_id(request), peer(request));
        Ok(Self(Asking(Caller { principal: Arc::new(principal), request_id, door: Door::Rest, peer })))
    }
}

/// The page that a query string asks for.
pub(crate) fn page(limit: Option<u32>, cursor: Option<String>) -> Result<PageRequest, Problem> {
    PageRequest::new(limit, cursor).map_err(|failure| {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid_parameter", failure.to_string());
        if let Failure::Invalid(faults) = failure { problem.errors(faults) } else { problem }
    })
}
