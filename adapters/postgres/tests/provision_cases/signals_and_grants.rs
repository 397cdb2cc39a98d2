//! What follows changes of the catalogue: notifications, and grants to service keys.

use std::time::Duration;

use fluxbase_postgres::provision::{CatalogueSignal, ProvisionOptions, grant_upon_change, provision, refresh_service_grants};
use sqlx::postgres::PgListener;

use crate::provision_rig::{TestBox, connect, count, options, prepared, run, text};

/// The next notification's payload.
async fn heard(listener: &mut PgListener) -> String {
    let next = tokio::time::timeout(Duration::from_secs(10), listener.recv());
    next.await.expect("a notification within ten seconds").unwrap().payload().to_owned()
}

#[tokio::test]
async fn changes_of_the_catalogue_are_told_and_temporary_tables_are_not() {
    let pool = prepared("signals").await;
    let provisioned = provision(&pool, &TestBox(1), &options()).await.unwrap();
    assert_eq!(provisioned.signal, CatalogueSignal::EventTrigger);
    run(&pool, "create role plain_maker; grant create on schema public to plain_maker").await.unwrap();
    let mut listener = PgListener::connect_with(&pool).await.unwrap();
    listener.listen("fluxbase_catalogue").await.unwrap();
    for told in [
        "create table public.t (id int primary key)",
        "alter table public.t add column name text default 'x'",
        "comment on column public.t.name is 'a name'",
        "grant select on public.t to anon",
        "alter table public.t enable row level security",
        "create view public.v as select * from public.t",
        "drop view public.v",
        "alter table public.t drop column name",
        "drop table public.t",
        "set role plain_maker; create table public.made (id int); reset role",
    ] {
        run(&pool, told).await.unwrap();
        assert_eq!(heard(&mut listener).await, "", "{told}");
    }
    let untold = "create temporary table x (id serial primary key, name text default 'x'); create index on x (name); alter table x drop column name;
                  drop table x; create table if not exists fluxbase.instance (id int)";
    run(&pool, untold).await.unwrap();
    run(&pool, "select pg_notify('fluxbase_catalogue', 'end')").await.unwrap();
    assert_eq!(heard(&mut listener).await, "end");
}

#[tokio::test]
async fn a_signal_that_fails_fails_nobodys_statement() {
    let pool = prepared("broken_signal").await;
    provision(&pool, &TestBox(1), &options()).await.unwrap();
    run(&pool, "create role maker_of_tables login; grant create on schema public to maker_of_tables").await.unwrap();
    // As if the functions that it calls were gone.
    run(
        &pool,
        "revoke execute on function pg_catalog.pg_notify(text, text) from public; grant execute on function pg_catalog.pg_notify(text, text) to anon",
    )
    .await
    .unwrap();
    run(&pool, "set role maker_of_tables; create table public.made (id int); drop table public.made; reset role").await.unwrap();
}

#[tokio::test]
async fn service_keys_get_what_is_new_and_nothing_is_granted_twice() {
    let pool = prepared("grants").await;
    run(&pool, "create schema \"odd \"\"name\"; create table \"odd \"\"name\".\"T\" (id int); create function \"odd \"\"name\".f(int) returns int language sql return 1;
                revoke execute on function \"odd \"\"name\".f(int) from public")
        .await
        .unwrap();
    let options = ProvisionOptions { schemas: vec!["public".to_owned(), "odd \"name".to_owned()], ours: true };
    let login = provision(&pool, &TestBox(1), &options).await.unwrap().logins.service;
    // By default privileges for what the admin makes, by the refresh for what others do.
    run(&pool, "create table public.later (id serial); create role other_maker; grant create on schema public to other_maker").await.unwrap();
    run(&pool, "set role other_maker; create table public.by_other (id serial); reset role").await.unwrap();
    let service = connect(&login.name, login.password.expose(), "grants").await;
    run(
        &service,
        "set role service_role; insert into public.later default values; insert into \"odd \"\"name\".\"T\" values (\"odd \"\"name\".f(1))",
    )
    .await
    .unwrap();
    assert!(run(&service, "insert into public.by_other default values").await.is_err());
    refresh_service_grants(&pool, &options.schemas).await.unwrap();
    run(&service, "insert into public.by_other default values").await.unwrap();
    assert!(run(&service, "select * from fluxbase.keys").await.is_err());
    assert!(run(&service, "select * from auth.users").await.is_err());

    let acl = "select md5(string_agg(oid || ' ' || xmin, ',' order by oid)) from pg_class";
    let before = text(&pool, acl).await;
    refresh_service_grants(&pool, &options.schemas).await.unwrap();
    assert_eq!(before, text(&pool, acl).await);
    assert_eq!(count(&pool, "pg_default_acl").await, 6);
    assert_eq!(text(&pool, "select has_schema_privilege('anon', 'odd \"name', 'USAGE')::text").await.as_deref(), Some("true"));
}

/// A transaction that nobody ends, a prepared one above all, is not waited for: a start hung on it in silence.
#[tokio::test]
async fn a_table_that_somebody_holds_is_granted_when_it_is_let_go_and_keeps_nothing_waiting() {
    let pool = prepared("grants_held").await;
    run(&pool, "create table public.held (id int); create table public.free (id int)").await.unwrap();
    let mut holder = pool.begin().await.unwrap();
    sqlx::raw_sql("alter table public.held add column q int").execute(&mut *holder).await.unwrap();
    let provisioning = async { provision(&pool, &TestBox(1), &options()).await.unwrap() };
    let provisioned = tokio::time::timeout(Duration::from_secs(20), provisioning).await.expect("nobody is waited for");
    let login = provisioned.logins.service;
    let service = connect(&login.name, login.password.expose(), "grants_held").await;
    run(&service, "set role service_role; insert into public.free values (1)").await.unwrap();
    let told = refresh_service_grants(&pool, &options().schemas).await.unwrap_err().to_string();
    assert!(told.contains("on one object that somebody holds") && told.contains("grant all on table public.held to service_role."), "{told}");

    // It comes round to it, though what ends without a change moves no token.
    let upkeep = tokio::spawn(grant_upon_change(pool.clone(), options().schemas, Duration::from_millis(50)));
    let waiting = "pg_locks where not granted and locktype = 'transactionid'";
    let given_up = async {
        while count(&pool, waiting).await == 0 {}
        while count(&pool, waiting).await > 0 {}
    };
    tokio::time::timeout(Duration::from_secs(10), given_up).await.expect("it is tried once");
    holder.rollback().await.unwrap();
    let reached = async { while run(&service, "insert into public.held values (1)").await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(10), reached).await.expect("it is granted at last");
    upkeep.abort();
    refresh_service_grants(&pool, &options().schemas).await.unwrap();
}

#[tokio::test]
async fn where_nothing_tells_of_changes_the_token_does() {
    let pool = prepared("grants_by_token").await;
    let login = provision(&pool, &TestBox(1), &options()).await.unwrap().logins.service;
    let upkeep = tokio::spawn(grant_upon_change(pool.clone(), options().schemas, Duration::from_millis(50)));
    let service = connect(&login.name, login.password.expose(), "grants_by_token").await;
    run(&service, "set role service_role").await.unwrap();
    for table in ["first", "second"] {
        let maker = format!("token_maker_{table}");
        run(
            &pool,
            &format!(
                "create role {maker}; grant create on schema public to {maker}; set role {maker}; create table public.{table} (id int); reset role"
            ),
        )
        .await
        .unwrap();
        let reached = async { while run(&service, &format!("insert into public.{table} values (1)")).await.is_err() {} };
        tokio::time::timeout(Duration::from_secs(10), reached).await.expect("the new table is granted");
    }
    upkeep.abort();
}
