//! The `auth` schema: ours, somebody else's, and in a branch.

use fluxbase_postgres::provision::{AuthSchema, ProvisionError, migrate_data, provision};

use crate::provision_rig::{TestBox, connect, options, prepared, run, text};

#[tokio::test]
async fn policies_learn_who_asks_and_nonsense_is_nobody() {
    let pool = prepared("who_asks").await;
    let provisioned = provision(&pool, &TestBox(1), &options()).await.unwrap();
    assert_eq!(provisioned.auth, AuthSchema::Ours);
    let user = connect(&provisioned.logins.user.name, provisioned.logins.user.password.expose(), "who_asks").await;
    run(&user, "set role authenticated").await.unwrap();
    let ask = "select format('%s %s %s', auth.uid(), auth.role(), auth.jwt() ->> 'x')";
    assert_eq!(text(&user, ask).await.as_deref(), Some("  "));
    let cases = [
        ("", "  "),
        (r#"{"sub":"A11CE000-0000-4000-8000-000000000001","role":"authenticated","x":"y"}"#, "a11ce000-0000-4000-8000-000000000001 authenticated y"),
        (r#"{"sub":"auth0|123","role":"anon"}"#, " anon "),
        (r#"{"sub":null}"#, "  "),
        (r#"{"sub":"a11ce000-0000-4000-8000-000000000001\nx"}"#, "  "),
    ];
    for (claims, expected) in cases {
        run(&user, &format!("select set_config('request.jwt.claims', '{claims}', false)")).await.unwrap();
        assert_eq!(text(&user, ask).await.as_deref(), Some(expected), "{claims}");
    }
    for table in ["users", "sessions", "refresh_tokens", "mfa_factors", "identities"] {
        assert!(run(&user, &format!("select * from auth.{table}")).await.is_err(), "{table}");
    }
}

#[tokio::test]
async fn tables_of_auth_are_nobodys_whatever_default_privileges_say() {
    let pool = prepared("defaults").await;
    let provisioned = provision(&pool, &TestBox(1), &options()).await.unwrap();
    run(&pool, "drop schema auth cascade; drop schema fluxbase_migrations cascade; alter default privileges grant all on tables to anon, public")
        .await
        .unwrap();
    provision(&pool, &TestBox(1), &options()).await.unwrap();
    let user = connect(&provisioned.logins.user.name, provisioned.logins.user.password.expose(), "defaults").await;
    run(&user, "set role anon").await.unwrap();
    assert!(run(&user, "select * from auth.refresh_tokens").await.is_err());
}

#[tokio::test]
async fn a_foreign_auth_schema_is_left_as_it_is() {
    let pool = prepared("foreign_auth").await;
    run(
        &pool,
        "create schema auth; create table auth.users (id uuid primary key, email varchar, created_at timestamptz);
         create function auth.uid() returns uuid language sql return null::uuid",
    )
    .await
    .unwrap();
    for _ in 0..2 {
        let provisioned = provision(&pool, &TestBox(1), &options()).await.unwrap();
        assert_eq!(provisioned.auth, AuthSchema::Foreign);
    }
    let tables = text(&pool, "select string_agg(relname, ',') from pg_class where relnamespace = 'auth'::regnamespace and relkind = 'r'").await;
    assert_eq!(tables.as_deref(), Some("users"));
}

#[tokio::test]
async fn an_auth_schema_that_policies_cannot_ask_is_refused() {
    let pool = prepared("strange_auth").await;
    run(&pool, "create schema auth; create table auth.accounts (id int)").await.unwrap();
    let refused = provision(&pool, &TestBox(1), &options()).await.unwrap_err();
    assert!(matches!(refused, ProvisionError::UnknownAuthSchema), "{refused}");
    // Users are looked for at every request with a key.
    run(&pool, "create function auth.uid() returns uuid language sql return null::uuid").await.unwrap();
    let refused = provision(&pool, &TestBox(1), &options()).await.unwrap_err();
    assert!(matches!(refused, ProvisionError::UnknownAuthSchema) && refused.to_string().contains("auth.users"), "{refused}");
}

#[tokio::test]
async fn a_branchs_database_is_migrated_by_the_owner_of_its_objects() {
    let pool = prepared("main_of_branch").await;
    let builder = provision(&pool, &TestBox(1), &options()).await.unwrap().logins.builder;
    run(&pool, "create database branch_of_main").await.unwrap();
    run(&pool, "grant create on database branch_of_main to fluxbase_branch_owner").await.unwrap();
    let branch = connect(&builder.name, builder.password.expose(), "branch_of_main").await;
    for _ in 0..2 {
        assert_eq!(migrate_data(&branch).await.unwrap(), AuthSchema::Ours);
    }
    let owners =
        text(&branch, "select string_agg(distinct pg_get_userbyid(relowner), ',') from pg_class where relnamespace = 'auth'::regnamespace").await;
    assert_eq!(owners.as_deref(), Some("fluxbase_branch_owner"));
    // An id alone holds a foreign key.
    run(&branch, "insert into auth.users (id) values (gen_random_uuid()), (gen_random_uuid())").await.unwrap();

    run(&branch, "drop schema fluxbase_migrations cascade").await.unwrap();
    assert!(matches!(migrate_data(&branch).await, Err(ProvisionError::LedgerLost)));
}
