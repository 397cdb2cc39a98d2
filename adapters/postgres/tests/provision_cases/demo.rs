//! The demo data under row level security.

use std::time::{Duration, Instant};

use fluxbase_postgres::provision::{DemoData, ProvisionOptions, Provisioned, load_demo, provision};
use sqlx::PgPool;

use crate::provision_rig::{TestBox, connect, count, options, prepared, run, text};

const ALICE: &str = "a11ce000-0000-4000-8000-000000000001";
const BOB: &str = "b0b00000-0000-4000-8000-000000000002";
const TABLES: [&str; 10] =
    ["users", "profiles", "devices", "projects", "project_members", "tasks", "comments", "tags", "task_tags", "project_overview"];

async fn become_user(user: &PgPool, id: &str) {
    let email = if id == ALICE { "alice" } else { "bob" };
    let claims = format!(r#"{{"sub":"{id}","role":"authenticated","email":"{email}@example.com"}}"#);
    run(user, &format!("set role authenticated; select set_config('request.jwt.claims', '{claims}', false)")).await.unwrap();
}

async fn demo(name: &str) -> (PgPool, Provisioned, PgPool) {
    let pool = prepared(name).await;
    let provisioned = provision(&pool, &TestBox(1), &ProvisionOptions { ours: true, ..options() }).await.unwrap();
    let began = Instant::now();
    assert_eq!(load_demo(&pool).await.unwrap(), DemoData::Loaded);
    eprintln!("demo loaded in {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let login = &provisioned.logins.user;
    let user = connect(&login.name, login.password.expose(), name).await;
    (pool, provisioned, user)
}

#[tokio::test]
async fn alice_and_bob_see_their_own_and_what_they_share_and_anon_sees_nothing() {
    let (pool, provisioned, user) = demo("demo_rows").await;
    let login = &provisioned.logins.service;
    let service = connect(&login.name, login.password.expose(), "demo_rows").await;
    run(&service, "set role service_role").await.unwrap();
    for table in TABLES {
        run(&user, "set role anon; select set_config('request.jwt.claims', '{\"role\":\"anon\"}', false)").await.unwrap();
        assert_eq!(count(&user, table).await, 0, "{table}");
        become_user(&user, ALICE).await;
        let alices = count(&user, table).await;
        become_user(&user, BOB).await;
        let bobs = count(&user, table).await;
        let all = count(&service, table).await;
        eprintln!("{table}: alice {alices}, bob {bobs}, all {all}");
        assert_eq!(all, count(&pool, table).await);
        assert!(alices > 0 && bobs > 0);
        if table == "tags" {
            assert!(alices == all && bobs == all);
        } else {
            assert!(alices < all && bobs < all, "{table}");
        }
    }
    let active = "(select id, email, created_at from users where is_active order by created_at desc) rows";
    become_user(&user, ALICE).await;
    let alices = text(&user, &format!("select md5(string_agg(rows::text, '')) from {active}")).await;
    become_user(&user, BOB).await;
    assert_ne!(alices, text(&user, &format!("select md5(string_agg(rows::text, '')) from {active}")).await);
    // Both are let into each other's projects, and see nothing of the others.
    assert_eq!(count(&user, "projects where owner_id = 'a11ce000-0000-4000-8000-000000000001'").await, 2);
}

#[tokio::test]
async fn policies_hold_writes_too() {
    let (_, _, user) = demo("demo_writes").await;
    become_user(&user, BOB).await;
    let title = "title) values";
    run(&user, &format!("insert into tasks (project_id, {title} (11, 'as an editor')")).await.unwrap();
    assert!(run(&user, &format!("insert into tasks (project_id, {title} (12, 'as a viewer')")).await.is_err());
    assert!(run(&user, &format!("insert into tasks (project_id, {title} (1, 'as nobody')")).await.is_err());
    run(&user, "insert into projects (owner_id, name, slug) values ('b0b00000-0000-4000-8000-000000000002', 'Mine', 'mine') returning id")
        .await
        .unwrap();
    assert!(run(&user, "insert into projects (owner_id, name, slug) values ('a11ce000-0000-4000-8000-000000000001', 'Hers', 'hers')").await.is_err());
    run(&user, "insert into comments (task_id, author_id, body) select id, 'b0b00000-0000-4000-8000-000000000002', 'mine' from tasks limit 1")
        .await
        .unwrap();
    let changed = sqlx::query("update tasks set title = 'x' where project_id in (1, 12)").execute(&user).await.unwrap();
    assert_eq!(changed.rows_affected(), 0);
    assert!(run(&user, "delete from tags").await.is_err());
}

#[tokio::test]
async fn everything_is_commented_and_every_foreign_key_has_an_index() {
    let (pool, ..) = demo("demo_comments").await;
    for schemas in ["'public'", "'auth'", "'branching', 'fluxbase'"] {
        let silent = format!(
            "select string_agg(c.oid::regclass || coalesce('.' || a.attname, ''), ', ')
               from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              where c.relnamespace::regnamespace::text in ({schemas}) and c.relkind in ('r', 'v') and c.relname <> 'control_migrations'
                and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)"
        );
        assert_eq!(text(&pool, &silent).await, None);
    }
    let bare = "select string_agg(k.conrelid::regclass || ' ' || k.conname, ', ') from pg_constraint k
                 where k.contype = 'f' and k.connamespace::regnamespace::text in ('public', 'auth')
                   and not exists (select from pg_index i where i.indrelid = k.conrelid and i.indkey[0] = k.conkey[1])";
    assert_eq!(text(&pool, bare).await, None);
    for table in ["sessions", "refresh_tokens", "mfa_factors", "identities"] {
        assert!(count(&pool, &format!("auth.{table}")).await > 0, "{table}");
    }
}

#[tokio::test]
async fn the_demo_is_loaded_once_and_never_over_somebodys_tables() {
    let (pool, ..) = demo("demo_once").await;
    assert_eq!(load_demo(&pool).await.unwrap(), DemoData::LoadedBefore);
    let other = prepared("demo_not").await;
    run(&other, "create table public.users (id int)").await.unwrap();
    provision(&other, &TestBox(1), &options()).await.unwrap();
    assert_eq!(load_demo(&other).await.unwrap(), DemoData::NotEmpty);
}
