//! Refusals: what every one of them has, and what they say.

use super::Alice;
use fluxbase_tests::Answer;
use reqwest::Method;
use serde_json::json;

/// Each test of an embed writes all within it once more: without a bound these few words are eight to the fourth power of subqueries.
#[tokio::test]
async fn embeds_that_multiply_are_refused_whatever_is_done_with_them() {
    let alice = Alice::new().await;
    let tests: String = ["t", "t.p", "t.p.t", "t.p.t.p"].iter().map(|path| format!("&{path}=is.null").repeat(8)).collect();
    let path = format!("projects?select=id,t:tasks(id,p:projects(id,t:tasks(id,p:projects(id)))){tests}");
    let rows = "Prefer: return=representation";
    for (method, preference, body) in [
        (Method::GET, "Prefer: count=planned", None),
        (Method::HEAD, "Prefer: count=exact", None),
        (Method::PATCH, rows, Some(json!({"name": "x"}))),
        (Method::DELETE, rows, None),
    ] {
        let answer = alice.ask(method.clone(), &path, &[preference], body.as_ref()).await;
        assert_eq!(answer.status, 400, "{method}: {answer:?}");
        assert!(method == Method::HEAD || answer.body.contains("so that they multiply"), "{method}: {answer:?}");
    }
    let fewer = path.replace("&t.p.t.p=is.null", "");
    assert_eq!(alice.ask(Method::GET, &fewer, &["Prefer: count=exact"], None).await.status, 200, "what stays below the bound is answered");
}

#[tokio::test]
async fn what_is_unknown_is_named_and_something_like_it_offered() {
    let alice = Alice::new().await;
    for (path, hint) in [
        ("tasks?select=id,titel", "title"),
        ("tasks?titel=eq.x", "title"),
        ("tasks?order=titel", "title"),
        ("tasks?select=id,project(name)", "projects"),
        ("tasks?select=id,projects(nam)", "name"),
        ("tasks?select=id,projects(name)&projects.nam=eq.1", "name"),
        ("tasks?or=(titel.eq.x)", "title"),
        ("tasks?title=equals.x", "eq"),
        ("tasks?select=id::strin", "text"),
    ] {
        let refused = alice.get(path).await;
        assert_eq!(refused.problem(400), "invalid", "{path}");
        let fault = refused.json()["errors"][0].clone();
        assert!(fault["pointer"].as_str().is_some_and(|pointer| pointer.starts_with('/')), "{path}: {refused:?}");
        assert!(fault["message"].as_str().is_some_and(|message| message.contains(hint)), "{path}: {refused:?}");
    }
    let table = alice.get("taskz").await;
    assert_eq!(table.problem(404), "not_found");
    // A table that is there and not exposed is as unknown as one that is not.
    assert_eq!(alice.get("auth/users").await.problem(404), "not_found");
    assert_eq!(alice.get("fluxbase/keys").await.problem(404), "not_found");
    assert_eq!(alice.get("pg_catalog/pg_authid").await.problem(404), "not_found");
}

#[tokio::test]
async fn what_a_role_has_no_right_on_is_named_to_nobody_of_that_role() {
    let alice = Alice::new().await;
    let pool = alice.0.superuser().await;
    for sql in [
        "create table if not exists public.half (id int primary key, shown text, covert text unique)",
        "create table if not exists public.covered (id int primary key, half_id int references public.half, other_id int references public.half)",
        "grant select (id, shown), insert (id, shown) on public.half to authenticated",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    fluxbase_tests::eventually("the table is known", std::time::Duration::from_secs(10), async || {
        alice.get("half?select=id&limit=0").await.status.is_success()
    })
    .await;
    for path in ["half?select=xyz", "half?select=coverts", "half?xyz=eq.1", "half?order=xyz", "half?select=xyz(id)", "half?select=covered(id)"] {
        let refused = alice.get(path).await;
        assert_eq!(refused.problem(400), "invalid", "{path}");
        let told = refused.body.replace("'covered'", "").replace("'coverts'", "");
        assert!(!told.contains("cover"), "{path}: {refused:?}");
    }
    let merge = ["Prefer: resolution=merge-duplicates"];
    let refused = alice.ask(Method::POST, "half?on_conflict=shown", &merge, Some(&json!({"id": 1}))).await;
    assert!(refused.problem(400) == "invalid" && !refused.body.contains("covert"), "{refused:?}");
    let told = alice.0.mcp_refused(alice.0.key("alice"), "insert_record", json!({"table": "half", "data": {"xyz": 1}})).await;
    assert!(told.contains("there are id, shown") && !told.contains("covert"), "{told}");
}

#[tokio::test]
async fn postgresqls_own_refusals_keep_their_sqlstate() {
    let alice = Alice::new().await;
    let author = "a11ce000-0000-4000-8000-000000000001";
    for (method, path, body, status, sqlstate) in [
        (Method::GET, "tasks?id=eq.x", None, 400, "22P02"),
        (Method::GET, "tasks?due_on=eq.soon", None, 400, "22007"),
        (Method::POST, "comments", Some(json!({"task_id": 1, "author_id": author})), 400, "23502"),
        (Method::POST, "comments", Some(json!({"task_id": 1, "author_id": author, "body": null})), 400, "23502"),
        (Method::POST, "projects", Some(json!({"owner_id": author, "name": "x", "slug": "s-neg", "budget": -1})), 400, "23514"),
        (Method::POST, "projects", Some(json!({"id": 1, "owner_id": author, "name": "x", "slug": "s-dup"})), 409, "23505"),
        (Method::POST, "task_tags", Some(json!({"task_id": 10, "tag_id": 9999})), 409, "23503"),
        (Method::POST, "tags", Some(json!({"name": "x", "color": "#000000"})), 403, "42501"),
    ] {
        let refused = alice.ask(method.clone(), path, &[], body.as_ref()).await;
        assert_eq!(refused.problem(status), sqlstate, "{method} {path}");
    }
}

#[tokio::test]
async fn methods_types_and_routes_that_are_not_there_are_problems_too() {
    let alice = Alice::new().await;
    let server = alice.0;
    let key = server.key("alice");
    for method in [Method::OPTIONS, Method::TRACE, Method::from_bytes(b"FROB").unwrap()] {
        let refused = alice.ask(method, "tasks", &[], None).await;
        assert_eq!(refused.problem(405), "method_not_allowed");
        assert!(refused.header("allow").contains("GET"), "{refused:?}");
    }
    for kind in ["text/csv", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"] {
        let refused = server.rest(Method::POST, "tables/comments", key).header("Content-Type", kind).body("{}");
        assert_eq!(Answer::to(refused).await.problem(415), "unsupported_media_type", "{kind}");
    }
    for body in ["", "{", "[1]", "7", "\"x\"", "null", "{\"body\": \"x\"} {}", "[{\"body\": 1}, 2]"] {
        let refused = server.rest(Method::POST, "tables/comments", key).header("Content-Type", "application/json").body(body);
        assert_eq!(Answer::to(refused).await.problem(400), "invalid_json", "{body}");
    }
    for path in ["", "nowhere", "tables/", "tables/a/b/c", "admin", "auth"] {
        assert_eq!(server.get(path, key).await.problem(404), "no_such_route", "{path}");
    }
    assert_eq!(alice.ask(Method::GET, "tags", &["Accept: text/csv"], None).await.problem(406), "not_acceptable");
    for (path, code) in
        [("tags?limit=x", "invalid"), ("tags?limit=-1", "invalid"), ("tags?offset=x", "invalid"), ("tags?select=id&select=name", "invalid")]
    {
        assert_eq!(alice.get(path).await.problem(400), code, "{path}");
    }
    let strict = alice.ask(Method::GET, "tags", &["Prefer: handling=strict, nonsense=1"], None).await;
    assert_eq!(strict.problem(400), "invalid_preference");
    assert_eq!(alice.ask(Method::GET, "tags?limit=1", &["Prefer: nonsense=1"], None).await.status, 200);
    let nobody = server.get("tables/tags", "").await;
    assert_eq!(nobody.problem(401), "unauthenticated");
    assert!(nobody.header("www-authenticate").starts_with("Bearer"), "{nobody:?}");
}
