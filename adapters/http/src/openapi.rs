//! The OpenAPI document, made without a database.

use crate::{
    control::{
        ApiKeys, Audit, BranchAccess, Branches, Contract, Diffs, Health, Ledger, LifeCycle, Migrations, Operations, Schema, ServiceKeys, Sessions,
        Users,
    },
    mcp_described::McpRoutes,
    tables::TableRoutes,
};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};

/// The control plane's routes.
pub(crate) type Control = (
    Contract<Schema>,
    Contract<Sessions>,
    Contract<ApiKeys>,
    Contract<ServiceKeys>,
    Contract<Users>,
    Contract<Audit>,
    Contract<Branches>,
    Contract<LifeCycle>,
    Contract<Diffs>,
    Contract<BranchAccess>,
    Contract<Migrations>,
    Contract<Ledger>,
    Contract<Operations>,
    Contract<Health>,
);

/// A service over some of the routes.
pub(crate) fn service<T: OpenApi>(routes: T) -> OpenApiService<T, ()> {
    OpenApiService::new(routes, "Fluxbase", env!("CARGO_PKG_VERSION"))
        .description(
            "Rows of a PostgreSQL database under row level security, branches of it, and the keys and users that may use them.\n\nRefusals are \
             problem documents (RFC 9457, `application/problem+json`) with a stable `code`; those of PostgreSQL carry its SQLSTATE. Every response \
             has an `X-Request-Id`, the client's own where it sends one.",
        )
        .license(LicenseObject::new("Apache-2.0"))
}

/// Everything that is described; nothing of it is served.
struct Described;

impl OpenApi for Described {
    fn meta() -> Vec<poem_openapi::registry::MetaApi> {
        let mut apis = TableRoutes::meta();
        apis.extend(Control::meta());
        apis.extend(McpRoutes::meta());
        apis
    }

    fn register(registry: &mut poem_openapi::registry::Registry) {
        TableRoutes::register(registry);
        Control::register(registry);
        McpRoutes::register(registry);
    }

    fn add_routes(
        self,
        _routes: &mut std::collections::HashMap<String, std::collections::HashMap<http::Method, poem::endpoint::BoxEndpoint<'static>>>,
    ) {
    }
}

/// The OpenAPI document as JSON text, with an end of line.
pub fn openapi_document() -> String {
    let mut document = service(Described).spec();
    document.push('\n');
    document
}

/// A page that shows the document. It has all its scripts with it, and is told to fetch nothing.
pub(crate) fn page() -> String {
    let page = service(Described).scalar_html();
    let offline = r#"id="api-reference" data-configuration='{"withDefaultFonts":false}'"#;
    page.replacen(r#"id="api-reference""#, offline, 1).replacen("<title>Scalar</title>", "<title>Fluxbase API</title>", 1)
}

/// What the page may do: run what it brings along, and ask this server.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; connect-src 'self'; \
                                      img-src 'self' data:; font-src data:; frame-ancestors 'none'; base-uri 'none'";

#[cfg(test)]
mod tests {
    use super::openapi_document;
    use domain::Action;
    use serde_json::Value;
    use std::{collections::HashSet, env, fs, path::Path};

    /// `UPDATE_SNAPSHOTS=1` writes it anew.
    #[test]
    fn the_committed_document_is_the_present_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let document = openapi_document();
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&path, &document).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == document, "adapters/http/openapi.json is out of date: run this test with UPDATE_SNAPSHOTS=1, and commit what it writes");
    }

    fn operations() -> Vec<Value> {
        let document: Value = serde_json::from_str(&openapi_document()).unwrap();
        let paths = document["paths"].as_object().unwrap().values();
        paths.flat_map(|path| path.as_object().unwrap().values().cloned()).collect()
    }

    /// OpenAPI 3.0.3: `nullable` adds null to the `type` beside it, and to no reference. A document that says otherwise calls our own answers wrong.
    #[test]
    fn what_may_be_null_is_so_where_readers_of_the_document_look() {
        fn walk(at: &Value, found: &mut Vec<Value>) {
            if at["nullable"] == true && at["type"].is_null() && (at["$ref"].is_string() || at["allOf"].is_array()) {
                found.push(at.clone());
            }
            let (members, items) = (at.as_object().into_iter().flat_map(|object| object.values()), at.as_array().into_iter().flatten());
            members.chain(items).for_each(|inner| walk(inner, found));
        }
        let document: Value = serde_json::from_str(&openapi_document()).unwrap();
        let mut found = Vec::new();
        walk(&document, &mut found);
        assert!(found.is_empty(), "{found:#?}");
        let error = &document["components"]["schemas"]["Operation"]["properties"]["error"]["anyOf"];
        assert_eq!(
            (&error[0]["$ref"], &error[1]["nullable"], &error[1]["type"]),
            (&"#/components/schemas/OperationError".into(), &true.into(), &"object".into())
        );
    }

    #[test]
    fn every_action_has_its_operation() {
        let ids: Vec<_> = operations().iter().map(|operation| operation["operationId"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "ids are unique");
        for action in Action::ALL {
            assert!(ids.iter().any(|id| id == action.name()), "{} has no route", action.name());
        }
    }

    #[test]
    fn every_operation_and_parameter_is_described() {
        for operation in operations() {
            let id = &operation["operationId"];
            assert!(operation["summary"].is_string(), "{id}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{id}: {}", parameter["name"]);
            }
        }
    }

    #[test]
    fn the_page_asks_nobody_else_for_anything() {
        let page = super::page();
        let (head, _script) = page.split_once("<script charset").unwrap();
        assert!(!head.contains("src=") && !head.contains("href=") && head.contains("withDefaultFonts\":false") && head.contains("Fluxbase API"));
        assert!(!super::PAGE_POLICY.contains("http"), "the browser is told to let nothing else through");
    }
}
