//! Updates and deletes.

use domain::{
    Access, Failure,
    table::{Delete, Returning, Shape, Update},
};
use serde_json::{Value, json};

use super::{
    Who::{self, Alice, Service},
    World,
    inserting::rows,
    names, query, returned, table_name,
};

fn update(table: &str, filter: &str, changes: &Value) -> Update {
    Update {
        table: table_name(table),
        filter: query(filter).filter,
        changes: changes.to_string(),
        columns: changes.as_object().unwrap().keys().cloned().collect(),
        missing_default: false,
        max_affected: None,
        dry_run: false,
        returning: Returning::Count,
    }
}

fn delete(table: &str, filter: &str) -> Delete {
    Delete { table: table_name(table), filter: query(filter).filter, max_affected: None, dry_run: false, returning: Returning::Count }
}

async fn change(world: &World, who: Who, update: &Update) -> Result<ports::driven::Written, Failure> {
    world.session(who, Access::Write).await.update(update).await
}

async fn remove(world: &World, who: Who, delete: &Delete) -> Result<ports::driven::Written, Failure> {
    world.session(who, Access::Write).await.delete(delete).await
}

#[tokio::test]
async fn updates() {
    let world = World::new("update").await;
    let mut request = update("projects", "id=lt.3", &json!({"budget": 7, "data": {"x": 1}, "labels": ["n"]}));
    request.returning = rows("select=id,budget,data,labels,tasks(id)&order=id.desc", Shape::Array);
    let written = change(&world, Alice, &request).await.unwrap();
    assert_eq!((written.affected, written.inserted), (2, Some(0)));
    let expected = json!([
        {"id": 2, "budget": 7.00, "data": {"x": 1}, "labels": ["n"], "tasks": [{"id": 4}]},
        {"id": 1, "budget": 7.00, "data": {"x": 1}, "labels": ["n"], "tasks": [{"id": 1}, {"id": 2}, {"id": 3}]}]);
    assert_eq!(returned(written).await, expected);
    assert_eq!(change(&world, Alice, &update("projects", "id=gt.0", &json!({"budget": null}))).await.unwrap().affected, 2, "bob's is not hers");
    assert_eq!(change(&world, Service, &update("measures", "value=eq.1", &json!({"note": "p"}))).await.unwrap().affected, 1);
    assert_eq!(change(&world, Alice, &update("open_tasks", "id=eq.2", &json!({"title": "by a view"}))).await.unwrap().affected, 1);
    let mut request = update("projects", "id=eq.1", &json!({"budget": 8}));
    (request.columns, request.missing_default) = (names(&["budget", "labels", "data"]), true);
    request.returning = rows("select=budget,labels,data", Shape::Array);
    assert_eq!(returned(change(&world, Alice, &request).await.unwrap()).await, json!([{"budget": 8.00, "labels": [], "data": null}]));
    let empty = Update { returning: rows("", Shape::Array), ..update("projects", "id=eq.1", &json!({})) };
    let written = change(&world, Alice, &empty).await.unwrap();
    assert_eq!((written.affected, returned(written).await), (0, json!([])));
}

#[tokio::test]
async fn a_column_that_the_changes_lack_takes_its_default_also_where_its_domain_takes_no_null() {
    let mut world = World::new("update_domain").await;
    world.sql("create domain rank as int not null; create table ranked (id int, rank rank default 5); grant all on ranked to authenticated").await;
    world.sql("insert into ranked values (1, 1), (2, 2)").await;
    let mut request = Update { missing_default: true, ..update("ranked", "id=eq.1", &json!({"id": 3})) };
    request.columns = names(&["id", "rank"]);
    assert_eq!(change(&world, Alice, &request).await.unwrap().affected, 1);
    request = Update { columns: names(&["rank"]), ..Update { missing_default: true, ..update("ranked", "id=eq.2", &json!({})) } };
    assert_eq!(change(&world, Alice, &request).await.unwrap().affected, 1);
    assert_eq!(world.value("select string_agg(concat(id, ' ', rank), ', ' order by id) from ranked").await, "2 5, 3 5");
}

#[tokio::test]
async fn deletes() {
    let mut world = World::new("delete").await;
    let mut request = delete("tasks", "id=in.(1,5)");
    request.returning = rows("select=id,title,projects(name)", Shape::Singular);
    let written = remove(&world, Alice, &request).await.unwrap();
    assert_eq!((written.affected, written.inserted), (1, Some(0)));
    assert_eq!(returned(written).await, json!({"id": 1, "title": "write", "projects": {"name": "Apollo"}}));
    assert_eq!(world.value("select count(*) from tasks").await, "4");
    let failure = remove(&world, Alice, &delete("projects", "id=eq.1")).await.unwrap_err();
    assert_eq!(failure.code(), "23503");
    assert_eq!(remove(&world, Alice, &delete("tasks", "")).await.unwrap_err().code(), "filter_required");
}

#[tokio::test]
async fn a_write_that_would_touch_too_much_changes_nothing() {
    let mut world = World::new("bounds").await;
    let before = world.value("select md5(string_agg(t::text, ',' order by id)) from tasks t").await;
    for (bound, shape) in [(Some(2), None), (None, Some(Shape::Singular)), (Some(2), Some(Shape::Array)), (Some(2), Some(Shape::Singular))] {
        let returning = shape.map_or(Returning::Count, |shape| rows("select=id", shape));
        let change_all = Update { max_affected: bound, returning: returning.clone(), ..update("tasks", "id=gt.0", &json!({"done": null})) };
        let delete_all = Delete { max_affected: bound, returning, ..delete("tasks", "id=gt.0") };
        for failure in [change(&world, Service, &change_all).await.unwrap_err(), remove(&world, Service, &delete_all).await.unwrap_err()] {
            match bound {
                Some(_) => assert!(matches!(failure, Failure::TooManyAffected { affected: 5, max: 2 }), "{failure:?}"),
                None => assert!(matches!(failure, Failure::NotSingular { rows: 5 }), "{failure:?}"),
            }
        }
    }
    let nobody = Update { returning: rows("", Shape::Singular), ..update("tasks", "id=eq.99", &json!({"done": null})) };
    assert!(matches!(change(&world, Service, &nobody).await.unwrap_err(), Failure::NotSingular { rows: 0 }));
    assert_eq!(world.value("select md5(string_agg(t::text, ',' order by id)) from tasks t").await, before);
    let within = Delete { max_affected: Some(5), filter: None, ..delete("tasks", "") };
    assert_eq!(remove(&world, Service, &within).await.unwrap().affected, 5);
}

#[tokio::test]
async fn a_row_that_an_embed_leaves_out_of_the_answer_is_no_single_row() {
    let mut world = World::new("left_out").await;
    let before = world.value("select md5(string_agg(t::text, ',' order by id)) from tasks t").await;
    for (filter, list, found) in [
        ("id=eq.1", "select=id,projects!inner(name)&projects.name=eq.nope", 0),
        ("id=in.(1,2)", "select=id,projects!inner(name)&projects.name=eq.Apollo", 2),
    ] {
        let returning = || rows(list, Shape::Singular);
        let request = Update { returning: returning(), ..update("tasks", filter, &json!({"title": "x"})) };
        let gone = Delete { returning: returning(), ..delete("tasks", filter) };
        for failure in [change(&world, Alice, &request).await.unwrap_err(), remove(&world, Alice, &gone).await.unwrap_err()] {
            assert!(matches!(failure, Failure::NotSingular { rows } if rows == found), "{failure:?}");
        }
    }
    assert_eq!(world.value("select md5(string_agg(t::text, ',' order by id)) from tasks t").await, before);
    let one = "select=id,projects!inner(name)&projects.name=eq.Apollo";
    let request = Update { returning: rows(one, Shape::Singular), ..update("tasks", "id=eq.1", &json!({"title": "x"})) };
    assert_eq!(returned(change(&world, Alice, &request).await.unwrap()).await, json!({"id": 1, "projects": {"name": "Apollo"}}));
}

#[tokio::test]
async fn a_dry_run_tells_and_takes_back() {
    let mut world = World::new("dry_run").await;
    let request = Update { dry_run: true, returning: rows("select=id,done", Shape::Array), ..update("tasks", "id=eq.2", &json!({"done": true})) };
    let written = change(&world, Alice, &request).await.unwrap();
    assert_eq!((written.affected, returned(written).await), (1, json!([{"id": 2, "done": true}])));
    let gone = Delete { dry_run: true, ..delete("tasks", "id=gt.0") };
    assert_eq!(remove(&world, Alice, &gone).await.unwrap().affected, 4);
    assert_eq!(world.value("select count(*) filter (where done) || ' of ' || count(*) from tasks").await, "3 of 5");
    world
        .sql("create table late (id int primary key, up int references late deferrable initially deferred); grant all on late to authenticated")
        .await;
    world.sql("insert into late values (1, null)").await;
    for dry_run in [true, false] {
        let request = Update { dry_run, ..update("late", "id=eq.1", &json!({"up": 9})) };
        assert_eq!(change(&world, Alice, &request).await.unwrap_err().code(), "23503", "what fails at the commit fails in a dry run");
    }
    assert_eq!(change(&world, Alice, &update("tasks", "id=eq.2", &json!({"done": true}))).await.unwrap().affected, 1, "nothing was left behind");
}

#[tokio::test]
async fn of_what_a_write_gives_back_no_more_is_kept_than_is_wanted() {
    let mut world = World::new("cut_write").await;
    world.sql("create table big (id int primary key, body text); grant all on big to service_role").await;
    world.sql("insert into big values (1, 'a'), (2, repeat('b', 3000000)), (3, 'c')").await;
    for (max, kept) in [(20, 0), (1000, 1), (2_999_999, 1), (3_000_100, 3)] {
        let Returning::Rows { columns, order, shape, .. } = rows("order=id", Shape::Array) else { panic!("rows are wanted") };
        let returning = Returning::Rows { columns, order, shape, max_bytes: Some(max) };
        let request = Delete { dry_run: true, returning, ..delete("big", "id=gt.0") };
        let mut written = remove(&world, Service, &request).await.unwrap();
        let document = written.document.as_mut().unwrap();
        assert_eq!((written.affected, document.rows(), document.truncated()), (3, kept, kept < 3), "{max}");
        assert_eq!(u64::try_from(returned(written).await.as_array().unwrap().len()).unwrap(), kept, "{max}");
    }
}
