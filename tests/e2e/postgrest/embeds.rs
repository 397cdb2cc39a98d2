//! Rows with their relatives.

use super::{Alice, column};
use serde_json::{Value, json};

#[tokio::test]
async fn relatives_are_objects_or_lists_by_their_keys() {
    let alice = Alice::new().await;
    let task = &alice.rows("tasks?id=eq.1&select=id,projects(id,name),comments(id),tags(name),task_tags(tag_id)").await[0];
    assert!(task["projects"].is_object() && task["projects"]["name"].is_string(), "{task}");
    for many in ["comments", "tags", "task_tags"] {
        assert!(task[many].is_array(), "{many}: {task}");
    }
    assert_eq!(task["tags"].as_array().unwrap().len(), task["task_tags"].as_array().unwrap().len());
    assert!(!task["tags"].as_array().unwrap().is_empty(), "{task}");
    // A foreign key that is unique gives one: everybody has one profile at most.
    let users = alice.rows("users?select=id,profiles(time_zone)&email=in.(alice@example.com,bob@example.com)&order=email").await;
    assert_eq!(users[0]["profiles"], json!({"time_zone": "Europe/Berlin"}));
    assert_eq!(users[1]["profiles"], Value::Null, "his profile is his own");
    // Renamed, and a tree of them.
    let project =
        &alice.rows("projects?id=eq.1&select=name,owner:users!projects_owner(email),jobs:tasks(title,said:comments(body,by:users(email)))").await[0];
    assert_eq!(project["owner"], json!({"email": "alice@example.com"}));
    assert!(project["jobs"][0]["said"].is_array(), "{project}");
}

#[tokio::test]
async fn views_have_the_relatives_of_the_tables_they_show() {
    let alice = Alice::new().await;
    let overview = &alice.rows("project_overview?id=eq.1&select=*,owner_id(email),some:tasks(id,project_overview(name))&some.limit=1").await[0];
    assert_eq!(overview["owner_id"], json!({"email": "alice@example.com"}));
    assert!(overview["tasks"].is_number() && overview["some"].as_array().is_some_and(|some| some.len() == 1), "{overview}");
    assert_eq!(overview["some"][0]["project_overview"], json!({"name": overview["name"]}));
    // A table's column still means the table, and the rows behind a view stay their owner's.
    assert!(alice.rows("tasks?id=eq.1&select=project_id(slug)").await[0]["project_id"].is_object());
    let same = "users?select=seen:project_overview!projects_owner(id),projects!projects_owner(id)&seen.order=id&projects.order=id";
    let owners = alice.rows(same).await;
    assert!(owners.iter().all(|owner| owner["seen"] == owner["projects"]) && owners.iter().any(|owner| owner["seen"] != json!([])));
}

#[tokio::test]
async fn an_ambiguous_relative_is_300_with_the_hints_that_decide() {
    let alice = Alice::new().await;
    let ambiguous = alice.get("devices?select=id,sessions(id)").await;
    // The login sessions are in a schema that is not exposed.
    assert_eq!(ambiguous.problem(400), "invalid");
    let ambiguous = alice.get("projects?select=id,users(email)").await;
    assert_eq!(ambiguous.problem(300), "ambiguous_relationship");
    let candidates = ambiguous.json()["candidates"].as_array().cloned().unwrap_or_default();
    assert!(candidates.len() >= 2, "{ambiguous:?}");
    let text = ambiguous.body.clone();
    assert!(text.contains("projects_owner") && text.contains("project_members"), "{text}");
    let owner = alice.rows("projects?id=eq.1&select=users!projects_owner(email)").await;
    assert_eq!(owner, [json!({"users": {"email": "alice@example.com"}})]);
    let by_column = alice.rows("projects?id=eq.1&select=owner_id(email)").await;
    assert_eq!(by_column, [json!({"owner_id": {"email": "alice@example.com"}})]);
    let members = alice.rows("projects?id=eq.11&select=users!project_members(email)").await;
    assert!(members[0]["users"].as_array().unwrap().iter().any(|user| user["email"] == "bob@example.com"), "{members:?}");
}

#[tokio::test]
async fn inner_and_null_filters_choose_parents() {
    let alice = Alice::new().await;
    let all = alice.count("tasks").await;
    let outer = alice.rows("tasks?select=id,comments(id)&comments.body=like.Done*").await;
    assert_eq!(outer.len() as u64, all, "a filter on relatives leaves their parents");
    let inner = alice.rows("tasks?select=id,comments!inner(id)&comments.body=like.Done*").await;
    assert!(!inner.is_empty() && (inner.len() as u64) < all);
    assert!(inner.iter().all(|task| !task["comments"].as_array().unwrap().is_empty()));
    let with = alice.rows("tasks?select=id,comments(id)&comments.body=like.Done*&comments=not.is.null").await;
    assert_eq!(column(&with, "id").len(), inner.len());
    let without = alice.count("tasks?select=id,comments(id)&comments.body=like.Done*&comments=is.null").await;
    let some = alice.count("tasks?select=id,comments()&comments.body=like.Done*&comments=not.is.null").await;
    assert_eq!((without + some, some), (all, inner.len() as u64));
    let either = alice.count("tasks?select=id,comments()&comments.body=like.Done*&or=(comments.not.is.null,priority.eq.1)").await;
    assert!(either > some && either < all, "{some} {either} {all}");
}

#[tokio::test]
async fn relatives_are_filtered_ordered_and_limited_by_alias_or_name() {
    let alice = Alice::new().await;
    let query = "projects?id=in.(1,2)&select=id,tasks(id)&tasks.id=lte.12000&tasks.order=id.desc&tasks.limit=2&order=id";
    let found = alice.rows(query).await;
    assert_eq!(found.len(), 2);
    for project in &found {
        let tasks = project["tasks"].as_array().unwrap();
        assert_eq!(tasks.len(), 2, "{project}");
        assert!(tasks[0]["id"].as_i64() > tasks[1]["id"].as_i64() && tasks.iter().all(|task| task["id"].as_i64() <= Some(12_000)), "{project}");
    }
    let aliased = query.replace("tasks(", "jobs:tasks(").replace("&tasks.", "&jobs.");
    let renamed = alice.rows(&aliased).await;
    assert_eq!(column(&renamed, "jobs"), column(&found, "tasks"));
    let next = alice.rows(&query.replace("tasks.limit=2", "tasks.limit=2&tasks.offset=1")).await;
    assert_eq!(next[0]["tasks"][0], found[0]["tasks"][1]);
    let nested = alice.rows("projects?id=eq.1&select=tasks(id,comments(id))&tasks.comments.limit=1&tasks.comments.order=id.desc").await;
    assert!(nested[0]["tasks"].as_array().unwrap().iter().all(|task| task["comments"].as_array().unwrap().len() <= 1));
}
