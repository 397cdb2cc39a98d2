//! What `tools/list` tells, and to whom.

use crate::house::{ALL, House, NOBODY, OF_NO_USER, PINNED, READ_ONLY, READER, kept};
use domain::Action;
use serde_json::{Value, json};

const LARGEST: usize = 1200;

async fn tools(house: House, key: &str) -> Vec<Value> {
    house.open().ask(key, "tools/list", json!({})).await["result"]["tools"].as_array().unwrap().clone()
}

async fn names(house: House, key: &str) -> Vec<String> {
    tools(house, key).await.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn callers_are_shown_what_they_may_call_in_name_order() {
    let all: Vec<_> = fluxbase_mcp::tool_names().collect();
    assert_eq!(names(House::new(), ALL).await, all);
    assert!(all.is_sorted());
    assert_eq!(names(House::new(), READER).await, ["describe_table", "list_tables", "query_table"]);
    let reading = ["describe_table", "diff_branches", "get_branch", "get_operation", "list_branches", "list_tables", "query_table"];
    assert_eq!(names(House::new(), READ_ONLY).await, reading);
    let without: Vec<_> = all.iter().filter(|name| !name.contains("branch") && !name.contains("operation")).collect();
    assert_eq!(names(House::new().without_branches(), ALL).await.iter().collect::<Vec<_>>(), without, "no capability, no tool");
    assert!(names(House::new(), NOBODY).await.is_empty());
}

#[tokio::test]
async fn who_can_make_no_branch_is_not_shown_how_and_is_refused_alike() {
    for (key, reason) in [(OF_NO_USER, "a credential of a user"), (PINNED, "pinned to branch 'pr-1'")] {
        let shown = names(House::new(), key).await;
        assert!(!shown.contains(&"create_branch".to_owned()) && shown.contains(&"reset_branch".to_owned()), "{key}: {shown:?}");
        let answer = House::new().open().call(key, "create_branch", json!({"name": "x"})).await;
        let refused = answer["error"]["message"].as_str().unwrap();
        assert!(answer["error"]["code"] == -32602 && refused.contains(reason), "{answer}");
    }
}

#[tokio::test]
async fn a_tool_that_is_not_shown_is_refused() {
    let client = House::new().open();
    for (key, reason) in
        [(READER, "this needs the scope write:tables"), (READ_ONLY, "this key is read-only"), (NOBODY, "this needs the scope write:tables")]
    {
        for arguments in [json!({"table": "t", "data": {"a": 1}}), json!({"nonsense": true})] {
            let answer = client.call(key, "insert_record", arguments).await;
            assert_eq!(answer["error"]["code"], -32602, "{answer}");
            assert!(answer["error"]["message"].as_str().unwrap().ends_with(reason), "{answer}");
        }
    }
    let answer = client.call(READER, "insert_recrod", json!({})).await;
    assert_eq!(answer["error"]["message"], "unknown tool 'insert_recrod'");
    let answer = client.call(ALL, "insert_recrod", json!({})).await;
    assert_eq!(answer["error"]["message"], "unknown tool 'insert_recrod'; did you mean 'insert_record'?");
}

#[tokio::test]
async fn settings_leave_tools_out() {
    let house = || {
        let mut house = House::new();
        house.settings.allowed_tools = vec!["list_tables".into(), "delete_record".into()];
        house
    };
    assert_eq!(names(house(), ALL).await, ["delete_record", "list_tables"]);
    let (kept, told) = kept();
    let client = house().keeping_unread(kept).open();
    let told = || std::mem::take(&mut *told.lock().unwrap());
    let answer = client.call(ALL, "query_table", json!({"table": "t"})).await;
    assert_eq!(answer["error"]["message"], "unknown tool 'query_table'");
    assert_eq!(told(), [(Action::QueryTable, "not_found".to_owned())], "it costs as much as one that is there");
    assert_eq!(client.call(NOBODY, "query_table", json!({"table": "t"})).await["error"]["message"], "unknown tool 'query_table'");
    assert_eq!(told().len(), 1);
    client.call(ALL, "nonsense", json!({})).await;
    assert_eq!(told(), []);
}

#[tokio::test]
async fn the_instructions_claim_nothing_that_the_tools_lack() {
    let client = House::new().open();
    let begun =
        client.ask(ALL, "initialize", json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}));
    let instructions = begun.await["result"]["instructions"].as_str().unwrap().to_owned();
    assert!(instructions.contains("The table tools take branch") && !instructions.contains("Every tool"), "{instructions}");
    for tool in tools(House::new(), ALL).await {
        let properties = tool["inputSchema"]["properties"].as_object().unwrap();
        assert!(!properties.contains_key("table") || properties.contains_key("branch"), "{tool}");
        for name in ["offset", "count", "max_affected"] {
            assert!(properties.get(name).is_none_or(|schema| schema["description"].is_string()), "{name} of {tool}");
        }
    }
}

#[tokio::test]
async fn annotations_follow_from_what_a_tool_does() {
    for tool in tools(House::new(), ALL).await {
        let hints = &tool["annotations"];
        let (reads, destroys, idempotent) = match tool["name"].as_str().unwrap() {
            "create_branch" => (false, false, false),
            "insert_record" | "reset_branch" => (false, true, false),
            "update_record" | "delete_record" | "migrate_branch" | "delete_branch" => (false, true, true),
            _ => (true, false, true),
        };
        assert_eq!(
            *hints,
            json!({"readOnlyHint": reads, "destructiveHint": destroys, "idempotentHint": idempotent, "openWorldHint": false}),
            "{tool}"
        );
    }
}

#[tokio::test]
async fn the_list_is_short_and_its_schemas_are_sound() {
    for tool in tools(House::new(), ALL).await {
        let size = serde_json::to_string(&tool).unwrap().len();
        assert!(size <= LARGEST, "{} takes {size} bytes", tool["name"]);
        assert!(tool["title"].is_string() && tool["description"].is_string());
        assert_eq!(tool["inputSchema"]["additionalProperties"], false);
        for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
            assert_eq!(schema["type"], "object");
            jsonschema::draft202012::meta::validate(schema).unwrap();
            check_style(schema);
        }
    }
}

/// What clients' linters object to: lists of types, schemas that are no objects.
fn check_style(schema: &Value) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                assert!(name != "type" || !member.is_array(), "a list of types: {schema}");
                assert!(name != "items" || member.is_object(), "items that are no schema: {schema}");
                check_style(member);
            }
        }
        Value::Array(members) => members.iter().for_each(check_style),
        _ => {}
    }
}

#[tokio::test]
async fn the_list_is_the_committed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tools.json");
    let tools = Value::from(tools(House::new(), ALL).await);
    if std::env::var_os("UPDATE_TOOLS_JSON").is_some() {
        std::fs::write(path, format!("{tools:#}\n")).unwrap();
    }
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(tools == committed, "tools.json is not what the tools say: run this test with UPDATE_TOOLS_JSON=1 and look at the difference");
}
