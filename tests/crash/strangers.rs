//! Attacks on branches by people who may use the server and not the branch, and by what they call things: each is refused, and nothing comes of it.

use crate::{
    life::{begun, files, outcome_at},
    world::PATIENCE,
};
use fluxbase_tests::{Answer, ServerSettings, TestServer, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::fs;

async fn done(server: &TestServer, credential: &str, method: Method, path: &str, body: &Value) -> Value {
    let answer = server.send(method, path, credential, body).await;
    let outcome = outcome_at(server, credential, &begun(&answer)).await;
    assert_eq!(outcome["status"], "succeeded", "{path}: {outcome}");
    outcome
}

async fn branch(server: &TestServer, user: &str, name: &str) -> Value {
    let body = json!({"name": name, "data_clone_mode": "full_clone"});
    done(server, server.key(user), Method::POST, "admin/branches", &body).await
}

/// Everything that is written down about branches; lines of somebody else's would show.
async fn written(server: &TestServer) -> Vec<String> {
    let main = server.superuser().await;
    let lines = sqlx::query_scalar(
        "select to_jsonb(b)::text from branching.branches b union all select to_jsonb(o)::text from branching.operations o where kind <> 'discard_generation'
         union all select to_jsonb(g)::text from branching.branch_access g union all select to_jsonb(a)::text from branching.activity_log a order by 1",
    );
    lines.fetch_all(&main).await.unwrap()
}

#[tokio::test]
async fn a_stranger_does_nothing_to_a_branch_by_any_door() {
    let server = TestServer::start().await;
    let bob = server.key("bob");
    let operation = branch(&server, "alice", "hers").await;
    branch(&server, "bob", "his").await;
    let before = written(&server).await;
    let id = server.get("admin/branches/hers", server.key("alice")).await.json()["id"].as_str().unwrap().to_owned();
    let operation = operation["id"].as_str().unwrap();
    for named in ["hers", &id] {
        let at = |rest: &str| format!("admin/branches/{named}{rest}");
        for (method, path, body) in [
            (Method::GET, at(""), Value::Null),
            (Method::PATCH, at(""), json!({"protected": true})),
            (Method::DELETE, at(""), Value::Null),
            (Method::DELETE, at("?force=true"), Value::Null),
            (Method::GET, at("/activity"), Value::Null),
            (Method::POST, at("/reset"), json!({})),
            (Method::POST, at("/undo"), json!({})),
            (Method::POST, at("/migrate"), files(&[("1_a.sql", "select 1")])),
            (Method::POST, at("/migrations/repair"), json!({"version": 1, "action": "forget"})),
            (Method::POST, at("/migrations/baseline"), files(&[("1_a.sql", "select 1")])),
            (Method::POST, at("/seed"), json!({})),
            (Method::GET, at("/diff"), Value::Null),
            (Method::GET, at("/diff?target=his"), Value::Null),
            (Method::POST, at("/diff"), json!({"target": "main"})),
            (Method::GET, at("/access"), Value::Null),
            (Method::PUT, at("/access"), json!({"user": "bob@example.com", "level": "admin"})),
            (Method::DELETE, at("/access/alice@example.com"), Value::Null),
            (Method::GET, at("/connection"), Value::Null),
            (Method::POST, at("/connection"), json!({})),
            // From what is his, to what is hers: to read it, or to have it read.
            (Method::GET, format!("admin/branches/his/diff?target={named}"), Value::Null),
            (Method::POST, "admin/branches/his/diff".to_owned(), json!({"target": named})),
            (Method::POST, "admin/branches".to_owned(), json!({"name": "theft", "parent": named, "data_clone_mode": "full_clone"})),
            (Method::POST, "admin/branches".to_owned(), json!({"name": "theft", "parent": named, "data_clone_mode": "schema_only"})),
        ] {
            let request = server.rest(method.clone(), &path, bob);
            let answer = Answer::to(if body.is_null() { request } else { request.json(&body) }).await;
            assert!([403, 404].contains(&answer.status.as_u16()), "{method} {path}: {answer:?}");
            assert!(!answer.body.contains("a11ce000"), "{method} {path} tells whose it is: {answer:?}");
        }
        for (tool, arguments) in [
            ("get_branch", json!({"branch": named})),
            ("reset_branch", json!({"branch": named})),
            ("migrate_branch", json!({"branch": named, "files": [{"name": "1_a.sql", "sql": "select 1"}]})),
            ("delete_branch", json!({"branch": named})),
            ("diff_branches", json!({"branch": named, "target": "his"})),
            ("diff_branches", json!({"branch": "his", "target": named})),
            ("create_branch", json!({"name": "theft", "parent": named})),
            ("get_operation", json!({"id": operation})),
        ] {
            let refused = server.mcp_refused(bob, tool, arguments).await;
            assert!(!refused.contains("a11ce000"), "{tool}: {refused}");
        }
    }
    for (method, path) in [(Method::GET, ""), (Method::GET, "/events"), (Method::POST, "/cancel")] {
        // What is hers is to him as what was never there.
        let nobodys = "11111111-1111-4111-8111-111111111111";
        let ask = async |operation: &str| {
            let path = format!("admin/operations/{operation}{path}");
            let answer = Answer::to(server.rest(method.clone(), &path, bob)).await;
            (answer.status.as_u16(), answer.body.replace(operation, "it"))
        };
        let told = ask(operation).await;
        assert_eq!(told.0, 404, "{method} {path}: {told:?}");
        assert_eq!(told, ask(nobodys).await, "{method} {path}");
    }
    let listed = server.get("admin/branches", bob).await.json();
    assert!(!listed.to_string().contains("hers"), "{listed}");
    assert_eq!(written(&server).await, before, "nothing came of it");
}

#[tokio::test]
async fn what_branches_and_their_files_are_called_is_no_sql_and_no_path() {
    let server = TestServer::start().await;
    let owner = server.owner_key();
    let main = server.superuser().await;
    let before: i64 = sqlx::query_scalar("select count(*) from pg_class").fetch_one(&main).await.unwrap();
    let hostile = [
        "'; drop table public.tags; --",
        "\"; drop database fluxbase; --",
        "$$; select pg_sleep(60); $$",
        "../../etc/passwd",
        "/etc/passwd",
        "a\\' or 1=1 --",
        "x; copy (select 1) to program 'touch /tmp/x'",
    ];
    // A name may be anything that people write; its slug is letters, digits and dashes.
    for name in hostile {
        let answer = server.send(Method::POST, "admin/branches", &owner, &json!({"name": name, "data_clone_mode": "schema_only"})).await;
        if answer.status == 202 {
            let slug = answer.json()["branch"]["slug"].as_str().unwrap().to_owned();
            assert!(slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{slug}");
            eventually("it is ready", PATIENCE, async || server.get(&format!("admin/branches/{slug}"), &owner).await.json()["status"] == "ready")
                .await;
            done(&server, &owner, Method::DELETE, &format!("admin/branches/{slug}"), &json!(null)).await;
        } else {
            assert!(answer.status.is_client_error(), "{name}: {answer:?}");
        }
    }
    done(&server, &owner, Method::POST, "admin/branches", &json!({"name": "victim", "data_clone_mode": "schema_only"})).await;
    for text in hostile {
        for (method, path, body) in [
            (Method::POST, "admin/branches", json!({"name": "n", "parent": text})),
            (Method::POST, "admin/branches", json!({"name": "n", "data_clone_mode": "seed_data", "seeds": [text]})),
            (Method::POST, "admin/branches", json!({"name": "n", "data_clone_mode": text})),
            (Method::POST, "admin/branches/victim/reset", json!({"seeds": [text]})),
            (Method::POST, "admin/branches/victim/migrate", files(&[(text, "select 1")])),
            (Method::POST, "admin/branches/victim/migrate", files(&[(&format!("1_{text}"), "select 1")])),
            (Method::POST, "admin/branches/victim/diff", json!({"target": text})),
            (Method::PUT, "admin/branches/victim/access", json!({"user": text, "level": "read"})),
            (Method::PUT, "admin/branches/victim/access", json!({"user": "bob@example.com", "level": text})),
        ] {
            let answer = server.send(method, path, &owner, &body).await;
            assert!(answer.status.is_client_error(), "{path} {body}: {answer:?}");
            assert!(!answer.body.contains("root:"), "{answer:?}");
        }
        let header = server.rest(Method::GET, "tables/tags?limit=1", &owner).header("X-Fluxbase-Branch", text);
        assert!(Answer::to(header).await.status.is_client_error(), "{text}");
    }
    let after: i64 = sqlx::query_scalar("select count(*) from pg_class").fetch_one(&main).await.unwrap();
    assert_eq!(after, before);
}

#[tokio::test]
async fn the_password_of_a_branch_is_shown_once_and_written_nowhere() {
    let mut server = ServerSettings::new().set("log.level", "trace,sqlx=trace,hyper=trace").start().await;
    branch(&server, "alice", "hers").await;
    let issue = async || server.send(Method::POST, "admin/branches/hers/connection", server.key("alice"), &json!({})).await.json();
    let first = issue().await["url"].as_str().unwrap().to_owned();
    let mut connected = PgConnection::connect(&first).await.unwrap();
    sqlx::raw_sql("select 1").execute(&mut connected).await.unwrap();
    let second = issue().await["url"].as_str().unwrap().to_owned();
    assert!(PgConnection::connect(&first).await.is_err(), "the earlier one is none any more");
    // The way to it goes on through what branches do.
    done(&server, server.key("alice"), Method::POST, "admin/branches/hers/reset", &json!({})).await;
    assert!(PgConnection::connect(&second).await.is_err(), "nobody is let into what a reset has replaced");
    let moved = server.get("admin/branches/hers/connection", server.key("alice")).await.json();
    let mut there = url::Url::parse(&second).unwrap();
    there.set_path(moved["database"].as_str().unwrap());
    assert!(PgConnection::connect(there.as_str()).await.is_ok(), "the password is kept");
    let told = [
        server.get("admin/branches/hers/connection", server.key("alice")).await.body,
        server.get("admin/branches/hers/activity", server.key("alice")).await.body,
        server.get("admin/branches/hers", server.key("alice")).await.body,
    ];
    let arguments: String = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .collect();
    let main = server.superuser().await;
    let kept: String = sqlx::query_scalar(
        "select concat((select json_agg(o) from branching.operations o), (select json_agg(a) from branching.activity_log a),
                       (select json_agg(l) from fluxbase.audit_log l), (select json_agg(encode(c.sealed_password, 'escape')) from branching.connections c),
                       (select json_agg(s.query) from pg_stat_activity s))",
    )
    .fetch_one(&main)
    .await
    .unwrap();
    main.close().await;
    server.stop().await;
    let log = fs::read_to_string(server.data_dir().join("postgres.log")).unwrap_or_default();
    for url in [&first, &second] {
        let password = url::Url::parse(url).unwrap().password().expect("it has one").to_owned();
        for (place, text) in
            [("the log", server.stderr()), ("PostgreSQL's log", log.clone()), ("arguments", arguments.clone()), ("the database", kept.clone())]
        {
            assert!(!text.contains(&password), "{place}");
        }
        assert!(told.iter().all(|text| !text.contains(&password)));
    }
}
