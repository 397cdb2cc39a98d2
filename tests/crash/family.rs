//! Branches of branches, and branches that go by themselves.

use crate::world::{ORCHARD, PATIENCE, World, run};
use fluxbase_tests::{Answer, eventually};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_branch_of_a_branch_has_its_rows_and_goes_with_it_by_force() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    world.create("parent").await;
    world.ready("parent").await;
    let tree = json!({"id": 201, "kind": "of the branch"});
    let planted = Answer::to(world.server.rest(Method::POST, "tables/trees?branch=parent", &world.server.owner_key()).json(&tree)).await;
    assert_eq!(planted.status, 201, "{planted:?}");
    run(&world.pool, "delete from public.apples").await;

    world.create_with(&json!({"name": "child", "parent": "parent", "data_clone_mode": "full_clone"})).await;
    world.ready("child").await;
    assert_eq!((world.count("trees", "child").await, world.count("apples", "child").await), (201, 5000));
    assert_eq!((world.count("trees", "main").await, world.count("apples", "main").await), (200, 0));

    let delete = async |path: &str| Answer::to(world.server.rest(Method::DELETE, path, &world.server.owner_key())).await;
    let refused = delete("admin/branches/parent").await;
    assert_eq!(refused.problem(409), "has_children");
    assert!(refused.body.contains("child"), "{refused:?}");
    assert_eq!(delete("admin/branches/main?force=true").await.problem(409), "main_branch");
    assert_eq!(delete("admin/branches/parent?force=true").await.status, 202);
    world.gone("parent").await;
    world.gone("child").await;
    assert_eq!(world.databases().await, world.databases_of(&[]));
    world.end().await;
}

#[tokio::test]
async fn a_branch_goes_when_its_time_is_over() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    world.create_with(&json!({"name": "brief", "data_clone_mode": "schema_only", "expires_in": "1s"})).await;
    eventually("it goes by itself", PATIENCE, async || world.status("brief").await.is_none()).await;
    assert_eq!(world.databases().await, world.databases_of(&[]));
    let actions: Vec<String> =
        sqlx::query_scalar("select actor || ' ' || action from branching.activity_log order by id").fetch_all(&world.pool).await.unwrap();
    assert_eq!(actions[1..], ["fluxbase created", "fluxbase expired", "fluxbase deleted"], "{actions:?}");
    world.end().await;
}
