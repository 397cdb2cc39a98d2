//! The command line against its running server: what it makes works, and how it fails is told by its exit code.

use fluxbase_tests::{TestServer, fresh_id};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn users_and_keys_are_made_and_taken_back() {
    let server = TestServer::shared().await;
    let email = format!("{}@example.com", fresh_id().simple());
    let user = server.cli_json(&["users", "create", &email]).await;
    assert_eq!(user["email"], json!(email));
    let users = server.cli_json(&["users", "list"]).await.to_string();
    assert!(users.contains(&email) && users.contains("alice@example.com"), "{users}");

    let made =
        ["keys", "create", "--name", "reporting", "--user", "alice@example.com", "--scope", "read:tables", "--read-only", "--table", "public.tasks"];
    let made = server.cli_json(&made).await;
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with(made["prefix"].as_str().unwrap()), "{made}");
    assert_eq!(made["scopes"], json!(["read:tables"]));
    assert_eq!(server.get("tables/tasks?limit=1", key).await.rows().len(), 1);
    assert_eq!(server.get("tables/projects", key).await.problem(403), "table_not_allowed");
    let listed = server.cli_json(&["keys", "list"]).await.to_string();
    assert!(listed.contains(id) && !listed.contains(key), "{listed}");
    assert!(server.cli(&["keys", "revoke", id]).await.status.success());
    assert_eq!(server.get("tables/tasks", key).await.problem(401), "unauthenticated");

    let service = server.cli_json(&["keys", "create", "--name", "all", "--service", "--scope", "*"]).await;
    let service = service["key"].as_str().unwrap();
    assert_eq!(server.get("admin/users", service).await.status, 200);
    let admin = format!("admin-{email}");
    assert_eq!(server.cli_json(&["users", "create", &admin, "--admin"]).await["admin"], true);
}

#[tokio::test]
async fn how_it_fails_is_told_by_the_exit_code() {
    let server = TestServer::shared().await;
    let alice = server.key("alice");
    for (arguments, code, said) in [
        (&["keys", "create", "--name", "n", "--user", "nobody@example.com"][..], 3, "nobody@example.com"),
        (&["keys", "create", "--name", "n", "--scope", "read:everything"], 2, "read:everything"),
        (&["users", "list", "--key", alice], 4, "admin:keys"),
        (&["branch", "delete", "main"], 4, "main"),
        (&["branch", "status", "nowhere"], 3, "nowhere"),
        (&["users", "list", "--key", "fb_pk_wrong"], 4, "not valid"),
    ] {
        let output = server.cli(arguments).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said) && output.stdout.is_empty() && !stderr.contains(alice), "{arguments:?}: {stderr}");
    }
}

#[tokio::test]
async fn an_administrator_is_a_signed_in_user_that_was_made_one() {
    let server = TestServer::shared().await;
    let email = format!("{}@example.com", fresh_id().simple());
    let account = json!({"email": email, "password": "correct horse", "admin": true});
    let made = server.send(Method::POST, "admin/users", &server.owner_key(), &account).await;
    assert_eq!(made.status, 201, "{made:?}");
    let session = server.send(Method::POST, "auth/signin", "", &json!({"email": email, "password": "correct horse"})).await.json();
    let token = session["access_token"].as_str().unwrap();
    assert_eq!(server.get("admin/users", token).await.status, 200);
    // Administering is no reason to see everybody's rows.
    assert_eq!(server.get("tables/tasks?limit=1", token).await.rows().len(), 0);
}
