//! A full clone of the demo while its tables are being written to.

use crate::world::{PATIENCE, run};
use fluxbase_tests::{TestServer, eventually};
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Rows of three tables that point at each other: one transaction, then the next.
const WRITE: &str = "
    with project as (
        insert into public.projects (owner_id, name, slug)
        values ('a11ce000-0000-4000-8000-000000000001', 'written meanwhile', 'written-' || gen_random_uuid()) returning id
    ), task as (
        insert into public.tasks (project_id, title) select id, 'written meanwhile ' || n from project, generate_series(1, 5) n returning id
    )
    insert into public.comments (task_id, author_id, body) select id, 'a11ce000-0000-4000-8000-000000000001', 'written meanwhile' from task";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_of_a_parent_in_use_is_one_snapshot_with_validated_keys() {
    let server = TestServer::start().await;
    let main = server.superuser().await;
    run(&main, "update auth.users set encrypted_password = 'a hash'").await;
    let goes_on = Arc::new(AtomicBool::new(true));
    let writers = [0, 1].map(|_| tokio::spawn(write(main.clone(), goes_on.clone())));
    eventually("writing has begun", PATIENCE, async || written(&main).await > 20).await;
    let before = counts(&main).await;
    let answer = server.send(Method::POST, "admin/branches", server.key("alice"), &json!({"name": "Busy!", "data_clone_mode": "full_clone"})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    eventually("the branch is ready", PATIENCE, async || {
        let branch = server.get("admin/branches/busy", server.key("alice")).await.json();
        assert!(branch["status"] == "creating" || branch["status"] == "ready", "{branch}");
        branch["status"] == "ready"
    })
    .await;
    let after = counts(&main).await;
    goes_on.store(false, Ordering::Relaxed);
    let mut transactions = 0;
    for writer in writers {
        transactions += writer.await.unwrap();
    }

    let options = (*main.connect_options()).clone().database("fluxbase_branch_busy_g1");
    let branch = PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap();
    let copied = counts(&branch).await;
    println!("{transactions} transactions meanwhile; main had {before:?}, then {after:?}; the branch has {copied:?}");
    for (table, rows) in &copied {
        assert!((before[table]..=after[table]).contains(rows), "{table}: {rows} of {} to {}", before[table], after[table]);
    }
    // Each transaction wrote one project, five tasks and five comments: a snapshot has all of it or nothing.
    assert_eq!(copied["tasks"] - before["tasks"], 5 * (copied["projects"] - before["projects"]));
    assert_eq!(copied["comments"] - before["comments"], 5 * (copied["projects"] - before["projects"]));

    foreign_keys_hold(&main, &branch).await;
    nothing_personal_came_along(&main, &branch).await;
}

async fn write(main: PgPool, goes_on: Arc<AtomicBool>) -> u32 {
    let mut transactions = 0;
    while goes_on.load(Ordering::Relaxed) {
        run(&main, WRITE).await;
        transactions += 1;
    }
    transactions
}

async fn written(main: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from public.projects where name = 'written meanwhile'").fetch_one(main).await.unwrap()
}

/// One statement: all of one moment.
async fn counts(database: &PgPool) -> BTreeMap<String, i64> {
    let counts: Vec<(String, i64)> = sqlx::query_as(
        "select 'projects', count(*) from public.projects union all select 'tasks', count(*) from public.tasks
         union all select 'comments', count(*) from public.comments",
    )
    .fetch_all(database)
    .await
    .unwrap();
    counts.into_iter().collect()
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct ForeignKey {
    table: String,
    name: String,
    definition: String,
    validated: bool,
    /// Counts the rows that point nowhere.
    orphans: String,
}

async fn foreign_keys(database: &PgPool) -> Vec<ForeignKey> {
    sqlx::query_as(
        r#"select conrelid::regclass::text as "table", conname::text as name, pg_get_constraintdef(c.oid) as definition, convalidated as validated,
                  format('select count(*) from only %s child where (%s) is not null and not exists (select from %s parent where (%s) = (%s))',
                         conrelid::regclass, columns.child, confrelid::regclass, columns.parent, columns.child) as orphans
             from pg_constraint c join pg_namespace n on n.oid = c.connamespace,
                  lateral (select string_agg('child.' || quote_ident(a.attname), ', ') as child, string_agg('parent.' || quote_ident(b.attname), ', ') as parent
                             from unnest(conkey, confkey) as k (child, parent)
                             join pg_attribute a on a.attrelid = conrelid and a.attnum = k.child
                             join pg_attribute b on b.attrelid = confrelid and b.attnum = k.parent) columns
            where contype = 'f' and n.nspname not in ('branching', 'fluxbase') order by 1, 2"#,
    )
    .fetch_all(database)
    .await
    .unwrap()
}

async fn foreign_keys_hold(main: &PgPool, branch: &PgPool) {
    let (parents, copies) = (foreign_keys(main).await, foreign_keys(branch).await);
    assert!(parents.len() > 15, "{parents:?}");
    assert_eq!(parents, copies);
    for key in &copies {
        assert!(key.validated, "{key:?}");
        let orphans: i64 = sqlx::query_scalar(AssertSqlSafe(key.orphans.as_str())).fetch_one(branch).await.unwrap();
        assert_eq!(orphans, 0, "{key:?}");
    }
}

async fn nothing_personal_came_along(main: &PgPool, branch: &PgPool) {
    for table in ["auth.sessions", "auth.refresh_tokens", "auth.mfa_factors", "auth.identities"] {
        let count = async |database: &PgPool| -> i64 {
            sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}"))).fetch_one(database).await.unwrap()
        };
        assert!(count(main).await > 0, "{table} has nothing that could be withheld");
        assert_eq!(count(branch).await, 0, "{table}");
    }
    let hashes: i64 = sqlx::query_scalar("select count(encrypted_password) from auth.users").fetch_one(branch).await.unwrap();
    assert_eq!(hashes, 0);
    let control: i64 =
        sqlx::query_scalar("select count(*) from pg_namespace where nspname in ('branching', 'fluxbase')").fetch_one(branch).await.unwrap();
    assert_eq!(control, 0, "the control plane is never cloned");
}
