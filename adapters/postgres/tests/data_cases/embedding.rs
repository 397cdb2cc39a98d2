//! Embedded relations of every kind.

use domain::Failure;
use serde_json::json;

use super::{
    Who::{Alice, Service},
    World,
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
    ] {
        assert_eq!(world.read(Service, table, text).await, rows, "{table}?{text}");
    }
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
