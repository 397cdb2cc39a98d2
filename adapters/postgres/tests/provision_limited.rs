//! Preparing a database over a login with CREATEDB and CREATEROLE only. Roles belong to the whole server, so these tests have one of their own.

#[allow(dead_code, reason = "the cluster is shared by tests that use different parts of it")]
mod cluster;
#[allow(dead_code, reason = "the rig is shared by tests that use different parts of it")]
mod provision_rig;

use fluxbase_postgres::provision::{
    ANON, AUTHENTICATED, BRANCH_OWNER, CatalogueSignal, MainSeat, ProvisionError, SERVICE_ROLE, ServiceSeat, main_seat, provision,
};
use provision_rig::{TestBox, connect, count, fresh_database, migrate_control, options, superuser};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::Mutex;

/// One after the other: each changes the server's roles.
static TURN: Mutex<()> = Mutex::const_new(());

const PASSWORD: &str = "limited";

/// A login of the usual kind, and a database that it owns with a table in it.
async fn rented_database(name: &str) -> PgPool {
    rented_by(&format!("{name}_admin"), name).await
}

/// The same for a login whose name need be no plain word.
async fn rented_by(admin: &str, name: &str) -> PgPool {
    let quoted = quoted(admin);
    let root = superuser("postgres").await;
    sqlx::raw_sql(AssertSqlSafe(format!("create role {quoted} login createdb createrole password '{PASSWORD}'"))).execute(&root).await.unwrap();
    fresh_database(name).await;
    sqlx::raw_sql(AssertSqlSafe(format!("alter database {name} owner to {quoted}"))).execute(&root).await.unwrap();
    let pool = connect(admin, PASSWORD, name).await;
    sqlx::raw_sql(
        "create table public.notes (id int primary key, owner uuid not null); insert into notes select n, gen_random_uuid() from generate_series(1, 7) n;
         alter table notes enable row level security",
    )
    .execute(&pool)
    .await
    .unwrap();
    migrate_control(&pool).await;
    pool
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What the message of a refused start tells a superuser to do.
async fn let_it_grant(admin: &str) {
    let root = superuser("postgres").await;
    for role in [ANON, AUTHENTICATED, SERVICE_ROLE, BRANCH_OWNER] {
        let there: bool = sqlx::query_scalar("select to_regrole($1) is not null").bind(role).fetch_one(&root).await.unwrap();
        if there {
            sqlx::raw_sql(AssertSqlSafe(format!("grant {role} to {} with admin option", quoted(admin)))).execute(&root).await.unwrap();
        }
    }
}

#[tokio::test]
async fn service_keys_act_as_the_owner_and_see_all() {
    let _turn = TURN.lock().await;
    let pool = rented_database("rented").await;
    let_it_grant("rented_admin").await;
    let first = provision(&pool, &TestBox(1), &options()).await.unwrap();
    let again = provision(&pool, &TestBox(1), &options()).await.unwrap();
    assert_eq!(first.instance, again.instance);
    assert_eq!(first.logins.service.password, again.logins.service.password);
    assert_eq!(first.signal, CatalogueSignal::ChangeToken);
    let codes: Vec<_> = first.capabilities.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["event_triggers", "public_may_connect", "bypass_rls"]);

    assert_eq!(first.service.main_role, "rented_admin");
    assert_eq!(first.service.branch_role, BRANCH_OWNER);
    assert_eq!(first.service.main_seat, ServiceSeat::AdminLogin);
    assert_eq!(count(&pool, "notes").await, 7);
    // What ending its sessions takes, when a branch goes.
    let login = &first.logins.service;
    let may_signal = format!("grant \"{}\" to rented_admin", login.name);
    sqlx::raw_sql(AssertSqlSafe(may_signal)).execute(&pool).await.unwrap();

    // Inside branches the service login becomes their owner, and the admin may give objects to it.
    let service = connect(&login.name, login.password.expose(), "rented").await;
    sqlx::raw_sql("set role fluxbase_branch_owner").execute(&service).await.unwrap();
    sqlx::raw_sql("create schema given; grant create on database rented to fluxbase_branch_owner; alter schema given owner to fluxbase_branch_owner")
        .execute(&pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_login_may_be_called_whatever_a_role_may_be_called() {
    let _turn = TURN.lock().await;
    let admin = "We \"ird\".Name's_admin";
    let pool = rented_by(admin, "odd_login").await;
    let_it_grant(admin).await;
    let first = provision(&pool, &TestBox(1), &options()).await.unwrap();
    let seat = main_seat(&pool, &TestBox(1), &options(), &first.capabilities).await.unwrap();
    assert!(matches!(&seat, MainSeat::AdminLogin { role } if role == admin), "{seat:?}");
    assert_eq!((first.service.main_role.as_str(), first.service.main_seat), (admin, ServiceSeat::AdminLogin));
    // What it makes later is the service's, too: that is said once, not with each start.
    let granted = "pg_default_acl where defaclnamespace = 'public'::regnamespace";
    assert_eq!(count(&pool, granted).await, 3);
    sqlx::raw_sql("create table later (id int)").execute(&pool).await.unwrap();
    assert_eq!(count(&pool, "(select where has_table_privilege('service_role', 'later', 'INSERT')) _").await, 1);
    provision(&pool, &TestBox(1), &options()).await.unwrap();
}

#[tokio::test]
async fn a_second_instance_by_another_login_adopts_the_roles() {
    let _turn = TURN.lock().await;
    let root = superuser("postgres").await;
    for role in [ANON, AUTHENTICATED, SERVICE_ROLE, BRANCH_OWNER] {
        let there: bool = sqlx::query_scalar("select to_regrole($1) is not null").bind(role).fetch_one(&root).await.unwrap();
        if !there {
            sqlx::raw_sql(AssertSqlSafe(format!("create role {role} nologin"))).execute(&root).await.unwrap();
        }
    }
    let pool = rented_database("second").await;
    let provisioned = match provision(&pool, &TestBox(1), &options()).await {
        Err(ProvisionError::Unfit(findings)) => {
            assert!(findings.iter().all(|finding| finding.code == "grant_role"), "{findings:?}");
            assert_eq!(findings.len(), 4);
            assert!(findings[0].way_round.contains("grant \"anon\" to \"second_admin\" with admin option"), "{findings:?}");
            let_it_grant("second_admin").await;
            provision(&pool, &TestBox(1), &options()).await.unwrap()
        }
        outcome => outcome.unwrap(),
    };
    let user = connect(&provisioned.logins.user.name, provisioned.logins.user.password.expose(), "second").await;
    sqlx::raw_sql("set role authenticated").execute(&user).await.unwrap();
    provision(&pool, &TestBox(1), &options()).await.unwrap();
}

#[tokio::test]
async fn a_role_with_powers_of_its_own_is_not_adopted() {
    let _turn = TURN.lock().await;
    let root = superuser("postgres").await;
    let pool = fresh_database("powers").await;
    migrate_control(&pool).await;
    provision(&pool, &TestBox(1), &options()).await.unwrap();
    sqlx::raw_sql("alter role anon createdb").execute(&root).await.unwrap();
    let refused = provision(&pool, &TestBox(1), &options()).await.unwrap_err();
    sqlx::raw_sql("alter role anon nocreatedb; alter role service_role nobypassrls").execute(&root).await.unwrap();
    assert_eq!(
        refused.to_string(),
        "role 'anon' exists and may create databases; Fluxbase does not use it as it is. Run: alter role \"anon\" nocreatedb"
    );
}

#[tokio::test]
async fn what_is_missing_is_told_with_its_way_round() {
    let _turn = TURN.lock().await;
    let root = superuser("postgres").await;
    sqlx::raw_sql("create role powerless login password 'limited'").execute(&root).await.unwrap();
    let owner = fresh_database("missing").await;
    sqlx::raw_sql("create table public.forced (id int); alter table forced enable row level security; alter table forced force row level security")
        .execute(&owner)
        .await
        .unwrap();
    let pool = connect("powerless", PASSWORD, "missing").await;
    let schemas = ["public".to_owned(), "nowhere".to_owned()];
    let capabilities = fluxbase_postgres::provision::probe(&pool, &schemas).await.unwrap();
    let codes: Vec<_> = capabilities.findings.iter().map(|finding| finding.code).filter(|code| *code != "grant_role").collect();
    let expected = [
        "create_schemas",
        "create_roles",
        "create_databases",
        "event_triggers",
        "schema_missing",
        "public_may_connect",
        "bypass_rls",
        "forced_rls",
        "schema_owner",
        "table_owner",
    ];
    assert_eq!(codes, expected);
    assert_eq!(capabilities.forced_rls_tables, ["public.forced"]);
    assert_eq!(capabilities.foreign_relations, ["public.forced"]);
    let refused = capabilities.refuse_if_unfit().unwrap_err().to_string();
    assert!(refused.contains("alter role \"powerless\" createrole") && refused.contains("schema nowhere"), "{refused}");
}

#[tokio::test]
async fn a_login_that_may_not_become_the_owner_of_branches_is_told_so_before_anything_is_made() {
    let _turn = TURN.lock().await;
    let root = superuser("postgres").await;
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int").fetch_one(&root).await.unwrap();
    let pool = rented_database("unset").await;
    let owner: bool = sqlx::query_scalar("select to_regrole($1) is not null").bind(BRANCH_OWNER).fetch_one(&root).await.unwrap();
    if !owner {
        sqlx::raw_sql(AssertSqlSafe(format!("create role {BRANCH_OWNER} nologin"))).execute(&root).await.unwrap();
    }
    // A login of ours has the role from somebody else, so nobody need be let into it.
    let before =
        format!("create role fluxbase_unset login; grant {BRANCH_OWNER} to fluxbase_unset; grant fluxbase_unset to unset_admin with admin option");
    sqlx::raw_sql(AssertSqlSafe(before)).execute(&root).await.unwrap();
    let found = async || {
        let capabilities = fluxbase_postgres::provision::probe(&pool, &["public".to_owned()]).await.unwrap();
        capabilities.findings.into_iter().find(|finding| finding.code == "become_branch_owner")
    };
    // Who is in fluxbase_unset could become the owner through it.
    let (reached, since_16) = (found().await, version >= 160_000);
    assert!(reached.is_none(), "{reached:?}");
    if since_16 {
        sqlx::raw_sql("grant fluxbase_unset to unset_admin with set false, inherit false").execute(&root).await.unwrap();
        let finding = found().await.unwrap();
        assert!(finding.way_round.contains("grant \"fluxbase_branch_owner\" to \"unset_admin\" with inherit false, set true"), "{finding:?}");
        let granted = format!("grant {BRANCH_OWNER} to unset_admin with inherit true, set false");
        sqlx::raw_sql(AssertSqlSafe(granted)).execute(&root).await.unwrap();
        assert!(found().await.unwrap().what.contains("without SET"));
        let way_round = finding.way_round.strip_prefix("let a superuser run: ").unwrap().to_owned();
        sqlx::raw_sql(AssertSqlSafe(way_round)).execute(&root).await.unwrap();
        assert!(found().await.is_none());
    }
    let after = format!("revoke {BRANCH_OWNER} from unset_admin; drop role fluxbase_unset");
    sqlx::raw_sql(AssertSqlSafe(after)).execute(&root).await.unwrap();
}
