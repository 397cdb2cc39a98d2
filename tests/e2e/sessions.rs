//! Accounts and tokens: signing up, in, on and out.

use fluxbase_tests::{Answer, ServerSettings, TestServer, eventually, fresh_id};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

async fn post(server: &TestServer, route: &str, body: Value) -> Answer {
    server.send(Method::POST, &format!("auth/{route}"), "", &body).await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[tokio::test]
async fn an_account_is_made_used_renewed_and_left() {
    let server = TestServer::shared().await;
    let email = format!("{}@example.com", fresh_id().simple());
    let account = json!({"email": format!(" {} ", email.to_uppercase()), "password": "correct horse"});
    let signed_up = post(server, "signup", account.clone()).await;
    assert_eq!((signed_up.status, signed_up.header("cache-control")), (StatusCode::CREATED, "no-store"), "{signed_up:?}");
    let user = signed_up.json()["user"].clone();
    assert_eq!((text(&user["email"]), &user["admin"]), (email.as_str(), &json!(false)));
    assert_eq!(post(server, "signup", account.clone()).await.problem(409), "taken");

    let signed_in = post(server, "signin", account).await;
    assert_eq!(signed_in.status, StatusCode::OK, "{signed_in:?}");
    let session = signed_in.json();
    let token = text(&session["access_token"]);
    assert_eq!(server.get("auth/user", token).await.json()["id"], user["id"]);

    // `auth.uid()` is the user: policies let exactly its own rows in.
    let mine = json!({"id": user["id"], "email": email, "full_name": "New Person"});
    assert_eq!(server.send(Method::POST, "tables/users", token, &mine).await.status, StatusCode::CREATED);
    assert_eq!(server.get("tables/users?select=id,email", token).await.rows(), [json!({"id": user["id"], "email": email})]);
    let other = json!({"id": fresh_id(), "email": "other@example.com", "full_name": "Forged"});
    assert_eq!(server.send(Method::POST, "tables/users", token, &other).await.problem(403), "42501");
    let over_mcp = server.mcp_ok(token, "query_table", json!({"table": "users", "select": "id"})).await;
    assert_eq!(over_mcp["rows"], json!([{"id": user["id"]}]));

    let refreshed = post(server, "refresh", json!({"refresh_token": session["refresh_token"]})).await.json();
    let next = text(&refreshed["refresh_token"]);
    assert_ne!(session["refresh_token"], refreshed["refresh_token"]);
    let signed_out = server.send(Method::POST, "auth/signout", text(&refreshed["access_token"]), &Value::Null).await;
    assert_eq!(signed_out.status, StatusCode::NO_CONTENT, "{signed_out:?}");
    // Every access token of the session has ended with it, at each door; the other session of the same user has not.
    for ended in [token, text(&refreshed["access_token"])] {
        assert_eq!(server.get("auth/user", ended).await.problem(401), "unauthenticated");
        assert_eq!(server.get("tables/users?select=id", ended).await.problem(401), "unauthenticated");
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        assert_eq!(Answer::to(server.mcp(ended, &call)).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(server.get("auth/user", text(&signed_up.json()["access_token"])).await.status, StatusCode::OK);
    assert_eq!(post(server, "refresh", json!({"refresh_token": next})).await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn a_refresh_token_that_comes_back_ends_the_session() {
    let server = TestServer::shared().await;
    let account = json!({"email": format!("{}@example.com", fresh_id().simple()), "password": "correct horse"});
    let session = post(server, "signup", account).await.json();
    let stolen = json!({"refresh_token": session["refresh_token"]});
    let next = post(server, "refresh", stolen.clone()).await.json();
    assert_eq!(post(server, "refresh", stolen).await.problem(401), "unauthenticated");
    let next = json!({"refresh_token": next["refresh_token"]});
    assert_eq!(post(server, "refresh", next).await.problem(401), "unauthenticated");
    assert_eq!(post(server, "refresh", json!({"refresh_token": "made up"})).await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn a_wrong_password_tells_nothing_about_the_account() {
    let server = TestServer::shared().await;
    let email = format!("{}@example.com", fresh_id().simple());
    post(server, "signup", json!({"email": email, "password": "correct horse"})).await;
    let mut details = Vec::new();
    // One without a password (the demo's), one that is wrong, one that nobody has.
    for email in ["alice@example.com", &email, "nobody@example.com"] {
        let refused = post(server, "signin", json!({"email": email, "password": "wrong horse"})).await;
        assert_eq!(refused.problem(401), "unauthenticated");
        details.push(refused.body);
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
}

#[tokio::test]
async fn what_is_no_account_is_told_field_by_field() {
    let server = TestServer::shared().await;
    for (body, pointers) in [
        (json!({}), &["/email", "/password"][..]),
        (json!({"email": "x", "password": 5}), &["/email", "/password"]),
        (json!({"email": "a@example.com", "password": "short"}), &["/password"]),
        (json!({"email": "a@example.com", "password": "long enough", "admin": true}), &["/admin"]),
    ] {
        let refused = post(server, "signup", body.clone()).await;
        assert_eq!(refused.problem(422), "invalid", "{body}");
        let errors = refused.json()["errors"].as_array().cloned().unwrap_or_default();
        let found: Vec<_> = errors.iter().map(|error| text(&error["pointer"]).to_owned()).collect();
        assert_eq!(found, pointers, "{body}: {refused:?}");
    }
}

#[tokio::test]
async fn who_signed_up_makes_no_full_clone_before_an_administrator_says_so() {
    let server = TestServer::shared().await;
    let email = format!("{}@example.com", fresh_id().simple());
    let session = post(server, "signup", json!({"email": email, "password": "correct horse"})).await.json();
    assert_eq!(session["user"]["member"], json!(false));
    let token = text(&session["access_token"]);
    let key = server.new_secret(json!({"user": email, "scopes": ["write:branches"]})).await;
    let full = json!({"name": format!("f{}", &fresh_id().simple().to_string()[..8]), "data_clone_mode": "full_clone"});
    for credential in [token, &key] {
        let refused = server.send(Method::POST, "admin/branches", credential, &full).await;
        assert_eq!(refused.problem(403), "full_clone_needs_member");
        assert!(refused.body.contains("fluxbase users promote"), "it says what to do: {refused:?}");
    }

    let promote = format!("admin/users/{email}/promote");
    assert_eq!(server.send(Method::POST, &promote, token, &json!({})).await.problem(403), "missing_scope");
    let promoted = server.send(Method::POST, &promote, &server.owner_key(), &json!({})).await;
    assert_eq!((promoted.status, promoted.json()["member"].clone()), (StatusCode::OK, json!(true)), "{promoted:?}");
    let made = server.send(Method::POST, "admin/branches", token, &full).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
    // What is being made cannot be deleted yet.
    let branch = format!("admin/branches/{}", text(&full["name"]));
    eventually("the clone can be deleted", Duration::from_mins(1), async || {
        server.send(Method::DELETE, &branch, token, &Value::Null).await.status == StatusCode::ACCEPTED
    })
    .await;
}

#[tokio::test]
async fn a_network_that_guesses_at_one_address_after_the_other_is_held_up() {
    let settings = ServerSettings::new().set("auth.sign_in_attempts_per_min", "3").set("auth.sign_ups_per_hour", "2");
    let server = settings.set("server.trusted_proxies", "[127.0.0.0/8]").start().await;
    let ask = async |route: &str, from: &str| {
        let account = json!({"email": format!("{}@example.com", fresh_id().simple()), "password": "correct horse"});
        Answer::to(server.rest(Method::POST, &format!("auth/{route}"), "").header("X-Forwarded-For", from).json(&account)).await
    };
    for (route, meanwhile, longest) in [("signin", StatusCode::UNAUTHORIZED, 60), ("signup", StatusCode::CREATED, 3600)] {
        // What a client writes into the header itself makes it nobody else. Twice the budget, where two windows meet.
        let mut answers = Vec::new();
        for number in 0..8 {
            answers.push(ask(route, &format!("192.0.2.{number}, 198.51.100.7")).await);
        }
        let (held_up, before): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS);
        assert!(before.len() >= 2 && before.iter().all(|answer| answer.status == meanwhile), "{before:?}");
        let held_up = held_up.first().expect("one of them is too many");
        assert_eq!(held_up.problem(429), "rate_limited");
        assert!(held_up.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=longest).contains(&seconds)), "{held_up:?}");
        assert_eq!(ask(route, "198.51.100.8").await.status, meanwhile, "others are not");
    }
}
