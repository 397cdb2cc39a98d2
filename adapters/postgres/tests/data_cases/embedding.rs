//! Embedded relations of every kind.

use domain::Failure;
use serde_json::json;

use super::{
    Who::{Alice, Service},
    World, json as read_json, select,
};

#[tokio::test]
async fn embeds_of_every_kind() {
    let world = World::new("embeds").await;
    for (table, text, rows) in [
        ("tasks", "select=id,projects(name)&id=eq.1", json!([{"id": 1, "projects": {"name": "Apollo"}}])),
        (
            "projects",
            "select=id,owner:users!owner_id(id),reviewer_id(name)&id=eq.2",
            json!([{"id": 2, "owner": {"id": "alice"}, "reviewer_id": null}]),
        ),
        (
            "projects",
            "select=id,tasks(id)&tasks.order=id.desc&tasks.limit=2&order=id",
            json!([
            {"id": 1, "tasks": [{"id": 3}, {"id": 2}]}, {"id": 2, "tasks": [{"id": 4}]}, {"id": 3, "tasks": [{"id": 5}]}]),
        ),
        (
            "projects",
            "select=id,tasks(id)&tasks.done=is.false&order=id",
            json!([
            {"id": 1, "tasks": [{"id": 2}]}, {"id": 2, "tasks": []}, {"id": 3, "tasks": []}]),
        ),
        ("projects", "select=id,tasks!inner(id)&tasks.done=is.false", json!([{"id": 1, "tasks": [{"id": 2}]}])),
        ("projects", "select=id,tasks()&tasks.done=is.false&tasks=is.null&order=id", json!([{"id": 2}, {"id": 3}])),
        ("projects", "select=id,tasks()&tasks.done=is.false&or=(tasks.not.is.null,id.eq.3)&order=id", json!([{"id": 1}, {"id": 3}])),
        (
            "tasks",
            "select=id,tags(name)&tags.order=name&order=id&limit=2",
            json!([
            {"id": 1, "tags": [{"name": "fun"}, {"name": "urgent"}]}, {"id": 2, "tags": [{"name": "fun"}]}]),
        ),
        (
            "tags",
            "select=name,tasks!task_tags(id,projects(name))&id=eq.2&tasks.order=id",
            json!([
            {"name": "fun", "tasks": [{"id": 1, "projects": {"name": "Apollo"}}, {"id": 2, "projects": {"name": "Apollo"}}]}]),
        ),
        ("tasks", "select=id,task_tags(tag_id)&id=eq.5", json!([{"id": 5, "task_tags": [{"tag_id": 1}]}])),
        (
            "users",
            "select=id,profiles(bio)&order=id",
            json!([
            {"id": "alice", "profiles": {"bio": "likes rows"}}, {"id": "bob", "profiles": {"bio": "likes columns"}}, {"id": "carol", "profiles": null}]),
        ),
        ("profiles", "select=users(id)&user_id=eq.bob", json!([{"users": {"id": "bob"}}])),
        (
            "employees",
            "select=name,manager:manager_id(name),reports:employees(name)&id=eq.2&reports.order=id",
            json!([
            {"name": "lead", "manager": {"name": "boss"}, "reports": [{"name": "dev"}, {"name": "ops"}]}]),
        ),
        (
            "employees",
            "select=name,employees!manager_id(name,employees!manager_id(name))&id=eq.1",
            json!([
            {"name": "boss", "employees": [{"name": "lead", "employees": [{"name": "dev"}, {"name": "ops"}]}]}]),
        ),
        ("tasks", "select=id,projects()&order=projects(name).desc,id.desc", json!([{"id": 5}, {"id": 4}, {"id": 3}, {"id": 2}, {"id": 1}])),
        ("tasks", "select=id,projects!inner(id)&projects.owner_id=eq.bob", json!([{"id": 5, "projects": {"id": 3}}])),
        (
            "users",
            "select=id,owned:projects!owner_id!inner(id,tasks!inner(id))&owned.tasks.title=eq.eat",
            json!([
            {"id": "alice", "owned": [{"id": 2, "tasks": [{"id": 4}]}]}]),
        ),
        ("users", "select=id,users!people_links_b_fkey(id)&id=eq.alice", json!([{"id": "alice", "users": [{"id": "bob"}]}])),
        ("projects", "select=tasks!inner()&id=eq.1", json!([{}])),
        ("projects", "select=id,tasks(tags(),projects())&id=eq.1", json!([{"id": 1}])),
        ("tasks", "select=id,tasks:task_tags(tag_id,tags())&id=eq.5", json!([{"id": 5, "tasks": [{"tag_id": 1}]}])),
        ("task_tags", "select=*,task_id(title)&task_id=eq.5", json!([{"task_id": {"title": "bob only"}, "tag_id": 1}])),
    ] {
        assert_eq!(world.read(Service, table, text).await, rows, "{table}?{text}");
    }
}

#[tokio::test]
async fn foreign_keys_are_followed_through_views() {
    let mut world = World::new("embedded_views").await;
    world
        .sql(
            "create view owned as select 'x' as \":resno {1}\", owner_id as owner, id from private.secrets;
             create view shown_projects as with p as (select * from (select id as number, name, owner_id from projects) q) select * from p;
             create view joined as select t.id, t.title, p.owner_id from tasks t join projects p on p.id = t.project_id
               where exists (select project_id from tasks);
             create view peers as select a.name, a.manager_id, b.manager_id as other_id from employees a cross join employees b where a.id = 3 and b.id = 2;
             create schema other; create view other.projects as select id, name from public.projects;
             create table private.staff (id int primary key, name text, boss int references private.staff);
             insert into private.staff select id, name, manager_id from employees; create view staff as select * from private.staff;
             create view shown_tags as select tag_id, task_id from task_tags;
             grant usage on schema other to service_role; grant select on owned, shown_projects, joined, peers, staff, shown_tags, other.projects to service_role",
        )
        .await;
    for (table, text, rows) in [
        (
            "open_tasks",
            "select=id,projects(name),tags!task_tags(name)&id=eq.2",
            json!([{"id": 2, "projects": {"name": "Apollo"}, "tags": [{"name": "fun"}]}]),
        ),
        ("over_open_tasks", "select=id,tags!task_tags(name)&id=eq.2", json!([{"id": 2, "tags": [{"name": "fun"}]}])),
        (
            "projects",
            "select=id,open_tasks(id)&open_tasks.order=id&id=lt.3&order=id",
            json!([
            {"id": 1, "open_tasks": [{"id": 2}, {"id": 3}]}, {"id": 2, "open_tasks": []}]),
        ),
        ("tags", "select=open_tasks!task_tags(id)&id=eq.2", json!([{"open_tasks": [{"id": 2}]}])),
        ("task_counts", "select=n,projects!inner(name)&projects.name=eq.Apollo", json!([{"n": 3, "projects": {"name": "Apollo"}}])),
        ("owned", "select=id,users(id)", json!([{"id": 1, "users": {"id": "alice"}}])),
        ("shown_projects", "select=number,open_tasks!inner(id)&open_tasks.id=eq.2", json!([{"number": 1, "open_tasks": [{"id": 2}]}])),
        ("joined", "select=id,users(name),task_tags(tag_id)&id=eq.5", json!([{"id": 5, "users": {"name": "Bob"}, "task_tags": [{"tag_id": 1}]}])),
        ("peers", "select=name,employees!other_id(name)", json!([{"name": "dev", "employees": {"name": "boss"}}])),
        (
            "staff",
            "select=name,boss(name),staff(name)&id=eq.2&staff.id=eq.3",
            json!([
            {"name": "lead", "boss": {"name": "boss"}, "staff": [{"name": "dev"}]}]),
        ),
        ("over_open_tasks", "select=tags!shown_tags(name)&id=eq.2", json!([{"tags": [{"name": "fun"}]}])),
        // Names that mean a table's key still do, and its own schema comes first.
        ("tasks", "select=id,project_id(name)&id=eq.1", json!([{"id": 1, "project_id": {"name": "Apollo"}}])),
        ("tasks", "select=id,projects(owner_id)&id=eq.1", json!([{"id": 1, "projects": {"owner_id": "alice"}}])),
    ] {
        assert_eq!(world.read(Service, table, text).await, rows, "{table}?{text}");
    }
    let Failure::Ambiguous { candidates, .. } = world.refused(Service, "peers", "select=employees(id)").await else { panic!() };
    let mut hints: Vec<_> = candidates.iter().map(|candidate| candidate.hint.as_str()).collect();
    hints.sort_unstable();
    assert_eq!(hints, ["manager_id", "other_id"]);
    for (table, text) in [("joined", "select=projects(id)"), ("joined", "select=joined(id)"), ("leaking", "select=users(id)")] {
        assert!(world.refused(Service, table, text).await.to_string().contains("no relationship"), "{table}?{text}");
    }
    let often = "select=id,open_tasks(projects(tasks(projects(open_tasks(id)))))";
    assert!(world.refused(Service, "projects", often).await.to_string().contains("a third time"));
}

#[tokio::test]
async fn an_ambiguous_embed_lists_hints_that_work() {
    let world = World::new("ambiguous").await;
    let Failure::Ambiguous { candidates, .. } = world.refused(Service, "projects", "select=users(id)").await else { panic!() };
    assert_eq!(candidates.len(), 2);
    for candidate in candidates {
        world.read(Service, "projects", &format!("select=users!{}(id)", candidate.hint)).await;
    }
}

#[tokio::test]
async fn embedded_rows_are_under_row_level_security_too() {
    let world = World::new("embedded_rls").await;
    assert_eq!(
        world.read(Alice, "tags", "select=name,tasks!task_tags(id)&order=id&tasks.order=id").await,
        json!([{"name": "urgent", "tasks": [{"id": 1}]}, {"name": "fun", "tasks": [{"id": 1}, {"id": 2}]}, {"name": "unused", "tasks": []}])
    );
}

#[tokio::test]
async fn so_many_embeds_that_not_all_are_joined_show_and_test_the_same() {
    let mut world = World::new("embed_many").await;
    // It is the planner that this is about, which took longer than a statement may, and gigabytes; to compile so many expressions takes seconds as well.
    world.sql("alter database data_embed_many set jit = off").await;
    let embeds: Vec<_> = (0..200).map(|n| format!("p{n}:projects!inner(name)")).collect();
    let tests: Vec<_> = (0..200).map(|n| format!("p{n}.id=lt.3&p{n}=not.is.null")).collect();
    let request = select("tasks", &format!("select=id,{}&order=p0(name).desc,id&{}", embeds.join(","), tests.join("&")));
    let shown = read_json(world.rows(Service, &request).await.unwrap().document).await.unwrap();
    assert_eq!(shown.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>(), [4, 1, 2, 3]);
    for row in shown.as_array().unwrap() {
        let name = if row["id"] == 4 { "Borealis" } else { "Apollo" };
        assert!((0..200).all(|n| row[format!("p{n}")]["name"] == name), "{row}");
    }
}
