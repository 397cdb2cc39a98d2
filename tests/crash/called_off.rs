//! Operations that end before their time, on PostgreSQL itself.

use crate::world::{ORCHARD, PATIENCE, World, run};
use fluxbase_tests::eventually;
use reqwest::Method;
use serde_json::{Value, json};

async fn history(world: &World) -> Vec<String> {
    sqlx::query_scalar("select version || ' ' || state from branching.migration_history order by id").fetch_all(&world.pool).await.unwrap()
}

#[tokio::test]
async fn what_a_migration_applied_before_it_was_cut_off_is_history_and_no_drift() {
    let mut world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    world.create_with(&json!({"name": "victim", "data_clone_mode": "schema_only"})).await;
    world.ready("victim").await;
    let inside = world.inside("victim", 1).await;
    let files = |second: &str| {
        let file = |name: &str, sql: &str| json!({"name": name, "sql": sql});
        json!({"files": [file("1_pears.sql", "create table public.pears (id int)"), file("2_slow.sql", second)]})
    };
    let at_work = async |marker: &str| {
        eventually(&format!("'{marker}' runs"), PATIENCE, async || {
            let sql = "select exists (select from pg_stat_activity where datname = current_database() and query ~ $1 and state = 'active' and pid <> pg_backend_pid())";
            sqlx::query_scalar::<_, bool>(sql).bind(marker).fetch_one(&inside).await.unwrap()
        })
        .await;
    };

    let operation = world.begin("victim", "migrate", &files("select pg_sleep(601)")).await;
    at_work("pg_sleep.601").await;
    assert_eq!(world.ask(Method::POST, &format!("admin/operations/{operation}/cancel"), &json!({})).await.status, 202);
    assert_eq!(world.outcome(&operation).await["status"], "cancelled");
    assert_eq!(history(&world).await, ["1 applied"]);
    let migrations = world.branch("victim").await["migrations"].clone();
    assert_eq!((&migrations["applied"], &migrations["drift"]), (&json!(1), &json!(false)), "{migrations}");

    // The one that waits is gone with its server; another goes on with what is left, and tells all of it.
    run(&inside, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()").await;
    let mut rest = files("select pg_sleep(0)");
    rest["files"].as_array_mut().unwrap().extend([json!({"name": "3_plums.sql", "sql": "create table public.plums (id int)"})]);
    rest["files"].as_array_mut().unwrap().extend([json!({"name": "4_slow.sql", "sql": "select pg_sleep(6) /* for the kill */"})]);
    let operation = world.begin("victim", "migrate", &rest).await;
    at_work("for the kill").await;
    world.server.kill().await;
    world.restart().await;
    let outcome = world.outcome(&operation).await;
    assert_eq!(outcome["status"], "succeeded", "{outcome}");
    assert_eq!(history(&world).await, ["1 applied", "2 applied", "3 applied", "4 applied"]);
    assert_eq!(world.branch("victim").await["migrations"]["drift"], false);

    // A mark that nobody recorded is not known, rather than right.
    run(&inside, "update fluxbase_migrations.ledger set fingerprint = null").await;
    assert_eq!(world.branch("victim").await["migrations"]["drift"], Value::Null);
    inside.close().await;
    world.end().await;
}
