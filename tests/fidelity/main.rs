//! The proof of a clone: what `pg_dump` says of it is what it says of its parent; and of what was withheld, nothing is there.

mod dump;
mod files;
mod load;
mod matrix;

use dump::{Dumps, assert_equal, withheld_lines};
use files::{end_of_log, found_elsewhere, found_in_files, found_in_log};
use fluxbase_tests::{ENCRYPTION_KEY, ForeignCluster, Owner, ServerSettings, TestServer, eventually};
use load::Pgbench;
use matrix::World;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, postgres::PgPoolOptions};
use std::{path::Path, time::Duration};

/// The parent's database, and its plain owner.
const PARENT: &str = "faithful";

/// What is planted in columns that are masked, in rows that are excluded, and in what belongs to other servers.
const SENTINELS: [&str; 6] = ["sentinel-8c1f", "Sentinela", "5551234", "Sentinelnick", "sentinel street", "sentinel-secret"];

#[tokio::test]
async fn postgresql_15_as_superuser() {
    clones_are_faithful(15, Owner::Superuser).await;
}

#[tokio::test]
async fn postgresql_15_as_a_plain_owner() {
    clones_are_faithful(15, Owner::Plain).await;
}

#[tokio::test]
async fn postgresql_18_as_superuser() {
    clones_are_faithful(18, Owner::Superuser).await;
}

#[tokio::test]
async fn postgresql_18_as_a_plain_owner() {
    clones_are_faithful(18, Owner::Plain).await;
}

async fn clones_are_faithful(major: u32, owner: Owner) {
    let Some(cluster) = ForeignCluster::start(major).await else { return };
    let url = cluster.database(owner, PARENT, &[]).await;
    let parent = cluster.superuser(PARENT).await;
    make_objects(&parent, &url, major, owner).await;
    let mut server = parent.connect_options().to_url_lossy();
    // What only our own client understands.
    server.set_query(None);
    let dumps = Dumps { tools: cluster.tools().into(), server };
    let role =
        if owner == Owner::Plain { PARENT.to_owned() } else { sqlx::query_scalar("select current_user::text").fetch_one(&parent).await.unwrap() };
    let settings = ServerSettings::new()
        .set("database.url", &url)
        .set("security.encryption_key", ENCRYPTION_KEY)
        .set("database.schemas", "[app]")
        .set("database.tools", cluster.tools());

    let pgbench = Pgbench { program: Path::new(cluster.tools()).join("pgbench"), url: url.parse().unwrap() };
    pgbench.make_tables();
    let seeds = tempfile::tempdir().unwrap();
    for (file, text) in matrix::SEEDS {
        std::fs::write(seeds.path().join(file), text).unwrap();
    }
    let settings = settings.set("branching.seeds_dir", &seeds.path().display().to_string());

    // A plain owner does not get past policies that are forced on it; this table is empty.
    let unread = if owner == Owner::Plain { "[app.forced]" } else { "[]" };
    let mut server = settings.clone().set("branching.excluded_table_data", unread).start().await;
    migrate_main(&server).await;
    let stays_behind = expected_to_stay_behind(major, owner);
    let world = World {
        major,
        owner,
        cluster: &cluster,
        server: &server,
        dumps: &dumps,
        pgbench: &pgbench,
        parent: &parent,
        role: &role,
        stays_behind: &stays_behind,
    };
    for row in matrix::rows(major, owner) {
        world.try_row(row).await;
    }
    server.stop().await;

    hides_what_is_private(&cluster, &dumps, settings, &parent, &role).await;
    parent.close().await;
    cluster.stop().await;
}

/// So that there is something to drift from. It defines nothing: an event trigger here writes to a table that whoever migrates may not write.
async fn migrate_main(server: &TestServer) {
    let files = json!({"files": [{"name": "1_migrated.sql", "sql": "select 1;"}]});
    let asked = server.send(Method::POST, "admin/branches/main/migrate", &server.owner_key(), &files).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let operation = asked.json()["operation"]["id"].as_str().unwrap().to_owned();
    eventually("main is migrated", Duration::from_mins(1), async || {
        let found = server.get(&format!("admin/operations/{operation}"), &server.owner_key()).await.json();
        assert_ne!(found["status"], "failed", "{found}");
        found["status"] == "succeeded"
    })
    .await;
}

/// Beforehand, and with the owner's own rights.
async fn make_objects(superuser: &PgPool, url: &str, major: u32, owner: Owner) {
    let run = |pool: &PgPool, sql: String| {
        let pool = pool.clone();
        async move { sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap_or_else(|error| panic!("{error}")) }
    };
    run(superuser, include_str!("prelude.sql").to_owned()).await;
    if owner == Owner::Superuser {
        run(superuser, "create extension postgres_fdw".to_owned()).await;
    }
    let own = PgPoolOptions::new().max_connections(1).connect(url).await.unwrap();
    let newer = if major >= 18 { include_str!("postgresql_18.sql") } else { "" };
    for part in [include_str!("objects.sql"), include_str!("edges.sql"), newer].iter().flat_map(|file| file.split("\n--;\n")) {
        run(&own, part.to_owned()).await;
    }
    run(&own, format!("create schema {}", load::SCHEMA)).await;
    own.close().await;
    let beyond = match owner {
        Owner::Superuser => [include_str!("superuser.sql"), include_str!("edges_superuser.sql")].as_slice(),
        Owner::Plain => &[include_str!("beyond_a_plain_owner.sql")],
    };
    let newer = if major >= 18 && owner == Owner::Superuser { include_str!("postgresql_18_superuser.sql") } else { "" };
    for file in beyond.iter().copied().chain([newer]) {
        run(superuser, file.to_owned()).await;
    }
    let settings = format!(
        "alter database {PARENT} set search_path = \"$user\", app, public; alter database {PARENT} set work_mem = '7MB';
         alter database {PARENT} connection limit 90; analyze"
    );
    run(superuser, settings).await;
}

/// Only what could give a branch's owner the rights of a superuser, and what the server's login may not make.
fn expected_to_stay_behind(major: u32, owner: Owner) -> Vec<&'static str> {
    match (owner, major) {
        (Owner::Plain, _) => vec!["app.watched", "pg_catalog.pg_statistic"],
        (Owner::Superuser, 17..) => vec!["app.e_definer", "app.f_login"],
        (Owner::Superuser, _) => vec!["app.e_definer"],
    }
}

async fn make_branch(server: &TestServer, name: &str, mode: &str) -> Value {
    let asked = server.send(Method::POST, "admin/branches", &server.owner_key(), &json!({"name": name, "data_clone_mode": mode})).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    settled(server, name).await
}

/// The branch, once nothing is made of it any more.
async fn settled(server: &TestServer, name: &str) -> Value {
    let mut branch = Value::Null;
    eventually("the branch is made, or refused", Duration::from_mins(2), async || {
        branch = server.get(&format!("admin/branches/{name}"), &server.owner_key()).await.json();
        branch["status"] != "creating" && branch["operation_id"].is_null()
    })
    .await;
    branch
}

fn database_of(branch: &Value) -> String {
    format!("fluxbase_branch_{}_g{}", branch["slug"].as_str().unwrap(), branch["generation"])
}

/// `ALTER DATABASE .. SET`, and the connection limit.
async fn settings_of(superuser: &PgPool, database: &str) -> Option<(Vec<String>, i32)> {
    let sql = "select setconfig, datconnlimit from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
                where d.datname = $1 and s.setrole = 0";
    sqlx::query_as(sql).bind(database).fetch_optional(superuser).await.unwrap()
}

/// A branch acts on no other server.
async fn nothing_acts_from(cluster: &ForeignCluster, database: &str) {
    let branch = cluster.superuser(database).await;
    let sql = "select (select count(*) from pg_user_mappings) + (select count(*) from pg_publication) + (select count(*) from pg_subscription)";
    let found: i64 = sqlx::query_scalar(sql).fetch_one(&branch).await.unwrap();
    assert_eq!(found, 0);
    let owners = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where n.nspname = 'app' and c.relowner <> 'fluxbase_branch_owner'::regrole
                     and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')";
    assert_eq!(sqlx::query_scalar::<_, i64>(owners).fetch_one(&branch).await.unwrap(), 0);
    // Only the functions of event triggers are not the owner's, who must not put its own code in their place, and those that it must not call.
    let routines = "select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                     where n.nspname = 'app' and (p.proowner <> 'fluxbase_branch_owner'::regrole)
                             <> (p.prokind <> 'a' and not (select lanpltrusted from pg_language l where l.oid = p.prolang)
                                 or exists (select from pg_event_trigger t where t.evtfoid = p.oid))
                       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype in ('e', 'i'))";
    assert_eq!(sqlx::query_scalar::<_, i64>(routines).fetch_one(&branch).await.unwrap(), 0);
    branch.close().await;
}

/// The rules of a server that masks: by configuration, and by comments.
async fn hides_what_is_private(cluster: &ForeignCluster, dumps: &Dumps, settings: ServerSettings, parent: &PgPool, role: &str) {
    let settings = settings
        .set(
            "branching.masking",
            r#"[{column="app.people.email",as="email"},{column="app.people.full_name",as="name"},{column="app.people.home",as="null"}]"#,
        )
        .set("branching.excluded_table_data", "[app.secrets,app.forced]");
    let mut server = settings.clone().start().await;
    let refused = make_branch(&server, "unclassified", "full_clone").await;
    assert_eq!(refused["status"], "error", "{refused}");
    let said = refused["error"].as_str().unwrap();
    assert!(said.contains("app.people.phone") && said.contains("app.people.nickname") && said.contains("app.people.born"), "{said}");
    assert!(["at", "deep"].iter().all(|column| said.contains(&format!("app.deep_rows.{column} (the attribute 'street' of its type"))), "{said}");
    assert!(!said.contains("app.people.email") && !said.contains("app.orders.ordered_by"), "{said}");

    let comments = "comment on column app.people.phone is 'to call. @pii phone'; comment on column app.people.nickname is '@pii keep_last(2)';
                    comment on column app.people.born is '@pii date'; comment on column app.deep_rows.at is '@pii keep';
                    comment on column app.deep_rows.deep is '@pii keep'";
    sqlx::raw_sql(comments).execute(parent).await.unwrap();
    let before = end_of_log(parent).await;
    let branch = make_branch(&server, "masked", "full_clone").await;
    assert_eq!(branch["status"], "ready", "{branch}\n{}", server.stderr());
    // Before a checkpoint takes it away.
    let found = found_in_log(parent, &before, &["@example.invalid"]).await;
    assert!(!found.is_empty(), "it logged the masked addresses");
    let found = found_in_log(parent, &before, &SENTINELS).await;
    assert!(found.is_empty(), "in what PostgreSQL logged of the branch: {found:#?}");
    let withheld = branch["withheld"].as_array().unwrap();
    let of = |table: &str| withheld.iter().find(|entry| entry["table"] == table).unwrap_or_else(|| panic!("{table}: {branch}"));
    let masked: Vec<_> = of("app.people")["masked_columns"].as_array().unwrap().iter().map(|column| (&column["name"], &column["as"])).collect();
    let expected = [("email", "email"), ("phone", "phone"), ("full_name", "name"), ("born", "date"), ("home", "null"), ("nickname", "keep_last(2)")];
    assert_eq!(masked, expected.map(|(name, mask)| (json!(name), json!(mask))).iter().map(|(name, mask)| (name, mask)).collect::<Vec<_>>());
    assert_eq!(of("app.orders")["masked_columns"][0]["as"], "email");
    assert_eq!((&of("app.secrets")["rows"], &of("app.uses")["nulled_columns"][0]), (&json!("all"), &json!("secret")));

    let database = database_of(&branch);
    let objects = withheld_lines(&branch);
    assert_equal("masked definitions", &dumps.lines(PARENT, true, &objects), &dumps.lines(&database, true, &objects), role);
    let text = dumps.raw(&database, &[]);
    let found: Vec<_> = SENTINELS.iter().filter(|needle| text.contains(**needle)).collect();
    assert!(found.is_empty(), "in the dump: {found:?}");
    let found = found_in_files(parent, &database, &SENTINELS).await;
    assert!(found.is_empty(), "in the branch's files: {found:#?}");
    let found = found_elsewhere(parent, PARENT, &SENTINELS).await;
    assert!(found.is_empty(), "in files that are not the parent's: {found:#?}");
    let planted = found_in_files(parent, PARENT, &SENTINELS).await;
    assert!(SENTINELS.iter().all(|needle| planted.iter().any(|found| found.starts_with(needle))), "the parent has them all: {planted:?}");
    joins_hold(cluster, &database).await;
    server.stop().await;
}

/// Equal values are equal still, wherever they stand.
async fn joins_hold(cluster: &ForeignCluster, database: &str) {
    let branch = cluster.superuser(database).await;
    let checks = [
        "select count(*) = 3000 and count(distinct email) = 3000 and count(distinct phone) = 3000 from app.people",
        "select count(*) = 3000 from app.orders o join app.people p on p.email = o.ordered_by and p.id = o.person",
        "select bool_and(handle = lower(split_part(full_name, ' ', 1)) and born < date '1980-01-01') from app.people",
        "select sum(people) = 3000 from app.by_mood",
        "select count(*) = 0 from app.secrets",
        "select bool_and(convalidated or conname in ('odd_facts', 'never_true', 'nowhere', 'later_is_positive', 'c_later', 'n_positive', 'no_parent'))
           from pg_constraint",
    ];
    for check in checks {
        assert!(sqlx::query_scalar::<_, bool>(check).fetch_one(&branch).await.unwrap(), "{check}");
    }
    branch.close().await;
}
