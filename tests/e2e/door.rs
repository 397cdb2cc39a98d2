//! The HTTP door: targets as curl sends them, pages of other origins, cursors, refusals that say what would be right.

use crate::raw::send_raw;
use fluxbase_tests::{Answer, ServerSettings, TestServer};
use reqwest::Method;
use serde_json::json;
use std::{
    collections::HashSet,
    io::{Read, Write},
    net::TcpStream,
};

#[tokio::test]
async fn what_curl_sends_raw_is_understood() {
    let server = TestServer::shared().await;
    let key = server.key("alice");
    for query in [
        r#"title=in.("no,such,title","nor.this")"#,
        "select=id,details->>source&details->>source=eq.meeting",
        r"or=(title.eq.{a|b},title.eq.<x>,title.eq.`^\)",
        "title=eq.Überschrift#1",
    ] {
        let request = format!("GET /api/v1/tables/tasks?{query}&limit=1 HTTP/1.1\r\nhost: a\r\nx-api-key: {key}\r\nconnection: close\r\n\r\n");
        let answer = send_raw(server, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("x-request-id"), "{query}: {answer}");
    }
}

#[tokio::test]
async fn only_pages_of_allowed_origins_may_read_answers() {
    let server = ServerSettings::new().set("server.allowed_origins", r#"["https://app.example.com"]"#).start().await;
    let tables = |method, origin: &str| server.rest(method, "tables/tasks?limit=1", server.key("alice")).header("Origin", origin);
    let preflight = |origin: &str| {
        let request = server.rest(Method::OPTIONS, "tables/tasks?limit=1", "").header("Origin", origin);
        request.header("Access-Control-Request-Method", "PATCH").header("Access-Control-Request-Headers", "apikey,authorization,x-client-info,prefer")
    };
    let allowed = Answer::to(preflight("https://app.example.com")).await;
    assert_eq!((allowed.status.as_u16(), allowed.header("access-control-allow-origin")), (204, "https://app.example.com"), "{allowed:?}");
    assert_eq!(allowed.header("access-control-allow-headers"), "apikey, authorization, x-client-info, prefer");
    let read = Answer::to(tables(Method::GET, "https://app.example.com")).await;
    assert_eq!((read.rows().len(), read.header("access-control-allow-origin")), (1, "https://app.example.com"));
    assert!(read.header("access-control-expose-headers").contains("Content-Range"), "{read:?}");
    assert_eq!(Answer::to(preflight("https://evil.example")).await.header("access-control-allow-origin"), "");
    let foreign = Answer::to(tables(Method::GET, "https://evil.example")).await;
    assert_eq!((foreign.rows().len(), foreign.header("access-control-allow-origin")), (1, ""));
    let mcp = server.mcp(server.key("alice"), &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).header("Origin", "https://app.example.com");
    assert_eq!(Answer::to(mcp).await.problem(403), "origin_not_allowed", "MCP has a list of its own");
    // What supabase-js sends.
    let alone = server.http().get(format!("{}/api/v1/tables/tasks?limit=1", server.url())).header("apikey", server.key("alice"));
    assert_eq!(Answer::to(alone).await.rows().len(), 1);
}

#[tokio::test]
async fn cursors_lead_through_all_rows_once_and_are_good_for_their_query_at_their_door() {
    let server = TestServer::shared().await;
    let key = server.key("alice");
    let all = server.get("tables/tasks?select=id&limit=300&order=status", key).await.rows();
    let (mut seen, mut path) = (Vec::new(), "/api/v1/tables/tasks?select=id&limit=70&order=status".to_owned());
    while seen.len() < 280 {
        let page = server.get(path.trim_start_matches("/api/v1/"), key).await;
        seen.extend(page.rows());
        let link = page.header("link").to_owned();
        assert!(link.contains(page.header("x-next-cursor")) && link.ends_with("; rel=\"next\""), "{page:?}");
        path = link[1..link.find('>').unwrap()].to_owned();
    }
    assert_eq!(seen[..], all[..280], "many tasks have one status, and no row is lost or repeated");
    assert_eq!(seen.iter().map(ToString::to_string).collect::<HashSet<_>>().len(), 280);

    let cursor = path.rsplit_once("cursor=").unwrap().1;
    let query = |limit: u32, cursor: Option<&str>| json!({"table": "tasks", "select": "id", "order": "status", "limit": limit, "cursor": cursor});
    let mut first = query(280, None);
    first.as_object_mut().unwrap().remove("cursor");
    let page = server.mcp_ok(key, "query_table", first).await;
    assert_eq!(page["rows"].as_array().unwrap()[..], all[..280]);
    let next = server.mcp_ok(key, "query_table", query(20, page["nextCursor"].as_str())).await;
    assert_eq!(next["rows"].as_array().unwrap()[..], all[280..300]);
    let foreign = server.mcp_call(key, "query_table", query(20, Some(cursor))).await.to_string();
    assert!(foreign.contains("\"isError\":true") && foreign.contains("is not one of this query"), "{foreign}");
    let reordered = server.get(&format!("tables/tasks?order=status&select=id&limit=20&cursor={cursor}"), key).await;
    assert_eq!(reordered.rows()[..], all[280..300]);
    for (path, credential) in [("select=id&order=id", key), ("select=id&order=status&id=gt.1", key), ("select=id&order=status", server.key("bob"))] {
        let refused = server.get(&format!("tables/tasks?{path}&limit=20&cursor={cursor}"), credential).await;
        assert_eq!(refused.problem(400), "invalid", "{path}");
        assert_eq!(refused.json()["errors"][0]["pointer"], "/cursor");
    }
}

#[tokio::test]
async fn refusals_say_what_would_be_right() {
    let server = TestServer::shared().await;
    let key = server.key("alice");
    let service = &*server.owner_key();
    for (name, value, right) in [("X-API-Key", service, "X-Service-Key"), ("X-Service-Key", key, "X-API-Key")] {
        let asked = server.http().get(format!("{}/api/v1/tables/tasks", server.url())).header(name, value);
        let refused = Answer::to(asked).await;
        assert_eq!(refused.problem(401), "unauthenticated");
        assert!(refused.json()["detail"].as_str().unwrap().contains(right), "{refused:?}");
        let asked = server.http().post(server.mcp_url()).header(name, value).json(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}));
        let refused = Answer::to(asked).await;
        assert_eq!(refused.problem(401), "unauthenticated");
        assert!(refused.json()["message"].as_str().unwrap().contains(right), "{refused:?}");
    }
    let view = server.send(Method::PATCH, "tables/project_overview?id=eq.1", service, &json!({"name": "x"})).await;
    assert_eq!(view.problem(405), "55000");
    assert_eq!(view.header("allow"), "GET, HEAD, POST, DELETE");
    let columns = server.send(Method::POST, "tables/tasks?columns=nope", key, &json!({"title": "x"})).await;
    assert_eq!(columns.problem(400), "invalid");
    assert_eq!(columns.json()["errors"][0]["pointer"], "/columns");
}

#[tokio::test]
async fn a_literal_of_megabytes_is_the_callers_fault() {
    let server = TestServer::shared().await;
    let literal = "9".repeat(9_900_000);
    let refused =
        server.mcp_call(server.key("alice"), "query_table", json!({"table": "projects", "filter": {"budget": format!("eq.{literal}")}})).await;
    let text = refused.to_string();
    assert!(refused["result"]["isError"] == true && text.len() < 10_000 && !text.contains("internal"), "{}", &text[..text.len().min(3000)]);
    let body = format!(r#"{{"name": "x", "slug": "y", "budget": {literal}}}"#);
    let sent = server.rest(Method::POST, "tables/projects", server.key("alice")).header("Content-Type", "application/json").body(body);
    let refused = Answer::to(sent).await;
    assert!(refused.status.is_client_error() && refused.body.len() < 10_000, "{} {:.3000}", refused.status, refused.body);
}

#[tokio::test]
async fn every_door_wants_one_host_and_bodies_as_they_are() {
    let server = TestServer::shared().await;
    let key = server.key("alice");
    for path in ["/api/v1/tables/tasks?limit=1", "/mcp/health", "/healthz", "/nowhere"] {
        for (hosts, status) in [("", "400"), ("host: localhost\r\nhost: localhost\r\n", "400"), ("host: a/b\r\n", "400")] {
            let answer = send_raw(server, &format!("GET {path} HTTP/1.1\r\n{hosts}x-api-key: {key}\r\nconnection: close\r\n\r\n")).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains("\"bad_host\""), "{path} {hosts}: {answer}");
        }
    }
    let old = send_raw(server, "GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 "), "{old}");
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let rest = format!("x-api-key: {key}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{ping}", ping.len());
    for (target, host, status) in
        [("/mcp", "localhost", "200"), ("http://localhost/mcp", "localhost", "200"), ("http://evil.example/mcp", "localhost", "400")]
    {
        let answer = send_raw(server, &format!("POST {target} HTTP/1.1\r\nhost: {host}\r\n{rest}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target} {host}: {answer}");
    }
    for path in ["/mcp", "/api/v1/tables/tasks", "/api/v1/auth/signin", "/api/v1/admin/branches"] {
        let sent = server.http().post(format!("{}{path}", server.url())).header("X-API-Key", key).header("Content-Type", "application/json");
        let refused = Answer::to(sent.header("Content-Encoding", "gzip").body("{}")).await;
        assert_eq!(refused.problem(415), "unsupported_encoding", "{path}");
        assert_eq!(refused.header("accept-encoding"), "identity");
    }
}

#[tokio::test]
async fn who_sends_too_much_before_reading_still_reads_why() {
    let server = TestServer::shared().await;
    let (address, key) = (server.url().trim_start_matches("http://").to_owned(), server.key("alice").to_owned());
    for path in ["/mcp", "/api/v1/tables/tasks"] {
        let (address, key) = (address.clone(), key.clone());
        let sent = tokio::task::spawn_blocking(move || {
            let body = vec![b' '; 12_000_000];
            let mut stream = TcpStream::connect(address)?;
            let length = body.len();
            write!(
                stream,
                "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            )?;
            stream.write_all(&body)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        });
        let answer = sent.await.unwrap().unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("application/problem+json"), "{path}: {answer}");
    }
}
