//! Databases that nobody here designed, behind `--database-url`: Zabbix's, as Debian packs it, and Tryton's, as Python packages have it.

mod branch_admin;
mod differences;
mod tryton;
mod zabbix;

use fluxbase_tests::{Answer, ENCRYPTION_KEY, ForeignCluster, Owner, ServerSettings, TestServer, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const BRANCH: &str = "zabbix-copy";

#[tokio::test]
async fn postgresql_15_as_superuser() {
    serves_zabbix(15, Owner::Superuser).await;
}

#[tokio::test]
async fn postgresql_15_as_a_plain_owner() {
    serves_zabbix(15, Owner::Plain).await;
}

#[tokio::test]
async fn postgresql_18_as_superuser() {
    serves_zabbix(18, Owner::Superuser).await;
}

#[tokio::test]
async fn postgresql_18_as_a_plain_owner() {
    serves_zabbix(18, Owner::Plain).await;
}

async fn serves_zabbix(major: u32, owner: Owner) {
    let Some(scripts) = zabbix::scripts().await else { return };
    let Some(cluster) = ForeignCluster::start(major).await else { return };
    let url = cluster.database(owner, "zabbix", scripts).await;
    let main = cluster.superuser("zabbix").await;
    let rows = counts(&main).await;
    assert!(rows.len() > 160 && rows.values().sum::<i64>() > 40_000, "{rows:?}");

    let settings = ServerSettings::new().set("database.url", &url).set("security.encryption_key", ENCRYPTION_KEY);
    let mut server = settings.set("database.tools", cluster.tools()).start().await;
    assert!(!server.stderr().contains("ERROR"), "{}", server.stderr());

    doctor_is_content(&server, &url, &cluster, owner).await;
    is_browsed(&server, rows.len()).await;
    is_written(&server, None).await;
    assert_eq!(counts(&main).await, rows, "it keeps what it has");

    let body = json!({"name": BRANCH, "data_clone_mode": "full_clone"});
    let begun = Instant::now();
    let asked = server.send(Method::POST, "admin/branches", &server.owner_key(), &body).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    is_ready(&server).await;
    let branch = cluster.superuser(&format!("fluxbase_branch_{BRANCH}_g1")).await;
    assert_eq!(counts(&branch).await, rows);
    println!(
        "PostgreSQL {major} as {owner:?}: {} rows of {} tables are on the branch after {:.1?}",
        rows.values().sum::<i64>(),
        rows.len(),
        begun.elapsed()
    );
    branch.close().await;

    let items = |branch: &str| json!({"table": "items", "select": "*,host:hosts(*)", "order": "itemid", "limit": 50, "branch": branch});
    let here = server.mcp_ok(&server.owner_key(), "query_table", items("main")).await;
    assert_eq!(here["rows"].as_array().unwrap().len(), 50);
    assert_eq!(server.mcp_ok(&server.owner_key(), "query_table", items(BRANCH)).await["rows"], here["rows"]);
    is_written(&server, Some(BRANCH)).await;
    assert_eq!(counts(&main).await, rows, "what is written on the branch stays there");

    let gone = Answer::to(server.rest(Method::DELETE, &format!("admin/branches/{BRANCH}"), &server.owner_key())).await;
    assert_eq!(gone.status, 202, "{gone:?}");
    eventually("the branch is gone", Duration::from_mins(1), async || {
        server.get(&format!("admin/branches/{BRANCH}"), &server.owner_key()).await.status == 404
    })
    .await;
    let left: Vec<String> =
        sqlx::query_scalar("select datname::text from pg_database where datname like 'fluxbase\\_b%'").fetch_all(&main).await.unwrap();
    assert_eq!(left, Vec::<String>::new());
    main.close().await;
    server.stop().await;
    cluster.stop().await;
}

/// Nothing fails; that a login is no superuser is worth a warning at most.
async fn doctor_is_content(server: &TestServer, url: &str, cluster: &ForeignCluster, owner: Owner) {
    let environment =
        [("FLUXBASE_DATABASE__URL", url), ("FLUXBASE_DATABASE__TOOLS", cluster.tools()), ("FLUXBASE_SECURITY__ENCRYPTION_KEY", ENCRYPTION_KEY)];
    let output = server.cli_with(&["doctor", "-o", "json"], &environment).await;
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    println!("doctor as {owner:?}:");
    for check in checks {
        println!("  {} {}: {}", check["status"].as_str().unwrap(), check["name"].as_str().unwrap(), check["detail"].as_str().unwrap_or_default());
        assert_ne!(check["status"], "fail", "{report}");
    }
}

async fn is_browsed(server: &TestServer, tables: usize) {
    let key = server.owner_key();
    let found = server.mcp_ok(&key, "list_tables", json!({})).await;
    assert_eq!(found["tables"].as_array().unwrap().len(), tables);
    assert_ne!(found["truncated"], true);
    for table in ["hosts", "items", "triggers", "history_uint", "public.users"] {
        let told = server.mcp_ok(&key, "describe_table", json!({"table": table})).await;
        assert!(!told["columns"].as_array().unwrap().is_empty() && !told["primary_key"].is_null(), "{told}");
    }
    let users = json!({"table": "users", "select": "username,role(name)", "filter": {"username": "eq.Admin"}});
    let found = server.mcp_ok(&key, "query_table", users).await;
    assert_eq!(found["rows"], json!([{"username": "Admin", "role": {"name": "Super admin role"}}]));
    // Zabbix's owner has granted nothing to anybody else.
    let account = json!({"email": "somebody@example.com", "password": "correct horse battery"});
    let session = server.send(Method::POST, "auth/signup", "", &account).await.json();
    let refused = server.get("tables/hosts?limit=1", session["access_token"].as_str().unwrap()).await;
    assert_eq!(refused.problem(403), "42501");
}

/// Inserts, changes and takes away a row.
async fn is_written(server: &TestServer, branch: Option<&str>) {
    let key = server.owner_key();
    let with = |mut arguments: Value| {
        if let Some(branch) = branch {
            arguments["branch"] = json!(branch);
        }
        arguments
    };
    let filter = json!({"usrgrpid": "eq.999999"});
    server.mcp_ok(&key, "insert_record", with(json!({"table": "usrgrp", "data": {"usrgrpid": 999_999, "name": "of Fluxbase"}}))).await;
    server.mcp_ok(&key, "update_record", with(json!({"table": "usrgrp", "filter": filter, "data": {"debug_mode": 1}}))).await;
    let found = server.mcp_ok(&key, "query_table", with(json!({"table": "usrgrp", "select": "name,debug_mode", "filter": filter}))).await;
    assert_eq!(found["rows"], json!([{"name": "of Fluxbase", "debug_mode": 1}]));
    server.mcp_ok(&key, "delete_record", with(json!({"table": "usrgrp", "filter": filter}))).await;
}

async fn is_ready(server: &TestServer) {
    eventually("the branch is ready", Duration::from_mins(2), async || {
        let branch = server.get(&format!("admin/branches/{BRANCH}"), &server.owner_key()).await.json();
        assert!(branch["status"] == "creating" || branch["status"] == "ready", "{branch}\n{}", server.stderr());
        branch["status"] == "ready"
    })
    .await;
}

/// The rows of every table.
async fn counts(database: &PgPool) -> BTreeMap<String, i64> {
    let tables: Vec<String> =
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'").fetch_all(database).await.unwrap();
    let mut counts = BTreeMap::new();
    for table in tables {
        let rows = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from public.{table:?}"))).fetch_one(database).await.unwrap();
        counts.insert(table, rows);
    }
    counts
}
