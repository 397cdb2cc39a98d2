//! Totals, and answers of exactly one row.

use domain::{
    Failure,
    table::{CountMode, Shape},
};
use serde_json::json;

use super::{
    Who::{Alice, Service},
    World, json, select,
};

#[tokio::test]
async fn totals() {
    let mut world = World::new("totals").await;
    for (text, total, shown) in [
        ("select=id&order=id&limit=2", 5, 2),
        ("select=id&id=gt.2&offset=1", 3, 2),
        ("select=id&id=gt.99", 0, 0),
        ("select=id&offset=99", 5, 0),
        ("select=id,projects!inner()&projects.id=eq.1&limit=1", 3, 1),
    ] {
        let mut request = select("tasks", text);
        for mode in [CountMode::Exact, CountMode::Estimated] {
            request.count = Some(mode);
            let rows = world.rows(Service, &request).await.unwrap();
            assert_eq!((rows.total, rows.estimated), (Some(total), false), "{text} {mode:?}");
            assert_eq!(json(rows.document).await.unwrap().as_array().unwrap().len(), shown, "{text}");
        }
    }
    let mut request = select("tasks", "select=id");
    request.count = Some(CountMode::Exact);
    assert_eq!(world.rows(Alice, &request).await.unwrap().total, Some(4), "under row level security");

    world.sql("insert into notes select generate_series(1, 20000); analyze notes").await;
    for (mode, text, low, high) in [
        (CountMode::Planned, "select=id", 19_000, 21_000),
        (CountMode::Estimated, "select=id", 19_000, 21_000),
        (CountMode::Estimated, "select=id&id=lt.101&text=eq.none", 100, 100),
        (CountMode::Planned, "select=id&id=in.(1,2)&limit=1", 1, 3),
    ] {
        let mut request = select("notes", text);
        request.count = Some(mode);
        let rows = world.rows(Service, &request).await.unwrap();
        let total = rows.total.unwrap();
        assert_eq!(rows.estimated, low < high, "{mode:?} {text}");
        assert!((low..=high).contains(&total), "{mode:?} {text}: {total}");
    }
}

#[tokio::test]
async fn singular_is_one_object_or_a_refusal() {
    let world = World::new("singular").await;
    let mut request = select("projects", "select=id,name&id=eq.1");
    request.shape = Shape::Singular;
    let rows = world.rows(Service, &request).await.unwrap();
    assert_eq!(json(rows.document).await.unwrap(), json!({"id": 1, "name": "Apollo"}));
    request.count = Some(CountMode::Exact);
    let rows = world.rows(Service, &request).await.unwrap();
    assert_eq!((rows.total, json(rows.document).await.unwrap()), (Some(1), json!({"id": 1, "name": "Apollo"})));
    for (text, found) in [("id=gt.0", 2), ("id=eq.99", 0)] {
        for count in [None, Some(CountMode::Exact)] {
            let mut request = select("projects", text);
            (request.shape, request.count) = (Shape::Singular, count);
            let failure = world.rows(Service, &request).await.unwrap_err();
            assert!(matches!(failure, Failure::NotSingular { rows } if rows == found), "{failure:?}");
        }
    }
}

#[tokio::test]
async fn no_total_tells_of_rows_that_policies_hide() {
    let mut world = World::new("hidden_totals").await;
    world.sql("insert into tasks select n, 3, 'bob only', true, 'secret' from generate_series(100, 5000) n; analyze tasks").await;
    world.sql("create view open_tasks_again with (security_invoker) as select * from tasks; grant select on open_tasks_again to authenticated").await;
    for mode in [CountMode::Planned, CountMode::Estimated] {
        for (table, text, seen) in [
            ("tasks", "select=id", 4),
            ("tasks", "select=id&body=eq.secret", 0),
            ("tasks", "select=id&id=gt.2500", 0),
            ("open_tasks_again", "select=id&id=gt.2500", 0),
            ("projects", "select=id,tasks!inner()&tasks.id=gt.2500", 0),
        ] {
            let mut request = select(table, text);
            request.count = Some(mode);
            assert_eq!(world.rows(Alice, &request).await.unwrap().total, Some(seen), "{mode:?} {table}?{text}");
        }
    }
}
