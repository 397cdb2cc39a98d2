//! A login of its own for making branches, where the owner of the database may make none.

use fluxbase_tests::{Answer, ENCRYPTION_KEY, ForeignCluster, Owner, ServerSettings, eventually};
use reqwest::Method;
use serde_json::json;
use sqlx::AssertSqlSafe;
use std::time::Duration;
use url::Url;

async fn run(cluster: &ForeignCluster, database: &str, sql: &str) {
    let pool = cluster.superuser(database).await;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn branches_are_made_by_the_login_that_is_named() {
    let (Some(cluster), Some(other)) = (ForeignCluster::start(18).await, ForeignCluster::start(18).await) else { return };
    let notes = "create table public.notes (id int primary key); insert into public.notes select generate_series(1, 10)".to_owned();
    let url = cluster.database(Owner::Plain, "app", &[notes]).await;
    run(&cluster, "postgres", "alter role app nocreatedb; create role maker login password 'secret word'").await;
    run(&other, "postgres", "create role maker login password 'secret word'").await;
    let other_url = other.database(Owner::Superuser, "app", &[]).await;
    let maker = |at: &str| {
        let mut url = Url::parse(at).unwrap();
        url.set_username("maker").unwrap();
        url.set_password(Some("secret word")).unwrap();
        url.set_path("/postgres");
        String::from(url)
    };
    let settings = |admin: &str| {
        let settings = ServerSettings::new().set("database.url", &url).set("security.encryption_key", ENCRYPTION_KEY);
        settings.set("database.tools", cluster.tools()).set("branching.admin_database_url", admin)
    };

    let elsewhere = settings(&maker(&other_url)).try_start().await.map(drop).expect_err("another server is refused").stderr;
    assert!(elsewhere.contains("branching.admin_database_url names another server than database.url"), "{elsewhere}");
    let lacking = settings(&maker(&url)).try_start().await.map(drop).expect_err("a login without rights is refused").stderr;
    assert!(lacking.contains("alter role maker createdb; alter role maker createrole; grant app to maker"), "{lacking}");
    assert!(!elsewhere.contains("secret") && !lacking.contains("secret"));

    run(&cluster, "postgres", "alter role maker createdb createrole; grant app to maker").await;
    let mut server = settings(&maker(&url)).start().await;
    assert!(!server.stderr().contains("create_databases"), "{}", server.stderr());
    let key = server.owner_key();
    let asked = server.send(Method::POST, "admin/branches", &key, &json!({"name": "made", "data_clone_mode": "full_clone"})).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    eventually("the branch is ready", Duration::from_mins(2), async || server.get("admin/branches/made", &key).await.json()["status"] == "ready")
        .await;
    let main = cluster.superuser("app").await;
    let owner: String = sqlx::query_scalar("select pg_get_userbyid(datdba)::text from pg_database where datname = 'fluxbase_branch_made_g1'")
        .fetch_one(&main)
        .await
        .unwrap();
    assert_eq!(owner, "maker");
    let rows = Answer::to(server.rest(Method::GET, "tables/notes?select=id", &key).header("X-Fluxbase-Branch", "made")).await.rows();
    assert_eq!(rows.len(), 10);

    let gone = Answer::to(server.rest(Method::DELETE, "admin/branches/made", &key)).await;
    assert_eq!(gone.status, 202, "{gone:?}");
    eventually("the branch is gone", Duration::from_mins(1), async || server.get("admin/branches/made", &key).await.status == 404).await;
    main.close().await;
    server.stop().await;
    cluster.stop().await;
    other.stop().await;
}
