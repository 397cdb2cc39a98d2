//! Attacks that felled servers of this kind.

use crate::raw::send_raw;
use fluxbase_tests::{Answer, ServerSettings, TestServer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn list() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
}

#[tokio::test]
async fn a_name_that_was_made_to_lead_here_is_refused() {
    let server = TestServer::shared().await;
    let port = server.url().rsplit(':').next().unwrap();
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "169.254.169.254", "[::1"] {
        let answer = Answer::to(server.mcp(server.key("alice"), &list()).header("Host", host)).await;
        assert!(matches!(answer.status.as_u16(), 400 | 403), "{host}: {answer:?}");
        assert!(!answer.body.contains("query_table"), "{host}");
    }
    for origin in ["http://evil.example", "null", "https://localhost.evil.example", "http://127.0.0.1.evil.example", "file://", "localhost"] {
        let answer = Answer::to(server.mcp(server.key("alice"), &list()).header("Origin", origin)).await;
        assert_eq!(answer.problem(403), "origin_not_allowed", "{origin}");
    }
    for (name, value) in [("Host", format!("localhost:{port}")), ("Origin", server.url().to_owned()), ("Origin", "http://localhost:5173".to_owned())]
    {
        assert_eq!(Answer::to(server.mcp(server.key("alice"), &list()).header(name, &value)).await.status, StatusCode::OK, "{name}: {value}");
    }
    // A page may send nothing without asking first, and is not told yes.
    let asked = server
        .http()
        .request(Method::OPTIONS, server.mcp_url())
        .header("Origin", "http://evil.example")
        .header("Access-Control-Request-Method", "POST");
    let answer = Answer::to(asked).await;
    assert_eq!(answer.header("access-control-allow-origin"), "", "{answer:?}");
}

#[tokio::test]
async fn what_a_form_can_send_is_no_message() {
    let server = TestServer::shared().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain; a=application/json", ""] {
        let request = server.http().post(server.mcp_url()).header("X-API-Key", server.key("alice")).header("Content-Type", kind);
        let answer = Answer::to(request.body(list().to_string())).await;
        assert_eq!(answer.problem(415), "unsupported_media_type", "{kind}");
        let form = server.rest(Method::POST, "auth/signup", "").header("Content-Type", kind);
        let answer = Answer::to(form.body(r#"{"email":"form@example.com","password":"correct horse"}"#)).await;
        assert_eq!(answer.problem(415), "unsupported_media_type", "{kind}");
    }
}

#[tokio::test]
async fn nothing_but_health_answers_without_a_credential() {
    let server = TestServer::shared().await;
    for path in [
        "tables/tags",
        "admin/branches",
        "admin/api-keys",
        "admin/service-keys",
        "admin/users",
        "auth/user",
        "admin/operations/x",
        "admin/schema/tables",
    ] {
        assert_eq!(server.get(path, "").await.problem(401), "unauthenticated", "{path}");
    }
    for method in ["initialize", "tools/list", "tools/call", "resources/list", "ping", "server/discover"] {
        let answer = Answer::to(server.mcp("", &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}))).await;
        assert_eq!(answer.problem(401), "unauthenticated", "{method}");
    }
    let other = Answer::to(server.http().get(server.mcp_url())).await;
    assert!(other.status.is_client_error(), "{other:?}");
    for open in ["healthz", "readyz", "mcp/health", "openapi.json", "docs"] {
        let answer = Answer::to(server.http().get(format!("{}/{open}", server.url()))).await;
        assert_eq!(answer.status, StatusCode::OK, "{open}: {answer:?}");
    }
}

#[tokio::test]
async fn a_credential_of_one_kind_is_none_of_another() {
    let server = TestServer::shared().await;
    let (alice, owner) = (server.key("alice"), server.owner_key());
    for (name, value) in [
        ("X-API-Key", owner.clone()),
        ("X-Service-Key", alice.to_owned()),
        ("Authorization", format!("Bearer {owner}")),
        ("Authorization", format!("Basic {alice}")),
        ("Authorization", alice.to_owned()),
        ("X-API-Key", format!("{alice}, {alice}")),
        ("X-API-Key", String::new()),
        ("Cookie", format!("X-API-Key={alice}")),
    ] {
        let answer = Answer::to(server.rest(Method::GET, "tables/tags", "").header(name, &value)).await;
        assert_eq!(answer.problem(401), "unauthenticated", "{name}");
        assert!(!answer.body.contains(alice) && !answer.body.contains(&owner), "{answer:?}");
    }
    assert_eq!(server.get(&format!("tables/tags?apikey={alice}"), "").await.problem(401), "unauthenticated");
    for second in [("X-API-Key", alice), ("X-API-Key", server.key("bob")), ("X-Service-Key", &owner), ("Authorization", "Bearer x.y.z")] {
        let both = server.rest(Method::GET, "tables/tags", alice).header(second.0, second.1);
        assert_eq!(Answer::to(both).await.problem(401), "unauthenticated", "{}", second.0);
    }
}

#[tokio::test]
async fn a_token_that_nobody_signed_is_nobodys() {
    let server = TestServer::shared().await;
    let account = json!({"email": format!("{}@example.com", fluxbase_tests::fresh_id().simple()), "password": "correct horse"});
    let session = server.send(Method::POST, "auth/signup", "", &account).await.json();
    let token = session["access_token"].as_str().unwrap();
    let [head, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let encode = |value: &Value| base64_url(value.to_string().as_bytes());
    let none = encode(&json!({"alg": "none", "typ": "JWT"}));
    let service = encode(&json!({"sub": session["user"]["id"], "role": "service_role", "exp": 4_102_444_800_u64}));
    let alice = encode(&json!({"sub": "a11ce000-0000-4000-8000-000000000001", "role": "authenticated", "exp": 4_102_444_800_u64}));
    for forged in [
        format!("{none}.{claims}."),
        format!("{none}.{claims}"),
        format!("{none}.{alice}.{signature}"),
        format!("{head}.{alice}.{signature}"),
        format!("{head}.{service}.{signature}"),
        format!("{}.{claims}.{signature}", encode(&json!({"alg": "RS256", "typ": "JWT"}))),
        format!("{}.{claims}.{signature}", encode(&json!({"alg": "HS256", "typ": "JWT", "kid": "../../../../dev/null"}))),
        format!("{}.{claims}.{signature}", encode(&json!({"alg": "HS256", "jku": "http://127.0.0.1:1/", "jwk": {}}))),
        format!("{head}.{claims}."),
        format!("{head}.{claims}.{}", signature.chars().rev().collect::<String>()),
        format!("{token}x"),
        format!("{head}.{claims}.{signature}.{signature}"),
    ] {
        assert_eq!(server.get("tables/tags", &forged).await.problem(401), "unauthenticated", "{forged}");
        let answer = Answer::to(server.mcp(&forged, &list())).await;
        assert_eq!(answer.problem(401), "unauthenticated", "{forged}");
    }
    assert_eq!(server.get("auth/user", token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nobody_makes_a_key_that_reaches_further_than_their_own() {
    let server = TestServer::shared().await;
    let owner = server.owner_key();
    let scoped = json!({"name": "keys only", "scopes": ["admin:keys", "read:tables"]});
    let made = server.send(Method::POST, "admin/service-keys", &owner, &scoped).await;
    let limited = made.json()["key"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned();
    for (route, body) in [
        ("admin/service-keys", json!({"name": "n", "scopes": ["*"]})),
        ("admin/service-keys", json!({"name": "n", "scopes": ["write:tables"]})),
        ("admin/api-keys", json!({"name": "n", "user": "bob@example.com", "scopes": ["write:tables"]})),
        ("admin/api-keys", json!({"name": "n", "user": "bob@example.com", "scopes": ["admin:branches"]})),
    ] {
        let refused = server.send(Method::POST, route, &limited, &body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{body}: {refused:?}");
        refused.problem(403);
        for key in [server.key("alice"), server.key("bob")] {
            assert_eq!(server.send(Method::POST, route, key, &body).await.problem(403), "missing_scope");
        }
    }
    assert_eq!(server.send(Method::POST, "admin/api-keys", &limited, &json!({"name": "n", "scopes": ["read:tables"]})).await.status, 201);
    let star = server.send(Method::POST, "admin/api-keys", &owner, &json!({"name": "n", "scopes": ["*"]})).await;
    assert_eq!(star.problem(422), "invalid");
    let unknown = server.send(Method::POST, "admin/api-keys", &owner, &json!({"name": "n", "scopes": ["write:everything"], "is_admin": true})).await;
    assert_eq!(unknown.problem(422), "invalid");
}

#[tokio::test]
async fn a_request_id_writes_nothing_but_itself() {
    let server = TestServer::shared().await;
    for id in ["two words", "é", "x\ty", &"x".repeat(129), "'; drop table fluxbase.audit_log; --"] {
        let Ok(value) = reqwest::header::HeaderValue::from_bytes(id.as_bytes()) else { continue };
        let answer = Answer::to(server.rest(Method::GET, "tables/tags?limit=1", server.key("alice")).header("X-Request-Id", value)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("x-request-id").len(), 36, "{id}: {answer:?}");
    }
    let mine = Answer::to(server.rest(Method::GET, "tables/tags?limit=1", server.key("alice")).header("X-Request-Id", "mine-1")).await;
    assert_eq!(mine.header("x-request-id"), "mine-1");
    // Nor do a line feed, a second length or a second request in a header's place.
    for raw in [
        "GET /api/v1/tables/tags%0d%0aX-Injected:%20yes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\nX-Injected: yes\r\nConnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\r\n X-Injected: yes\r\nConnection: close\r\n\r\n",
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nX-Injected: yes\r\n\r\n",
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde",
    ] {
        let answer = send_raw(server, raw).await;
        let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
        assert!(!head.contains("x-injected") && answer.matches("HTTP/1.1 ").count() <= 1, "{raw}: {answer}");
    }
}

#[tokio::test]
async fn a_tool_that_is_not_allowed_is_neither_shown_nor_called() {
    let mut server = ServerSettings::new().set("mcp.allowed_tools", "[query_table]").start().await;
    let owner = server.owner_key();
    let shown = server.mcp_ask(&owner, "tools/list", json!({})).await;
    assert_eq!(shown["result"]["tools"].as_array().map(Vec::len), Some(1), "{shown}");
    for hidden in ["delete_record", "insert_record", "list_tables", "nothing", "__proto__", ""] {
        let refused = server.mcp_call(&owner, hidden, json!({"table": "tags", "filter": {"id": "eq.1"}})).await;
        assert!(refused["error"]["code"] == -32602, "{hidden}: {refused}");
    }
    server.stop().await;
}

#[tokio::test]
async fn no_secret_is_written_where_people_read() {
    let mut server = ServerSettings::new().set("log.level", "trace,sqlx=trace,rmcp=trace,hyper=trace").start().await;
    let (alice, owner) = (server.key("alice").to_owned(), server.owner_key());
    let password = "correct horse battery staple";
    let account = json!({"email": "carol@example.com", "password": password});
    let session = server.send(Method::POST, "auth/signup", "", &account).await.json();
    let token = session["access_token"].as_str().unwrap().to_owned();
    let refresh = session["refresh_token"].as_str().unwrap().to_owned();
    server.get("tables/users", &token).await;
    server.send(Method::POST, "auth/refresh", "", &json!({"refresh_token": refresh})).await;
    server.send(Method::POST, "auth/signin", "", &json!({"email": "carol@example.com", "password": "a wrong one entirely"})).await;
    server.get("tables/tags", &alice).await;
    server.mcp_ok(&owner, "query_table", json!({"table": "tags", "limit": 1})).await;
    let made = server.new_secret(json!({"user": "bob@example.com"})).await;
    let database = server.cli_json(&["db", "url"]).await["url"].as_str().unwrap().parse::<url::Url>().unwrap();
    let database = database.password().expect("it has one").to_owned();
    server.get("tables/tags", &format!("{alice}x")).await;
    let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", server.pid())).unwrap_or_default();
    server.restart().await;
    let (stdout, stderr) = (server.stdout(), server.stderr());
    let log = std::fs::read_to_string(server.data_dir().join("postgres.log")).unwrap_or_default();
    assert!(stderr.contains("DEBUG"), "it was told to say everything");
    for (what, secret) in [
        ("an API key", alice.as_str()),
        ("the owner's key", &owner),
        ("a made key", &made),
        ("a password", password),
        ("a wrong password", "a wrong one entirely"),
        ("a token", &token),
        ("a token's signature", token.rsplit('.').next().unwrap()),
        ("a refresh token", &refresh),
        ("the database's password", &database),
    ] {
        assert!(!stderr.contains(secret), "{what} in: {}", stderr.lines().find(|line| line.contains(secret)).unwrap_or_default());
        assert!(!log.contains(secret) && !arguments.contains(secret), "{what}");
        assert!(secret == alice || !stdout.contains(secret), "{what}");
    }
    server.stop().await;
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
