//! Inserts and upserts.

use domain::{
    Access, Failure,
    table::{Insert, OnConflict, Resolution, Returning, Shape},
};
use ports::driven::Written;
use serde_json::{Value, json};

use super::{
    Who::{self, Alice, Bob, Service},
    World, names, query, returned, table_name,
};

pub(crate) fn insert(table: &str, rows: &Value) -> Insert {
    let shape: domain::table::RowsShape = serde_json::from_value(rows.clone()).unwrap();
    Insert {
        table: table_name(table),
        rows: rows.to_string(),
        columns: shape.keys,
        on_conflict: None,
        missing_default: false,
        returning: Returning::Count,
    }
}

pub(crate) fn rows(text: &str, shape: Shape) -> Returning {
    let query = query(text);
    Returning::Rows { columns: query.select, order: query.order, shape, max_bytes: None }
}

async fn run(world: &World, who: Who, insert: &Insert) -> Result<Written, Failure> {
    world.session(who, Access::Write).await.insert(insert).await
}

fn upsert(table: &str, rows: &Value, columns: &[&str], resolution: Resolution) -> Insert {
    Insert { on_conflict: Some(OnConflict { columns: names(columns), resolution }), ..insert(table, rows) }
}

#[tokio::test]
async fn one_row_or_many() {
    let mut world = World::new("insert").await;
    let mut request = insert("projects", &json!({"name": "Draco", "data": {"k": "v"}, "labels": ["a", "b"], "period": "[2024-01-01,2024-01-02)"}));
    request.returning = rows("select=id,name,data,labels,owner_id,owner:users!owner_id(name)", Shape::Array);
    let written = run(&world, Alice, &request).await.unwrap();
    assert_eq!((written.affected, written.inserted), (1, Some(1)));
    assert_eq!(
        returned(written).await,
        json!([{"id": 100, "name": "Draco", "data": {"k": "v"}, "labels": ["a", "b"], "owner_id": "alice", "owner": {"name": "Alice"}}])
    );
    let mut request = insert("notes", &json!([{"id": 1, "text": "b"}, {"id": 2, "text": "a"}, {"id": 3, "text": null}]));
    request.returning = rows("select=id,text,rank&order=text.nullsfirst", Shape::Array);
    let written = run(&world, Alice, &request).await.unwrap();
    assert_eq!((written.affected, written.document.as_ref().unwrap().rows()), (3, 3));
    assert_eq!(
        returned(written).await,
        json!([{"id": 3, "text": null, "rank": 7}, {"id": 2, "text": "a", "rank": 7}, {"id": 1, "text": "b", "rank": 7}])
    );
    request = insert("notes", &json!([{"id": 4, "text": "not written"}]));
    request.columns = names(&["id", "rank"]);
    run(&world, Alice, &request).await.unwrap();
    assert_eq!(world.value("select text || coalesce(rank::text, ' null') from notes where id = 4").await, "none null");
}

#[tokio::test]
async fn nothing_and_nothing_but_defaults() {
    let mut world = World::new("insert_defaults").await;
    world.sql("create table counted (id int generated always as identity, note text default 'x'); grant all on counted to authenticated").await;
    for (rows, affected) in [(json!([]), 0), (json!({}), 1), (json!([{}]), 1), (json!([{}, {}, {}]), 3)] {
        let written = run(&world, Alice, &insert("counted", &rows)).await.unwrap();
        assert_eq!((written.affected, written.inserted, written.document.is_none()), (affected, Some(affected), true), "{rows}");
    }
    assert_eq!(world.value("select count(*) || min(note) from counted").await, "5x");
}

#[tokio::test]
async fn a_missing_key_takes_the_default_of_a_column_whose_domain_takes_no_null() {
    let mut world = World::new("missing_domain").await;
    world.sql("create domain rank as int not null; create domain code as varchar(3) check (value <> 'no');").await;
    world.sql("create table ranked (id int, rank rank default 5, code code default 'abc', mood mood default 'ok'); grant all on ranked to authenticated").await;
    let mut request = insert("ranked", &json!([{"id": 1}, {"id": 2, "rank": 7, "code": "xyz", "mood": "sad"}]));
    request.columns = names(&["id", "rank", "code", "mood"]);
    request.missing_default = true;
    assert_eq!(run(&world, Alice, &request).await.unwrap().affected, 2);
    assert_eq!(world.value("select string_agg(concat(id, rank, code, mood), ' ' order by id) from ranked").await, "15abcok 27xyzsad");
    for (row, code) in [(json!({"rank": null}), "23502"), (json!({"rank": 1, "code": "long"}), "22001"), (json!({"code": "no"}), "23514")] {
        let refused = Insert { rows: row.to_string(), columns: names(&["rank", "code"]), ..request.clone() };
        assert_eq!(run(&world, Alice, &refused).await.unwrap_err().code(), code, "{row}");
    }
    request = Insert { rows: "{}".to_owned(), columns: names(&["rank"]), ..request };
    assert_eq!(run(&world, Alice, &request).await.unwrap().affected, 1, "with nothing else in the row");
}

#[tokio::test]
async fn missing_keys_take_defaults_where_that_is_asked_for() {
    let mut world = World::new("missing_default").await;
    world.sql("create domain rank as int default 5; create table ranked (id int, rank rank); grant all on ranked to authenticated").await;
    let three = json!([{"id": 1, "text": "t"}, {"id": 2, "rank": null}, {"id": 3, "rank": 1}]);
    let mut request = insert("notes", &three);
    request.missing_default = true;
    assert_eq!(run(&world, Alice, &request).await.unwrap().affected, 3);
    let seen = world.value("select string_agg(concat_ws('/', id, text, coalesce(rank::text, 'null')), ' ' order by id) from notes").await;
    assert_eq!(seen, "1/t/7 2/none/null 3/none/1");
    let returning = rows("select=id,rank", Shape::Array);
    let mut request = insert("ranked", &json!({"id": 4}));
    (request.missing_default, request.columns, request.returning) = (true, names(&["id", "rank"]), returning);
    assert_eq!(returned(run(&world, Alice, &request).await.unwrap()).await, json!([{"id": 4, "rank": 5}]));
    let mut request = insert("projects", &json!({"name": "E"}));
    (request.missing_default, request.columns) = (true, names(&["id", "name", "owner_id"]));
    request.returning = Returning::Key;
    assert_eq!(returned(run(&world, Bob, &request).await.unwrap()).await, json!({"id": 100}));
}

#[tokio::test]
async fn upserts() {
    let mut world = World::new("upsert").await;
    world.sql("insert into notes values (1, 'old', 1)").await;
    let both = json!([{"id": 1, "text": "new"}, {"id": 2, "text": "fresh"}]);
    let written = run(&world, Alice, &upsert("notes", &both, &[], Resolution::IgnoreDuplicates)).await.unwrap();
    assert_eq!((written.affected, written.inserted), (1, Some(1)));
    let mut request = upsert("notes", &json!([{"id": 1, "text": "new"}, {"id": 3, "text": "third"}]), &["id"], Resolution::MergeDuplicates);
    request.returning = rows("select=id,text,rank&order=id", Shape::Array);
    let written = run(&world, Alice, &request).await.unwrap();
    assert_eq!((written.affected, written.inserted), (2, Some(1)));
    assert_eq!(returned(written).await, json!([{"id": 1, "text": "new", "rank": 1}, {"id": 3, "text": "third", "rank": 7}]));
    let odd = upsert("measures", &json!({"at": "2024-05-01", "value": 9}), &[], Resolution::MergeDuplicates);
    let written = run(&world, Alice, &odd).await.unwrap();
    assert_eq!((written.affected, written.inserted), (1, Some(0)), "partitioned");
    let rows = json!([{"at": "2024-06-01", "value": 1}, {"at": "2024-05-01", "value": 2}, {"at": "2025-06-01", "value": 3}]);
    let written = run(&world, Alice, &upsert("measures", &rows, &[], Resolution::MergeDuplicates)).await.unwrap();
    assert_eq!((written.affected, written.inserted), (3, Some(2)));
    world.sql("create view some_notes as select id, text from notes where id < 100; grant all on some_notes to authenticated").await;
    for (rows, inserted) in [(json!([{"id": 1, "text": "a"}]), 0), (json!([{"id": 50, "text": "a"}, {"id": 1, "text": "b"}]), 1)] {
        let written = run(&world, Alice, &upsert("some_notes", &rows, &["id"], Resolution::MergeDuplicates)).await.unwrap();
        assert_eq!(written.inserted, Some(inserted), "a view: {rows}");
    }
    let failure = run(&world, Alice, &upsert("notes", &both, &["text"], Resolution::MergeDuplicates)).await.unwrap_err();
    assert_eq!(failure.to_string(), "/on_conflict: (text) is no unique key of 'public.notes'; they are (id)");
}

#[tokio::test]
async fn a_row_that_is_not_one_is_rolled_back() {
    let mut world = World::new("insert_singular").await;
    let mut request = insert("notes", &json!([{"id": 1}, {"id": 2}]));
    request.returning = rows("", Shape::Singular);
    let failure = run(&world, Alice, &request).await.unwrap_err();
    assert!(matches!(failure, Failure::NotSingular { rows: 2 }), "{failure:?}");
    assert_eq!(world.value("select count(*) from notes").await, "0");
    request = Insert { returning: rows("select=id", Shape::Singular), ..insert("notes", &json!({"id": 1})) };
    assert_eq!(returned(run(&world, Alice, &request).await.unwrap()).await, json!({"id": 1}));
}

#[tokio::test]
async fn keys_come_back_of_one_row_only() {
    let world = World::new("insert_key").await;
    let with_key = |rows: Value| Insert { returning: Returning::Key, ..insert("notes", &rows) };
    assert_eq!(returned(run(&world, Alice, &with_key(json!({"id": 5}))).await.unwrap()).await, json!({"id": 5}));
    assert!(run(&world, Alice, &with_key(json!([{"id": 6}, {"id": 7}]))).await.unwrap().document.is_none());
    let keyless = Insert { returning: Returning::Key, ..insert("keyless", &json!({"a": 1})) };
    assert!(run(&world, Alice, &keyless).await.unwrap().document.is_none());
    let pair = Insert { returning: Returning::Key, ..insert("task_tags", &json!({"task_id": 3, "tag_id": 3})) };
    assert_eq!(returned(run(&world, Service, &pair).await.unwrap()).await, json!({"task_id": 3, "tag_id": 3}));
}

#[tokio::test]
async fn refusals_keep_their_sqlstate_and_no_rows_of_others() {
    let world = World::new("insert_refused").await;
    for (who, table, row, sqlstate, has_detail) in [
        (Alice, "tags", json!({"id": 1, "name": "again"}), "23505", true),
        (Alice, "tasks", json!({"id": 9, "project_id": 1, "title": "far too long for it"}), "23514", false),
        (Alice, "tasks", json!({"id": 9, "project_id": 1, "title": null}), "23502", false),
        (Alice, "task_tags", json!({"task_id": 999, "tag_id": 1}), "23503", true),
        (Alice, "projects", json!({"name": "for bob", "owner_id": "bob"}), "42501", false),
        (Alice, "projects", json!({"id": "x", "name": "n"}), "22P02", true),
        (Alice, "projects", json!({"name": "n", "upper_name": "n"}), "428C9", true),
        (Alice, "task_counts", json!({"n": 1}), "42809", false),
        (Who::Anon, "notes", json!({"id": 1}), "42501", false),
    ] {
        let Err(Failure::Database(failure)) = run(&world, who, &insert(table, &row)).await else { panic!("{row}") };
        assert_eq!(failure.sqlstate, sqlstate, "{row} {failure:?}");
        assert!(has_detail || failure.detail.is_none(), "{failure:?}");
    }
}
