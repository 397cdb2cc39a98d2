//! Starting again, at once, beside others, with another key.

use fluxbase_postgres::provision::{ProvisionError, check_database_prefix, check_encryption_key, provision};
use sqlx::PgPool;
use uuid::Uuid;

use crate::provision_rig::{TestBox, options, prepared, run, text};

/// Everything that provisioning writes in a database, and what it made of its own logins.
async fn marks(pool: &PgPool) -> Option<String> {
    text(
        pool,
        "select md5(string_agg(mark, ',' order by mark)) from (
             select 'class ' || oid || ' ' || xmin from pg_class union all select 'proc ' || oid || ' ' || xmin from pg_proc
             union all select 'namespace ' || oid || ' ' || xmin from pg_namespace union all select 'acl ' || oid || ' ' || xmin from pg_default_acl
             union all select 'trigger ' || oid || ' ' || xmin from pg_event_trigger
             union all select 'login ' || name || ' ' || xmin from fluxbase.logins union all select 'instance ' || xmin from fluxbase.instance
             union all select 'role ' || a.oid || ' ' || a.xmin from pg_authid a join fluxbase.logins l on l.name = a.rolname
             union all select 'member ' || m.roleid || ' ' || m.xmin from pg_auth_members m join pg_roles r on r.oid = m.member join fluxbase.logins l on l.name = r.rolname
             union all select 'setting ' || s.setrole || ' ' || s.xmin from pg_db_role_setting s join pg_roles r on r.oid = s.setrole join fluxbase.logins l on l.name = r.rolname
         ) marks (mark)",
    )
    .await
}

#[tokio::test]
async fn a_second_start_changes_nothing() {
    let pool = prepared("second_start").await;
    run(&pool, "create table public.notes (id int); create function public.f() returns int language sql return 1; create sequence public.s")
        .await
        .unwrap();
    let first = provision(&pool, &TestBox(1), &options()).await.unwrap();
    let before = marks(&pool).await;
    let second = provision(&pool, &TestBox(1), &options()).await.unwrap();
    assert_eq!(before, marks(&pool).await);
    assert_eq!(first.instance, second.instance);
    assert_eq!(first.logins.user.password, second.logins.user.password);
}

#[tokio::test]
async fn replicas_that_start_at_once_agree() {
    let pool = prepared("at_once").await;
    let (secrets, options) = (TestBox(1), options());
    let (one, two, three) =
        tokio::join!(provision(&pool, &secrets, &options), provision(&pool, &secrets, &options), provision(&pool, &secrets, &options));
    let (one, two, three) = (one.unwrap(), two.unwrap(), three.unwrap());
    assert!(one.instance == two.instance && two.instance == three.instance);
    assert!(one.logins.builder.password == two.logins.builder.password && two.logins.builder.password == three.logins.builder.password);
}

#[tokio::test]
async fn instances_that_start_at_once_on_one_server_have_logins_of_their_own() {
    let (here, there) = (prepared("here").await, prepared("there").await);
    let (secrets, options) = (TestBox(1), options());
    let (one, two) = tokio::join!(provision(&here, &secrets, &options), provision(&there, &secrets, &options));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.instance, two.instance);
    assert_ne!(one.logins.user.name, two.logins.user.name);
    assert!(one.logins.user.name.starts_with(&format!("fluxbase_{}_user", &one.instance.to_string()[..8])));
}

#[tokio::test]
async fn another_key_stops_the_start() {
    let pool = prepared("other_key").await;
    provision(&pool, &TestBox(1), &options()).await.unwrap();
    let refused = provision(&pool, &TestBox(2), &options()).await.unwrap_err();
    assert!(matches!(refused, ProvisionError::WrongEncryptionKey), "{refused}");
    check_encryption_key(&pool, "key 1").await.unwrap();
    assert!(matches!(check_encryption_key(&pool, "key 2").await, Err(ProvisionError::WrongEncryptionKey)));
}

#[tokio::test]
async fn another_prefix_than_that_of_the_branches_is_refused() {
    let pool = prepared("prefixed").await;
    let instance = provision(&pool, &TestBox(1), &options()).await.unwrap().instance;
    let (main, branch) = (Uuid::from_u128(0xa0 << 120), Uuid::from_u128(0xb0 << 120));
    for (id, slug, kind, parent) in [(main, "main", "main", "null".to_owned()), (branch, "pr-1", "preview", format!("'{main}'"))] {
        let values = format!("'{id}', '{slug}', '{slug}', '{kind}', 'ready', 'schema_only', {parent}, now(), now(), 1");
        let columns = "id, name, slug, type, status, data_clone_mode, parent_id, created_at, updated_at, generation";
        run(&pool, &format!("insert into branching.branches ({columns}) values ({values})")).await.unwrap();
    }
    run(&pool, r#"create database "kept_pr-1_g1""#).await.unwrap();
    let mark = format!(r#"{{"fluxbase":{{"instance":"{instance}","branch":"{branch}","generation":1}}}}"#);
    run(&pool, &format!(r#"comment on database "kept_pr-1_g1" is '{mark}'"#)).await.unwrap();

    check_database_prefix(&pool, instance, "kept_").await.unwrap();
    for other in ["ke", "other_"] {
        let refused = check_database_prefix(&pool, instance, other).await.unwrap_err().to_string();
        assert!(refused.contains("branching.database_prefix") && refused.contains("kept_pr-1_g1"), "{refused}");
    }
    // Another instance's is nothing to us, and what is gone is nowhere.
    check_database_prefix(&pool, Uuid::nil(), "other_").await.unwrap();
    run(&pool, r#"drop database "kept_pr-1_g1""#).await.unwrap();
    check_database_prefix(&pool, instance, "other_").await.unwrap();
}
