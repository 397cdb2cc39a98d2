//! People who come to a branch after it was made without rows: their ids are there when they are needed, and nothing else about them.

use crate::access::{ALICE, branch_of_alice};
use fluxbase_tests::{Answer, TestServer};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};

async fn empty_branch(server: &TestServer, name: &str) -> PgPool {
    branch_of_alice(server, name, "schema_only").await;
    let main = server.superuser().await;
    let options = (*main.connect_options()).clone().database(&format!("fluxbase_branch_{name}_g1"));
    PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
}

async fn known(inside: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select id::text from auth.users order by 1").fetch_all(inside).await.unwrap()
}

async fn id_of(server: &TestServer, email: &str) -> String {
    let main = server.superuser().await;
    sqlx::query_scalar("select id::text from auth.users where email = $1").bind(email).fetch_one(&main).await.unwrap()
}

/// An administrator of branches, whom nobody granted anything on one.
async fn administrator(server: &TestServer, email: &str) -> (String, String) {
    let made = server.cli(&["users", "create", email, "--admin"]).await;
    assert!(made.status.success(), "{made:?}");
    let scopes = ["--scope", "read:tables", "--scope", "write:tables", "--scope", "admin:branches"];
    let key = server.cli_json(&[&["keys", "create", "--name", email, "--user", email], &scopes[..]].concat()).await;
    (id_of(server, email).await, key["key"].as_str().unwrap().to_owned())
}

fn sorted(ids: &[&str]) -> Vec<String> {
    let mut ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn whoever_comes_to_an_empty_branch_later_is_brought_there_by_id_alone() {
    let server = TestServer::start().await;
    let inside = empty_branch(&server, "hers").await;
    assert_eq!(known(&inside).await, [ALICE]);
    let bob = id_of(&server, "bob@example.com").await;
    let put = async |path: &str, body: &Value| Answer::to(server.rest(Method::PUT, path, server.key("alice")).json(body)).await;

    // By a grant, once however often.
    for level in ["read", "write"] {
        let granted = put("admin/branches/hers/access", &json!({"user": "bob@example.com", "level": level})).await;
        assert!(granted.status.is_success(), "{granted:?}");
        assert_eq!(known(&inside).await, sorted(&[ALICE, &bob]));
    }
    let person = json!({"id": bob, "email": "bob@example.com", "full_name": "Bob"});
    assert_eq!(server.send(Method::POST, "tables/users?branch=hers", server.key("bob"), &person).await.status, 201);
    let profile = server.send(Method::POST, "tables/profiles?branch=hers", server.key("bob"), &json!({"user_id": bob})).await;
    assert_eq!(profile.status, 201, "a foreign key to him holds: {profile:?}");

    // By the first request.
    let (carol, key) = administrator(&server, "carol@example.com").await;
    for _ in 0..2 {
        assert!(server.get("tables/projects?limit=1&branch=hers", &key).await.status.is_success());
        assert_eq!(known(&inside).await, sorted(&[ALICE, &bob, &carol]));
    }
    // By a connection; and by nothing that is refused.
    let other = empty_branch(&server, "other").await;
    assert_eq!(server.get("tables/projects?limit=1&branch=other", server.key("bob")).await.problem(403), "branch_access_denied");
    assert_eq!(known(&other).await, [ALICE]);
    let issued = server.send(Method::POST, "admin/branches/other/connection", &key, &json!({})).await;
    assert_eq!(issued.status, 200, "{issued:?}");
    assert_eq!(known(&other).await, sorted(&[ALICE, &carol]));

    for branch in [inside, other] {
        let told: i64 = sqlx::query_scalar(
            "select count(*) from auth.users u
              where u.email is not null or u.encrypted_password is not null or u.raw_user_meta_data <> '{}' or to_jsonb(u)::text ~* 'alice|bob|carol'",
        )
        .fetch_one(&branch)
        .await
        .unwrap();
        assert_eq!(told, 0, "nothing about the people");
        branch.close().await;
    }
}
