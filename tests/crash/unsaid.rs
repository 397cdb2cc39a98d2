//! What the settings say of branches, where a request says nothing; and what is known of a branch after a restart.

use crate::world::{ORCHARD, World};
use reqwest::Method;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

fn moment(value: &Value) -> Option<OffsetDateTime> {
    value.as_str().map(|text| OffsetDateTime::parse(text, &Rfc3339).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_request_leaves_open_is_what_the_settings_say() {
    let mut world = World::on_shared_cluster(ORCHARD, |settings| {
        settings.set("branching.connection_host", "db.example.com").set("branching.connection_port", "6543").set("branching.connection_limit", "3")
    })
    .await;
    for (mode, lifetime, ends, trees) in
        [("schema_only", "90m", Some(Duration::minutes(90)), 0), ("full_clone", "0", None, 200), ("seed_data", "2h", Some(Duration::hours(2)), 1)]
    {
        world.server.reconfigure(|settings| settings.set("branching.default_data_clone_mode", mode).set("branching.auto_delete_after", lifetime));
        world.restart().await;
        let slug = mode.replace('_', "-");
        world.create_with(&json!({"name": slug})).await;
        world.ready(&slug).await;
        let branch = world.branch(&slug).await;
        assert_eq!((&branch["data_clone_mode"], &branch["type"]), (&json!(mode), &json!("preview")));
        assert_eq!(world.count("trees", &slug).await, trees, "{mode}");
        let lives = moment(&branch["expires_at"]).map(|at| at - moment(&branch["created_at"]).unwrap());
        assert_eq!(lives, ends, "{branch}");
    }
    // What is said is as it was said, and what is persistent does not go.
    world.create_with(&json!({"name": "said", "data_clone_mode": "schema_only", "expires_in": "1d"})).await;
    world.create_with(&json!({"name": "kept", "data_clone_mode": "schema_only", "type": "persistent"})).await;
    let said = world.branch("said").await;
    assert_eq!(moment(&said["expires_at"]).unwrap() - moment(&said["created_at"]).unwrap(), Duration::DAY);
    assert_eq!((&said["data_clone_mode"], &world.branch("kept").await["expires_at"]), (&json!("schema_only"), &Value::Null));

    world.ready("said").await;
    let issued = world.ask(Method::POST, "admin/branches/said/connection", &json!({})).await.json();
    let url: reqwest::Url = issued["url"].as_str().unwrap().parse().unwrap();
    assert_eq!((url.host_str(), url.port()), (Some("db.example.com"), Some(6543)), "{issued}");
    let limit: i32 = sqlx::query_scalar("select rolconnlimit from pg_roles where rolname = $1")
        .bind(issued["user"].as_str())
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(limit, 3);
    world.ready("kept").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_branch_was_last_used_is_told_after_a_restart_and_by_another_replica() {
    let mut world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    for slug in ["used", "idle"] {
        world.create_with(&json!({"name": slug, "data_clone_mode": "schema_only"})).await;
        world.ready(slug).await;
    }
    assert_eq!(world.branch("used").await["health"]["last_used_at"], Value::Null, "nobody asked for it yet");
    world.plant(1, "used").await;
    let used = moment(&world.branch("used").await["health"]["last_used_at"]).expect("at once, by whoever was asked");
    let replica = world.replica().await;
    world.server.stop().await;
    let elsewhere = replica.get("admin/branches/used", &replica.owner_key()).await.json();
    let told = moment(&elsewhere["health"]["last_used_at"]).expect("what was known here is written down at the end");
    assert!((told - used).abs() < Duration::SECOND, "{told} {used}");
    world.restart().await;
    assert_eq!(moment(&world.branch("used").await["health"]["last_used_at"]), Some(told));
    assert_eq!(world.branch("idle").await["health"]["last_used_at"], Value::Null);
    drop(replica);
    world.end().await;
}
