//! `insert_record`, `update_record`, `delete_record`.

use crate::house::{ALL, House, document, kept, told};
use domain::{
    Failure, Fault,
    table::{Resolution, Returning, grammar::parse_condition},
};
use ports::driven::Written;
use serde_json::json;

fn written(affected: u64, inserted: Option<u64>) -> Written {
    Written { affected, inserted, document: None }
}

#[tokio::test]
async fn rows_are_inserted_as_they_were_written() {
    let (seen, kept) = kept();
    let client = House::new()
        .insert(move |command| {
            seen.lock().unwrap().push(command.insert);
            Ok(Written { document: Some(document("[{\"id\":7}]", 1, false)), ..written(1, Some(1)) })
        })
        .open();
    // The second way goes through the SDK, whose own reading of numbers is not used.
    for extra in ["", r#","extra":1"#] {
        let message = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"insert_record","arguments":{{"table":"t","data":{{"n":123456789012345678901.10,"a":"x"}},"returning":"id"}}{extra}}}}}"#
        );
        let answer = crate::house::body(client.post(ALL).body(message).send().await).await;
        assert_eq!(answer["result"]["structuredContent"], json!({"affected": 1, "inserted": 1, "rows": [{"id": 7}]}));
        assert_eq!(answer["result"]["content"][0]["text"], "[{\"id\":7}]");
        assert_eq!(answer["result"]["content"][1]["text"], r#"{"affected":1,"inserted":1}"#);
        let insert = kept.lock().unwrap().pop().unwrap();
        assert_eq!(insert.rows, r#"{"n":123456789012345678901.10,"a":"x"}"#);
        assert_eq!((insert.columns, insert.on_conflict, insert.missing_default), (vec!["n".to_owned(), "a".to_owned()], None, true));
        assert!(matches!(insert.returning, Returning::Rows { columns, .. } if columns.len() == 1));
    }
}

#[tokio::test]
async fn rows_with_other_keys_take_defaults_unless_they_might_overwrite() {
    let (seen, kept) = kept();
    let client = House::new()
        .insert(move |command| {
            seen.lock().unwrap().push(command.insert);
            Ok(written(2, Some(2)))
        })
        .open();
    let data = json!([{"a": 1}, {"a": 2, "b": 3}]);
    let answer = client.call(ALL, "insert_record", json!({"table": "t", "data": data})).await;
    assert_eq!(answer["result"]["structuredContent"], json!({"affected": 2, "inserted": 2}));
    assert_eq!(kept.lock().unwrap().pop().unwrap().columns, ["a", "b"]);
    let fault = told(&client.call(ALL, "insert_record", json!({"table": "t", "data": data, "on_conflict": "a"})).await);
    assert_eq!(fault["faults"][0]["path"], "/data/1");
    client.call(ALL, "insert_record", json!({"table": "t", "data": [{"a": 1}], "on_conflict": "a, b"})).await;
    let conflict = kept.lock().unwrap().pop().unwrap().on_conflict.unwrap();
    assert_eq!((conflict.columns, conflict.resolution), (vec!["a".to_owned(), "b".to_owned()], Resolution::MergeDuplicates));
}

#[tokio::test]
async fn what_is_no_row_is_refused() {
    let client = House::new().open();
    for data in [json!(1), json!("x"), json!([]), json!([1]), json!(null), json!([[{"a": 1}]])] {
        let fault = told(&client.call(ALL, "insert_record", json!({"table": "t", "data": data})).await);
        assert_eq!(fault["faults"][0]["path"], "/data", "{data}");
    }
    for on_conflict in ["a::text", "x:a", "rel(a)", "*", "a->b"] {
        let fault = told(&client.call(ALL, "insert_record", json!({"table": "t", "data": {"a": 1}, "on_conflict": on_conflict})).await);
        assert_eq!(fault["faults"][0]["path"], "/on_conflict", "{on_conflict}");
    }
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"insert_record","arguments":{"table":"t","data":{"a":1,"a":2}}}}"#;
    assert_eq!(told(&crate::house::body(client.post(ALL).body(twice).send().await).await)["faults"][0]["path"], "/data");
}

#[tokio::test]
async fn long_data_is_read_whole_without_being_held_as_values() {
    let (seen, kept) = kept();
    let client = House::new()
        .insert(move |command| {
            seen.lock().unwrap().push(command.insert.rows.len());
            Ok(written(1, None))
        })
        .open();
    let send = async |data: String| {
        let message = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"insert_record","arguments":{{"data":{data},"table":"t"}}}}}}"#
        );
        crate::house::body(client.post(ALL).body(message).send().await).await
    };
    let rows = vec![r#"{"a":1}"#; 100_000].join(",");
    assert_eq!(send(format!("[{rows}]")).await["result"]["isError"], false);
    assert_eq!(kept.lock().unwrap().pop(), Some(rows.len() + 2));
    // A fault that lies behind what the schema is checked on.
    assert_eq!(told(&send(format!("[{rows},5]")).await)["faults"][0]["path"], "/data");
    assert_eq!(told(&send(format!("[{}]", vec!["1"; 1_000_000].join(","))).await)["faults"][0]["path"], "/data");
    let columns: Vec<_> = (0..100_000).map(|n| format!("\"c{n}\":1")).collect();
    assert_eq!(told(&send(format!("{{{}}}", columns.join(","))).await)["faults"][0]["path"], "/data");
    let wide: Vec<_> = columns.chunks(10).map(|some| format!("{{{}}}", some.join(","))).collect();
    assert_eq!(told(&send(format!("[{}]", wide.join(","))).await)["faults"][0]["path"], "/data");
}

#[tokio::test]
async fn updates_are_bounded() {
    let (seen, kept) = kept();
    let client = House::new()
        .update(move |command| {
            seen.lock().unwrap().push(command.update);
            Ok(written(2, Some(0)))
        })
        .open();
    let answer = client.call(ALL, "update_record", json!({"table": "t", "filter": {"id": "in.(1,2)"}, "data": {"b": null}, "dry_run": true})).await;
    assert_eq!(answer["result"]["structuredContent"], json!({"affected": 2, "dry_run": true}));
    let update = kept.lock().unwrap().pop().unwrap();
    assert_eq!(update.filter, Some(parse_condition("id.in.(1,2)").unwrap()));
    assert_eq!((update.max_affected, update.dry_run, update.returning), (Some(100), true, Returning::Count));
    assert_eq!((update.changes.as_str(), update.columns), (r#"{"b":null}"#, vec!["b".to_owned()]));
    client.call(ALL, "update_record", json!({"table": "t", "filter": {"a": "eq.1"}, "data": {"b": 1}, "max_affected": 7})).await;
    assert_eq!(kept.lock().unwrap().pop().unwrap().max_affected, Some(7));
}

#[tokio::test]
async fn writes_without_a_filter_are_refused() {
    let client = House::new().open();
    for filter in
        [json!({}), json!(null), json!({"or": []}), json!({"and": [{}]}), json!({"not": {}}), json!({"a": []}), json!({"a": null}), json!([])]
    {
        for (tool, mut arguments) in [("update_record", json!({"table": "t", "data": {"a": 1}})), ("delete_record", json!({"table": "t"}))] {
            let absent = told(&client.call(ALL, tool, arguments.clone()).await);
            assert_eq!(absent["faults"][0]["path"], "/filter");
            arguments["filter"] = filter.clone();
            let fault = told(&client.call(ALL, tool, arguments).await);
            assert!(fault["faults"][0]["path"].as_str().unwrap().starts_with("/filter"), "{filter}: {fault}");
        }
    }
    for data in [json!({}), json!([{"a": 1}]), json!(1)] {
        let fault = told(&client.call(ALL, "update_record", json!({"table": "t", "filter": {"a": "eq.1"}, "data": data})).await);
        assert_eq!(fault["faults"][0]["path"], "/data");
    }
}

#[tokio::test]
async fn deletes_give_back_what_is_gone() {
    let client = House::new()
        .delete(|command| match command.delete.max_affected {
            Some(1) => Err(Failure::TooManyAffected { affected: 2, max: 1 }),
            _ => Ok(Written { document: Some(document("[{\"id\":1},{\"id\":2}]", 2, false)), ..written(2, None) }),
        })
        .open();
    let answer = client.call(ALL, "delete_record", json!({"table": "t", "filter": {"id": "lt.3"}, "returning": "*"})).await;
    assert_eq!(answer["result"]["structuredContent"], json!({"affected": 2, "rows": [{"id": 1}, {"id": 2}]}));
    let fault = told(&client.call(ALL, "delete_record", json!({"table": "t", "filter": {"id": "lt.3"}, "max_affected": 1})).await);
    assert_eq!(fault["code"], "max_affected_exceeded");
    assert!(fault["hint"].as_str().unwrap().contains("dry_run"));
}

#[tokio::test]
async fn rows_given_back_are_capped_without_failing_what_is_committed() {
    let mut house = House::new().delete(|_| {
        Ok(Written { document: Some(document(&format!("[{{\"a\":1}},{{\"b\":\"{}\"}}]", "x".repeat(500)), 2, false)), ..written(2, None) })
    });
    house.settings.max_result_bytes = 100;
    let answer = house.open().call(ALL, "delete_record", json!({"table": "t", "filter": {"a": "eq.1"}, "returning": "*"})).await;
    assert_eq!(answer["result"]["structuredContent"], json!({"affected": 2, "truncated": true, "rows": [{"a": 1}]}));
}

#[tokio::test]
async fn a_fault_of_what_comes_back_lies_at_returning() {
    fn refused() -> Failure {
        Failure::Invalid(vec![Fault::new("/select", "no such column"), Fault::new("/data/a", "no such column")])
    }
    let client = House::new().insert(|_| Err(refused())).update(|_| Err(refused())).delete(|_| Err(refused())).open();
    for (tool, arguments) in [
        ("insert_record", json!({"table": "t", "data": {"a": 1}, "returning": "x"})),
        ("update_record", json!({"table": "t", "filter": {"a": "eq.1"}, "data": {"a": 1}, "returning": "x"})),
        ("delete_record", json!({"table": "t", "filter": {"a": "eq.1"}, "returning": "x"})),
    ] {
        let faults = told(&client.call(ALL, tool, arguments).await)["faults"].clone();
        assert_eq!((&faults[0]["path"], &faults[1]["path"]), (&json!("/returning"), &json!("/data/a")), "{tool}");
    }
}
