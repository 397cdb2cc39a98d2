//! Starting, stopping, crashing and starting again.

use fluxbase_tests::{Answer, ServerSettings, TestServer, eventually};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};

const ALICE: &str = "a11ce000-0000-4000-8000-000000000001";

#[tokio::test]
async fn a_second_start_keeps_rows_and_keys_and_is_quicker() {
    let cold = Instant::now();
    let mut server = TestServer::start().await;
    let cold = cold.elapsed();
    let (alice, owner) = (server.key("alice").to_owned(), server.owner_key());
    let body = json!({"task_id": 1, "author_id": ALICE, "body": "kept"});
    let made = server.send(Method::POST, "tables/comments", &alice, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    server.stop().await;
    assert!(!server.data_dir().join("server.json").exists(), "the command line must not look for a server that is gone");

    let warm = Instant::now();
    server.restart().await;
    assert!(warm.elapsed() < cold, "{:?} after {cold:?}", warm.elapsed());
    assert_eq!(server.get("tables/comments?body=eq.kept&select=body", &alice).await.rows(), [json!({"body": "kept"})]);
    assert_eq!(server.owner_key(), owner);
    assert_eq!(server.get("admin/api-keys", &owner).await.status, StatusCode::OK);
    assert_eq!(server.stdout().matches("alice@example.com").count(), 1, "keys are shown once");
    server.stop().await;
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let mut server = TestServer::start().await;
    let alice = server.key("alice").to_owned();
    let mut last = 0;
    for _ in 0..20 {
        let body = json!({"task_id": 1, "author_id": ALICE, "body": "before the crash"});
        let answer = server.rest(Method::POST, "tables/comments?select=id", &alice).header("Prefer", "return=representation").json(&body);
        last = Answer::to(answer).await.rows()[0]["id"].as_i64().unwrap();
    }
    server.kill().await;
    server.restart().await;
    let found = server.get("tables/comments?body=eq.before the crash&select=id&order=id.desc", &alice).await.rows();
    assert_eq!((found.len(), &found[0]), (20, &json!({"id": last})));
    server.stop().await;
}

#[tokio::test]
async fn a_second_server_on_the_same_data_folder_is_refused_and_the_first_one_goes_on() {
    let server = TestServer::shared().await;
    let second = server.cli(&["serve", "--address", "127.0.0.1:0"]).await;
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains(&server.data_dir().display().to_string()) && said.contains(&server.pid().to_string()), "{said}");
    assert_eq!(server.get("tables/tags?limit=1", server.key("alice")).await.rows().len(), 1);
}

#[tokio::test]
async fn a_taken_port_is_told_before_anything_is_made() {
    let server = TestServer::shared().await;
    let address = server.url().strip_prefix("http://").unwrap();
    let other = server.data_dir().with_file_name("other-data");
    let taken = server.cli_with(&["serve", "--address", address], &[("FLUXBASE_DATA_DIR", other.to_str().unwrap())]).await;
    let said = String::from_utf8(taken.stderr).unwrap();
    assert_eq!(taken.status.code(), Some(1), "{said}");
    assert!(said.contains(address) && said.contains("use"), "{said}");
    assert!(!other.exists(), "no database was made");
}

#[tokio::test]
async fn a_setting_that_is_unknown_or_out_of_range_stops_the_start_and_is_named() {
    for (key, value, named) in [
        ("server.adress", "127.0.0.1:1", &["server.adress", "address"][..]),
        ("sever.address", "127.0.0.1:1", &["sever"]),
        ("mcp.rate_limit_per_min", "-1", &["mcp.rate_limit_per_min", "-1"]),
        ("database.statement_timeout", "soon", &["database.statement_timeout", "soon"]),
        ("mcp.allowed_tools", "[query_tabel]", &["query_tabel", "query_table"]),
    ] {
        let failed = ServerSettings::new().set(key, value).try_start().await.err().unwrap_or_else(|| panic!("{key}={value} is no setting"));
        assert!(failed.code.is_some_and(|code| code != 0), "{failed}");
        assert!(named.iter().all(|name| failed.stderr.contains(name)), "{key}: {}", failed.stderr);
    }
}

#[tokio::test]
async fn when_postgresql_dies_alone_requests_are_refused_for_a_moment_and_then_answered_again() {
    let server = TestServer::start().await;
    let first = server.postgres_pid().expect("it runs");
    let ask = async || server.get("tables/tags?limit=1", server.key("alice")).await;
    assert_eq!(ask().await.status, StatusCode::OK);
    // It is back within a quarter of a second, so it is killed again until a request has met it dead.
    eventually("a request is refused", Duration::from_secs(30), async || {
        if let Some(running) = server.postgres_pid() {
            let _ = kill(Pid::from_raw(running), Signal::SIGKILL);
        }
        let answer = ask().await;
        if answer.status == StatusCode::OK {
            return false;
        }
        answer.problem(503);
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{answer:?}");
        true
    })
    .await;
    eventually("requests are answered again", Duration::from_secs(30), async || ask().await.status == StatusCode::OK).await;
    assert_ne!(server.postgres_pid(), Some(first));
    eventually("it is ready", Duration::from_secs(10), async || {
        server.http().get(format!("{}/readyz", server.url())).send().await.unwrap().status() == StatusCode::OK
    })
    .await;
    assert!(server.mcp_ok(server.key("alice"), "query_table", json!({"table": "tags"})).await["rows"].is_array());
}

#[tokio::test]
async fn a_request_that_runs_when_the_server_is_stopped_is_still_answered() {
    let mut server = TestServer::start().await;
    let pool = server.superuser().await;
    for sql in ["create view public.slow as select 1 as one from pg_sleep(1.5)", "grant select on public.slow to authenticated"] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let alice = server.key("alice").to_owned();
    eventually("the view is known", Duration::from_secs(10), async || server.get("tables/slow?limit=0", &alice).await.status == StatusCode::OK).await;
    let running = tokio::spawn(Answer::to(server.rest(Method::GET, "tables/slow", &alice)));
    let asked = "select exists (select from pg_stat_activity where query like '%slow%' and wait_event = 'PgSleep')";
    eventually("the query runs", Duration::from_secs(10), async || sqlx::query_scalar(asked).fetch_one(&pool).await.unwrap()).await;
    pool.close().await;
    server.stop().await;
    assert_eq!(running.await.unwrap().rows(), [json!({"one": 1})]);
}
