//! `query_table`.

use crate::house::{ALL, House, OTHER, document, kept, rows, told};
use domain::{
    Failure, SqlFailure,
    table::{
        CountMode,
        grammar::{QueryParams, parse_condition, parse_order, parse_select},
    },
};
use ports::driven::Rows;
use serde_json::{Value, json};
use std::fmt::Write as _;

const PAGE: &str = "[{\"id\":1},\n {\"id\":2},\n {\"id\":3}]";

#[tokio::test]
async fn the_example_of_the_plan_works_to_the_letter() {
    let (seen, kept) = kept();
    let client = House::new()
        .query(move |command| {
            seen.lock().unwrap().push(command);
            Ok(rows(r#"[{"id": 1, "email": "user@example.com"}]"#, 1))
        })
        .open();
    let message: Value = serde_json::from_str(
        r#"{
          "jsonrpc": "2.0",
          "id": 1,
          "method": "tools/call",
          "params": {
            "name": "query_table",
            "arguments": {
              "table": "users",
              "select": "id, email, created_at",
              "filter": {"is_active": "eq.true"},
              "order": "created_at.desc",
              "limit": 10
            }
          }
        }"#,
    )
    .unwrap();
    let answer = crate::house::body(client.send(ALL, &message).await).await;
    assert_eq!(answer["result"]["content"], json!([{"type": "text", "text": "[{\"id\": 1, \"email\": \"user@example.com\"}]"}]));
    assert_eq!(answer["result"]["structuredContent"], json!({"rows": [{"id": 1, "email": "user@example.com"}]}));
    let command = kept.lock().unwrap().pop().unwrap();
    assert_eq!(command.select.table.to_string(), "users");
    assert_eq!(command.select.columns, parse_select("id,email,created_at").unwrap());
    assert_eq!(command.select.filter, Some(parse_condition("is_active.eq.true").unwrap()));
    assert_eq!(command.select.order, parse_order("created_at.desc").unwrap());
    assert_eq!((command.select.limit, command.select.offset, command.select.max_bytes), (Some(11), 0, Some(256 * 1024)));
}

#[tokio::test]
async fn a_filter_reaches_embeds_as_parameters_of_rest_do() {
    let (seen, kept) = kept();
    let client = House::new()
        .query(move |command| {
            seen.lock().unwrap().push(command.select);
            Ok(rows("[]", 0))
        })
        .open();
    let arguments = json!({
        "table": "books",
        "select": "id,author!inner(name),tags(name)",
        "filter": {"author.name": "eq.x", "tags.order": "name.desc", "tags.limit": 3, "or": [{"tags": "is.null"}, {"id": "gt.1"}]}
    });
    client.call(ALL, "query_table", arguments).await;
    let pairs = [
        ("select", "id,author!inner(name),tags(name)"),
        ("author.name", "eq.x"),
        ("tags.order", "name.desc"),
        ("tags.limit", "3"),
        ("or", "(tags.is.null,id.gt.1)"),
    ];
    let rest = QueryParams::parse(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).unwrap();
    let select = kept.lock().unwrap().pop().unwrap();
    assert_eq!((select.columns, select.filter), (rest.select, rest.filter));

    let arguments = json!({"table": "books", "filter": {"author.name": "eq.x"}});
    let fault = told(&client.call(ALL, "query_table", arguments).await);
    assert_eq!(fault["faults"][0]["path"], "/filter/author.name", "{fault}");
}

#[tokio::test]
async fn numbers_pass_through_as_they_are() {
    let client = House::new().query(|_| Ok(rows(r#"[{"n":123456789012345678901234567890.10}]"#, 1))).open();
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query_table", "arguments": {"table": "t"}}});
    let text = client.send(ALL, &message).await.0.into_body().into_string().await.unwrap();
    assert!(text.contains(r#""structuredContent":{"rows":[{"n":123456789012345678901234567890.10}]}"#), "{text}");
}

#[tokio::test]
async fn count_and_schema_are_asked_for() {
    let client = House::new()
        .query(|command| {
            assert_eq!((command.select.table.to_string().as_str(), command.select.count), ("shop.orders", Some(CountMode::Planned)));
            Ok(Rows { total: Some(12), estimated: true, ..rows("[]", 0) })
        })
        .open();
    let answer = client.call(ALL, "query_table", json!({"table": "shop.orders", "count": "planned", "limit": 1000})).await;
    assert_eq!(answer["result"]["structuredContent"], json!({"rows": [], "count": 12, "estimated": true}));
    assert_eq!(answer["result"]["content"][1]["text"], r#"{"count":12,"estimated":true}"#);
    let counted = House::new().query(|_| Ok(Rows { total: Some(12), ..rows("[]", 0) })).open();
    let answer = counted.call(ALL, "query_table", json!({"table": "t", "count": "exact"})).await;
    assert_eq!(answer["result"]["structuredContent"], json!({"rows": [], "count": 12}));
}

#[tokio::test]
async fn pages_follow_each_other_by_cursor() {
    let (seen, kept) = kept();
    let client = House::new()
        .query(move |command| {
            seen.lock().unwrap().push(command.select.offset);
            Ok(rows(PAGE, 3))
        })
        .open();
    let asked = |cursor: Option<&Value>| {
        let mut arguments = json!({"table": "t", "filter": {"a": "eq.1"}, "limit": 2});
        if let Some(cursor) = cursor {
            arguments["cursor"] = cursor.clone();
        }
        arguments
    };
    let first = client.call(ALL, "query_table", asked(None)).await;
    let cursor = &first["result"]["structuredContent"]["nextCursor"];
    assert_eq!(first["result"]["structuredContent"]["rows"], json!([{"id": 1}, {"id": 2}]));
    assert_eq!(first["result"]["content"][0]["text"], "[{\"id\":1},\n {\"id\":2}]");
    assert_eq!(first["result"]["content"][1]["text"], format!("{{\"nextCursor\":{cursor}}}"));
    let second = client.call(ALL, "query_table", asked(Some(cursor))).await;
    assert_ne!(second["result"]["structuredContent"]["nextCursor"], *cursor);
    assert_eq!(*kept.lock().unwrap(), [0, 2]);

    let mut other_query = asked(Some(cursor));
    other_query["filter"] = json!({"a": "eq.2"});
    let mut other_branch = asked(Some(cursor));
    other_branch["branch"] = json!("pr-1");
    let mut both = asked(Some(cursor));
    both["offset"] = json!(5);
    for (key, arguments) in
        [(OTHER, asked(Some(cursor))), (ALL, other_query), (ALL, other_branch), (ALL, both), (ALL, asked(Some(&json!("garbage"))))]
    {
        let fault = told(&client.call(key, "query_table", arguments.clone()).await);
        assert_eq!((&fault["code"], &fault["faults"][0]["path"]), (&json!("invalid_arguments"), &json!("/cursor")), "{arguments}");
    }
    assert_eq!(kept.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn results_too_large_are_cut_and_say_so() {
    let mut house = House::new().query(|command| {
        let (text, rows) = match command.select.offset {
            0 => ("[{\"a\":1}]", 1),
            _ => ("[]", 0),
        };
        Ok(Rows { total: None, estimated: false, document: document(text, rows, true) })
    });
    house.settings.max_result_bytes = 64;
    let client = house.open();
    let cut = client.call(ALL, "query_table", json!({"table": "t"})).await["result"]["structuredContent"].clone();
    assert_eq!((&cut["truncated"], &cut["rows"]), (&json!(true), &json!([{"a": 1}])));
    assert!(cut["nextCursor"].is_string());
    let answer = client.call(ALL, "query_table", json!({"table": "t", "offset": 1})).await;
    let stuck = &answer["result"]["structuredContent"];
    assert_eq!((&stuck["truncated"], &stuck["rows"], &stuck["nextCursor"]), (&json!(true), &json!([]), &Value::Null));
    assert!(answer["result"]["content"][2]["text"].as_str().unwrap().contains("64 bytes"));
}

#[tokio::test]
async fn a_document_that_does_not_keep_its_limit_is_cut_here() {
    let mut house = House::new().query(|_| {
        let mut text = String::from("[");
        for id in 0..5000 {
            write!(text, "{}{{\"id\":{id}}}", if id > 0 { "," } else { "" }).unwrap();
        }
        Ok(rows(&(text + "]"), 5000))
    });
    house.settings.max_result_bytes = 1000;
    let answer = house.open().call(ALL, "query_table", json!({"table": "t", "limit": 1000})).await;
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().len() <= 1000);
    assert_eq!(answer["result"]["structuredContent"]["truncated"], true);
}

#[tokio::test]
async fn every_fault_of_the_arguments_is_told_at_once() {
    let client = House::new().open();
    let fault = told(&client.call(ALL, "query_table", json!({"table": "t", "limit": 5000, "count": "all", "wher": {}, "select": null})).await);
    let mut paths: Vec<_> = fault["faults"].as_array().unwrap().iter().map(|fault| fault["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/count", "/limit", "/select", "/wher"]);
    let arguments = json!({"table": "t", "select": "a,lower(b)x", "filter": {"age": 5, "b": "equals.1"}, "order": "a.sideways"});
    let fault = told(&client.call(ALL, "query_table", arguments).await);
    let mut paths: Vec<_> = fault["faults"].as_array().unwrap().iter().map(|fault| fault["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/filter/age", "/filter/b", "/order", "/select"], "{fault}");
    assert!(fault.to_string().contains("did you mean"), "{fault}");
}

#[tokio::test]
async fn injections_never_reach_the_house() {
    let client = House::new().open();
    for arguments in [
        json!({"table": "t", "select": "pg_sleep(10);--"}),
        json!({"table": "t", "select": "a::regclass"}),
        json!({"table": "t", "select": "a||b"}),
        json!({"table": "t", "select": "(select 1)"}),
        json!({"table": "t", "filter": {"a": "= 1 or true"}}),
        json!({"table": "t", "filter": {"a": ["eq.1", {"raw": "true"}]}}),
        json!({"table": "t", "order": "a; drop table t"}),
        json!({"table": ["t"]}),
        json!({"table": "t", "limit": "10"}),
    ] {
        assert_eq!(told(&client.call(ALL, "query_table", arguments.clone()).await)["code"], "invalid_arguments", "{arguments}");
    }
}

#[tokio::test]
async fn refusals_of_the_database_are_told_and_causes_are_not() {
    let client = House::new()
        .query(|command| {
            Err(match command.select.table.name.as_str() {
                "sql" => Failure::Database(Box::new(SqlFailure {
                    sqlstate: "22P02".into(),
                    message: "invalid input syntax for type integer: \"x\"".into(),
                    detail: None,
                    hint: Some("a hint".into()),
                })),
                "busy" => Failure::RateLimited { per_minute: 10, retry_after: std::time::Duration::from_secs(9) },
                _ => Failure::internal("password=hunter2"),
            })
        })
        .open();
    let sql = told(&client.call(ALL, "query_table", json!({"table": "sql"})).await);
    assert_eq!((&sql["sqlstate"], &sql["hint"]), (&json!("22P02"), &json!("a hint")));
    let busy = told(&client.call(ALL, "query_table", json!({"table": "busy"})).await);
    assert_eq!(busy["retry_after_seconds"], 9);
    let broken = told(&client.call(ALL, "query_table", json!({"table": "x"})).await);
    assert_eq!((&broken["code"], &broken["message"]), (&json!("internal"), &json!("internal error")));
    assert_eq!(broken["request_id"], uuid::Uuid::from_u128(9).to_string());
    assert!(!broken.to_string().contains("hunter2"));
}

#[tokio::test]
async fn every_place_may_name_the_branch() {
    let client = House::new()
        .query(|command| {
            command.branch.resolve(None)?;
            Ok(rows(&format!("[{{\"branch\":\"{}\"}}]", command.branch.resolve(None)?), 1))
        })
        .open();
    let arguments = json!({"table": "t", "branch": "pr-1"});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query_table", "arguments": arguments}});
    let ask = async |path: &str, header: &str| {
        let request = client.http.post(path).header("host", "localhost").header("x-api-key", ALL).header("x-fluxbase-branch", header);
        crate::house::body(request.content_type("application/json").body(message.to_string()).send().await).await
    };
    assert_eq!(ask("/mcp?branch=pr-1", "pr-1").await["result"]["structuredContent"]["rows"], json!([{"branch": "pr-1"}]));
    assert_eq!(told(&ask("/mcp", "pr-2").await)["code"], "branch_mismatch");
    assert_eq!(told(&ask("/mcp?branch=main", "pr-1").await)["code"], "branch_mismatch");
    assert_eq!(told(&ask("/mcp", "NO SLUG").await)["code"], "not_found");
}
