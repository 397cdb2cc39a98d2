//! The MCP door in the OpenAPI document. It is served by an adapter of its own, beside REST.

use crate::{
    by_hand::{inline, json, operation, param},
    control::{Asking, Group},
    problem::described,
};
use http::Method;
use poem::endpoint::BoxEndpoint;
use poem_openapi::{
    ApiExtractor, OpenApi, Tags,
    registry::{MetaApi, MetaOperation, MetaParamIn, MetaPath, MetaRequest, MetaResponse, MetaResponses, MetaSchema, Registry},
};
use std::collections::HashMap;

/// Describes the routes under `mcp.base_path`'s default.
pub(crate) struct McpRoutes;

impl OpenApi for McpRoutes {
    fn meta() -> Vec<MetaApi> {
        let path = |path: &str, operation| MetaPath { path: path.to_owned(), operations: vec![operation] };
        vec![MetaApi { paths: vec![path("/mcp", messages()), path("/mcp/health", health())] }]
    }

    fn register(registry: &mut Registry) {
        Group::Mcp.register(registry);
        <Asking as ApiExtractor>::register(registry);
    }

    fn add_routes(self, _routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

fn messages() -> MetaOperation {
    const REFUSALS: &[(u16, &str)] = &[
        (400, "The Host header is missing, or the body ended early. A message that is none is answered by a JSON-RPC error with this status."),
        (401, "No credential, or one that is not good. `WWW-Authenticate` says what is asked for."),
        (403, "The Host or Origin header is not one of `mcp.allowed_hosts`, `mcp.allowed_origins`, `server.public_url` or this machine's own."),
        (405, "Messages are POSTed: there are no streams to GET, and no sessions to DELETE."),
        (406, "`Accept` leaves no room for application/json."),
        (408, "The body came too slowly."),
        (413, "The message is larger than `mcp.max_message_size`."),
        (415, "Messages are application/json."),
        (503, "Not now; `Retry-After` says when to try again."),
    ];
    let header = |name, description| param(&(name, MetaParamIn::Header, "string", description));
    let mut responses = vec![
        response(200, "The answer, or a list of answers to a batch.", Some(one_or_many())),
        response(202, "Nothing is to be answered: the message was a notification.", None),
        response(404, "A JSON-RPC error, from revision 2026-07-28 on: there is no such method.", Some(MetaSchema::new("object"))),
    ];
    responses.extend(described(REFUSALS));
    for refused in responses.iter_mut().filter(|response| response.status == Some(400)) {
        refused.content.push(json(MetaSchema::new("object")));
    }
    MetaOperation {
        params: vec![
            header("MCP-Protocol-Version", "The revision that was agreed on, such as `2025-11-25`."),
            header("X-Fluxbase-Branch", "The branch, by its slug or id; a tool's `branch` argument says the same."),
        ],
        request: Some(MetaRequest {
            description: Some("A JSON-RPC message, or a list of them."),
            content: vec![json(one_or_many())],
            required: true,
        }),
        responses: MetaResponses { responses },
        ..operation(
            Method::POST,
            &Group::Mcp,
            "mcp",
            "Send a message of the Model Context Protocol",
            "One JSON-RPC 2.0 message, such as `tools/list` or `tools/call`, over the Streamable HTTP transport without sessions. The tools and their \
             schemas are listed by `tools/list`, each caller's own. Where it is mounted is `mcp.base_path`; `mcp.enabled: false` takes it away.",
        )
    }
}

fn health() -> MetaOperation {
    let text = || inline(MetaSchema::new("string"));
    let versions = inline(MetaSchema { items: Some(Box::new(text())), ..MetaSchema::new("array") });
    let document = MetaSchema {
        required: vec!["status", "protocolVersions"],
        properties: vec![("status", text()), ("protocolVersions", versions)],
        ..MetaSchema::new("object")
    };
    MetaOperation {
        responses: MetaResponses { responses: vec![response(200, "It is.", Some(document))] },
        security: Vec::new(),
        ..operation(
            Method::GET,
            &Group::Mcp,
            "mcp_health",
            "Whether MCP is there",
            "Says which revisions of the protocol are spoken. No credential is asked for.",
        )
    }
}

/// A JSON-RPC message, or a list of them.
fn one_or_many() -> MetaSchema {
    let list = MetaSchema { items: Some(Box::new(inline(MetaSchema::new("object")))), ..MetaSchema::new("array") };
    MetaSchema { one_of: vec![inline(MetaSchema::new("object")), inline(list)], ..MetaSchema::ANY }
}

fn response(status: u16, description: &'static str, schema: Option<MetaSchema>) -> MetaResponse {
    MetaResponse { description, status: Some(status), status_range: None, content: schema.map(json).into_iter().collect(), headers: Vec::new() }
}
