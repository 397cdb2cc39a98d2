//! What every client does: all tools and resources, and what a narrow key leaves of them.

use crate::session::Session;
use serde_json::{Value, json};

pub(crate) const ALL_TOOLS: [&str; 14] = [
    "create_branch",
    "delete_branch",
    "delete_record",
    "describe_table",
    "diff_branches",
    "get_branch",
    "get_operation",
    "insert_record",
    "list_branches",
    "list_tables",
    "migrate_branch",
    "query_table",
    "reset_branch",
    "update_record",
];
const READING_TOOLS: [&str; 3] = ["describe_table", "list_tables", "query_table"];

/// Alice looks around, and begins, changes and ends a project of a name that nobody else uses.
pub(crate) async fn every_tool(session: &mut impl Session, slug: &str) {
    assert_eq!(session.tool_names().await, ALL_TOOLS);

    let tables = session.call("list_tables", json!({})).await;
    assert!(names(&tables["tables"]).contains(&"public.projects"), "{tables}");
    let table = session.call("describe_table", json!({"table": "projects"})).await;
    assert!(names(&table["columns"]).contains(&"slug"), "{table}");

    let alice = session.call("query_table", json!({"table": "users", "select": "id", "filter": {"email": "eq.alice@example.com"}})).await;
    let project = json!({"owner_id": alice["rows"][0]["id"], "name": "Made by a client", "slug": slug});
    let inserted = session.call("insert_record", json!({"table": "projects", "data": project, "returning": "slug"})).await;
    assert_eq!(inserted["rows"], json!([{"slug": slug}]));

    let mine = json!({"slug": format!("eq.{slug}")});
    let update = json!({"table": "projects", "filter": mine, "data": {"description": "ü, \"quoted\""}, "returning": "description"});
    let updated = session.call("update_record", update).await;
    assert_eq!(updated["rows"], json!([{"description": "ü, \"quoted\""}]));

    // Text that people read is the bare list of rows, and says the same as the structured content.
    let query = json!({"table": "projects", "select": "name, description", "filter": mine});
    let found = session.result("tools/call", json!({"name": "query_table", "arguments": query})).await;
    let expected = json!([{"name": "Made by a client", "description": "ü, \"quoted\""}]);
    assert_eq!(found["structuredContent"]["rows"], expected);
    let text = found["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {found}"));
    assert_eq!(serde_json::from_str::<Value>(text).expect("the text is JSON"), expected);

    let deleted = session.call("delete_record", json!({"table": "projects", "filter": mine})).await;
    assert_eq!(deleted["affected"], 1);

    branches(session, slug).await;

    let refused = session.result("tools/call", json!({"name": "query_table", "arguments": {"table": "nowhere"}})).await;
    assert_eq!(refused["isError"], true, "{refused}");
}

/// Alice makes a branch, looks at it from every side and takes it away.
async fn branches(session: &mut impl Session, slug: &str) {
    let branch = format!("b-{slug}");
    let made = session.call("create_branch", json!({"name": branch, "wait": 50})).await;
    assert_eq!((&made["branch"]["status"], &made["operation"]["status"]), (&json!("ready"), &json!("succeeded")), "{made}");
    let listed = session.call("list_branches", json!({})).await;
    assert!(listed["branches"].as_array().is_some_and(|all| all.iter().any(|other| other["slug"] == made["branch"]["slug"])), "{listed}");
    let shown = session.call("get_branch", json!({"branch": made["branch"]["slug"]})).await;
    assert_eq!(shown["status"], "ready", "{shown}");
    let diff = session.call("diff_branches", json!({"branch": made["branch"]["slug"]})).await;
    assert_eq!(diff["objects"], json!([]), "{diff}");
    let reset = session.call("reset_branch", json!({"branch": made["branch"]["slug"]})).await;
    let ended = session.call("get_operation", json!({"id": reset["operation"]["id"], "wait": 50})).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    let gone = session.call("delete_branch", json!({"branch": made["branch"]["slug"], "wait": 50})).await;
    assert_eq!(gone["branch"]["status"], "deleted", "{gone}");
}

/// The list, the template, and what either leads to.
pub(crate) async fn every_resource(session: &mut impl Session) {
    let listed = session.result("resources/list", json!({})).await;
    let uris: Vec<_> = listed["resources"].as_array().into_iter().flatten().map(|resource| resource["uri"].clone()).collect();
    assert_eq!(uris, ["fluxbase://branches", "fluxbase://schema/tables"]);
    let branches = read(session, "fluxbase://branches").await;
    assert_eq!(branches["branches"][0]["slug"], "main", "{branches}");
    let templates = session.result("resources/templates/list", json!({})).await;
    assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "fluxbase://schema/tables/{schema}/{table}", "{templates}");

    let tables = read(session, "fluxbase://schema/tables").await;
    assert!(names(&tables["tables"]).contains(&"public.tasks"), "{tables}");
    let tasks = read(session, "fluxbase://schema/tables/public/tasks").await;
    assert!(names(&tasks["columns"]).contains(&"title"), "{tasks}");
}

/// A key that may read tables is shown the tools for it, and cannot call those it is not shown.
pub(crate) async fn only_reading(session: &mut impl Session) {
    assert_eq!(session.tool_names().await, READING_TOOLS);
    let insert = json!({"name": "insert_record", "arguments": {"table": "projects", "data": {"name": "never"}}});
    let refused = session.ask("tools/call", insert).await;
    assert!(refused.as_ref().is_err_and(|error| error.contains("insert_record")), "{refused:?}");
}

async fn read(session: &mut impl Session, uri: &str) -> Value {
    let result = session.result("resources/read", json!({"uri": uri})).await;
    let text = result["contents"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {result}"));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{uri}: {error} in {text}"))
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|entry| entry["name"].as_str()).collect()
}
