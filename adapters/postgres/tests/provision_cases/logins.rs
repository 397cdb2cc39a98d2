//! What the logins can and cannot become.

use fluxbase_postgres::provision::{Login, ProvisionError, ServiceSeat, provision};
use sqlx::PgPool;

use crate::provision_rig::{TestBox, connect, fresh_database, migrate_control, options, prepared, run, text};

async fn log_in(login: &Login, database: &str) -> PgPool {
    connect(&login.name, login.password.expose(), database).await
}

#[tokio::test]
async fn each_login_becomes_what_it_is_for_and_nothing_else() {
    let pool = prepared("becoming").await;
    run(&pool, "create schema extensions; alter database becoming set jit = on; alter database becoming set search_path = app, \"$user\", public")
        .await
        .unwrap();
    run(&pool, "create schema app").await.unwrap();
    let provisioned = provision(&pool, &TestBox(1), &options()).await.unwrap();

    let user = log_in(&provisioned.logins.user, "becoming").await;
    for role in ["service_role", "fluxbase_branch_owner", "postgres", "pg_read_all_data"] {
        assert!(run(&user, &format!("set role {role}")).await.is_err(), "{role}");
    }
    for role in ["anon", "authenticated"] {
        run(&user, &format!("set role {role}")).await.unwrap();
    }
    assert_eq!(text(&user, "show search_path").await.as_deref(), Some("public, app, extensions"));
    assert_eq!(text(&user, "show jit").await.as_deref(), Some("off"), "whatever the server has");
    assert!(run(&user, "reset role; select * from fluxbase.logins").await.is_err());

    let service = log_in(&provisioned.logins.service, "becoming").await;
    assert_eq!(provisioned.service.main_seat, ServiceSeat::ServiceLogin);
    run(&service, "set role service_role").await.unwrap();
    assert!(run(&service, "set role authenticated").await.is_err());
    assert_eq!(text(&service, "select rolbypassrls::text from pg_roles where rolname = current_user").await.as_deref(), Some("true"));

    let builder = log_in(&provisioned.logins.builder, "becoming").await;
    run(&builder, "reset role").await.unwrap();
    assert_eq!(
        text(&builder, "select current_user || ' ' || current_setting('search_path')").await.as_deref(),
        Some("fluxbase_branch_owner pg_catalog")
    );
}

#[tokio::test]
async fn an_admin_of_our_schemas_name_makes_its_tables_where_it_did_before() {
    let root = fresh_database("admins_name").await;
    run(&root, "create role fluxbase superuser login password 'f'; create role branching superuser login password 'b'").await.unwrap();
    run(&root, "alter role branching set search_path = app, \"$user\", \"$user\", public; create schema app").await.unwrap();
    for (admin, password, path, user_path) in [("fluxbase", "f", "public", "public"), ("branching", "b", "app, public", "public")] {
        let pool = connect(admin, password, "admins_name").await;
        migrate_control(&pool).await;
        let provisioned = provision(&pool, &TestBox(1), &options()).await.unwrap();
        provision(&pool, &TestBox(1), &options()).await.unwrap();
        pool.close().await;
        let later = connect(admin, password, "admins_name").await;
        assert_eq!(text(&later, "show search_path").await.as_deref(), Some(path));
        let user = log_in(&provisioned.logins.user, "admins_name").await;
        assert_eq!(text(&user, "show search_path").await.as_deref(), Some(user_path));
    }
    assert_eq!(text(&root, "show search_path").await.as_deref(), Some("\"$user\", public"), "others keep theirs");
}

#[tokio::test]
async fn a_user_login_that_was_made_superuser_stops_the_start() {
    let pool = prepared("made_superuser").await;
    let name = provision(&pool, &TestBox(1), &options()).await.unwrap().logins.user.name;
    for attribute in ["superuser", "bypassrls"] {
        run(&pool, &format!("alter role {name} {attribute}")).await.unwrap();
        let refused = provision(&pool, &TestBox(1), &options()).await.unwrap_err();
        assert!(matches!(&refused, ProvisionError::UnsafeLogin { login, .. } if *login == name), "{refused}");
        run(&pool, &format!("alter role {name} no{attribute}")).await.unwrap();
    }
    provision(&pool, &TestBox(1), &options()).await.unwrap();
}

#[tokio::test]
async fn a_user_login_that_can_become_more_stops_the_start_with_the_way_it_can() {
    let pool = prepared("becoming_more").await;
    let name = provision(&pool, &TestBox(1), &options()).await.unwrap().logins.user.name;
    run(&pool, "create role between_two; create role at_the_end superuser; grant at_the_end to between_two").await.unwrap();
    run(&pool, &format!("grant between_two to {name}")).await.unwrap();
    let refused = provision(&pool, &TestBox(1), &options()).await.unwrap_err();
    let expected = format!(
        "login '{name}' can become 'at_the_end', through 'between_two': traffic over it would not be held by row level security. \
         Run: revoke \"at_the_end\" from \"between_two\""
    );
    assert_eq!(refused.to_string(), expected);
    run(&pool, &format!("revoke between_two from {name}")).await.unwrap();
    provision(&pool, &TestBox(1), &options()).await.unwrap();
}

#[tokio::test]
async fn a_password_that_cannot_be_read_is_made_anew() {
    let pool = prepared("lost_password").await;
    let first = provision(&pool, &TestBox(1), &options()).await.unwrap();
    run(&pool, "delete from fluxbase.logins where name like '%_user'; update fluxbase.logins set sealed_password = 'x' where name like '%_service'")
        .await
        .unwrap();
    run(&pool, &format!("alter role {} inherit nologin", first.logins.user.name)).await.unwrap();
    let second = provision(&pool, &TestBox(1), &options()).await.unwrap();
    assert_ne!(first.logins.user.password, second.logins.user.password);
    assert_ne!(first.logins.service.password, second.logins.service.password);
    assert_eq!(first.logins.builder.password, second.logins.builder.password);
    for login in [&second.logins.user, &second.logins.service, &second.logins.builder] {
        assert_eq!(text(&log_in(login, "lost_password").await, "select session_user::text").await.as_deref(), Some(login.name.as_str()));
    }
}

#[tokio::test]
async fn a_login_that_somebody_dropped_comes_back_with_its_password() {
    let pool = prepared("dropped_login").await;
    let first = provision(&pool, &TestBox(1), &options()).await.unwrap();
    run(&pool, &format!("drop role {}", first.logins.builder.name)).await.unwrap();
    let second = provision(&pool, &TestBox(1), &options()).await.unwrap();
    assert_eq!(first.logins.builder.password, second.logins.builder.password);
    log_in(&second.logins.builder, "dropped_login").await;
}

#[tokio::test]
async fn nobody_may_connect_but_our_logins_may() {
    let pool = prepared("closed").await;
    run(&pool, "revoke all on database closed from public").await.unwrap();
    let provisioned = provision(&pool, &TestBox(1), &options()).await.unwrap();
    log_in(&provisioned.logins.user, "closed").await;
    log_in(&provisioned.logins.service, "closed").await;
}
