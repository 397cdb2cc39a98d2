//! The proof of a clone: what `pg_dump` says of it is what it says of its parent; and of what was withheld, nothing is there.

mod dump;

use dump::{Dumps, assert_equal, found_in_files};
use fluxbase_tests::{ENCRYPTION_KEY, ForeignCluster, Owner, ServerSettings, TestServer, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, postgres::PgPoolOptions};
use std::time::Duration;

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
    make_objects(&parent, &url, owner).await;
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

    // A plain owner does not get past policies that are forced on it; this table is empty.
    let unread = if owner == Owner::Plain { "[app.forced]" } else { "[]" };
    let mut server = settings.clone().set("branching.excluded_table_data", unread).start().await;
    for mode in ["schema_only", "full_clone"] {
        let branch = make_branch(&server, &mode.replace('_', "-"), mode).await;
        assert_eq!(branch["status"], "ready", "PostgreSQL {major} as {owner:?}: {branch}\n{}", server.stderr());
        let database = database_of(&branch);
        let schema_only = mode == "schema_only";
        assert_equal(mode, &dumps.lines(PARENT, schema_only), &dumps.lines(&database, schema_only), &role);
        assert_eq!(kept_settings(&parent, PARENT).await, kept_settings(&parent, &database).await);
        nothing_acts_from(&cluster, &database).await;
    }
    server.stop().await;

    hides_what_is_private(&cluster, &dumps, settings, &parent, &role).await;
    println!("PostgreSQL {major} as {owner:?}: {} lines of dump are equal", dumps.lines(PARENT, false).len());
    parent.close().await;
    cluster.stop().await;
}

/// Beforehand, and with the owner's own rights.
async fn make_objects(superuser: &PgPool, url: &str, owner: Owner) {
    let run = |pool: &PgPool, sql: String| {
        let pool = pool.clone();
        async move { sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap_or_else(|error| panic!("{error}")) }
    };
    run(superuser, include_str!("prelude.sql").to_owned()).await;
    if owner == Owner::Superuser {
        run(superuser, "create extension postgres_fdw".to_owned()).await;
    }
    let own = PgPoolOptions::new().max_connections(1).connect(url).await.unwrap();
    for part in include_str!("objects.sql").split("\n--;\n") {
        run(&own, part.to_owned()).await;
    }
    own.close().await;
    if owner == Owner::Superuser {
        run(superuser, include_str!("superuser.sql").to_owned()).await;
    }
    let settings = format!("alter database {PARENT} set search_path = \"$user\", app, public; alter database {PARENT} set work_mem = '7MB'; analyze");
    run(superuser, settings).await;
}

async fn make_branch(server: &TestServer, name: &str, mode: &str) -> Value {
    let asked = server.send(Method::POST, "admin/branches", &server.owner_key(), &json!({"name": name, "data_clone_mode": mode})).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let mut branch = Value::Null;
    eventually("the branch is made, or refused", Duration::from_mins(2), async || {
        branch = server.get(&format!("admin/branches/{name}"), &server.owner_key()).await.json();
        branch["status"] != "creating"
    })
    .await;
    branch
}

fn database_of(branch: &Value) -> String {
    format!("fluxbase_branch_{}_g{}", branch["slug"].as_str().unwrap(), branch["generation"])
}

/// `ALTER DATABASE .. SET`.
async fn kept_settings(superuser: &PgPool, database: &str) -> Option<Vec<String>> {
    let sql = "select setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = $1 and s.setrole = 0";
    sqlx::query_scalar(sql).bind(database).fetch_optional(superuser).await.unwrap()
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
    assert!(!said.contains("app.people.email") && !said.contains("app.orders.ordered_by"), "{said}");

    let comments = "comment on column app.people.phone is 'to call. @pii phone'; comment on column app.people.nickname is '@pii keep_last(2)';
                    comment on column app.people.born is '@pii date'";
    sqlx::raw_sql(comments).execute(parent).await.unwrap();
    let branch = make_branch(&server, "masked", "full_clone").await;
    assert_eq!(branch["status"], "ready", "{branch}\n{}", server.stderr());
    let withheld = branch["withheld"].as_array().unwrap();
    let of = |table: &str| withheld.iter().find(|entry| entry["table"] == table).unwrap_or_else(|| panic!("{table}: {branch}"));
    let masked: Vec<_> = of("app.people")["masked_columns"].as_array().unwrap().iter().map(|column| (&column["name"], &column["as"])).collect();
    let expected = [("email", "email"), ("phone", "phone"), ("full_name", "name"), ("born", "date"), ("home", "null"), ("nickname", "keep_last(2)")];
    assert_eq!(masked, expected.map(|(name, mask)| (json!(name), json!(mask))).iter().map(|(name, mask)| (name, mask)).collect::<Vec<_>>());
    assert_eq!(of("app.orders")["masked_columns"][0]["as"], "email");
    assert_eq!((&of("app.secrets")["rows"], &of("app.uses")["nulled_columns"][0]), (&json!("all"), &json!("secret")));

    let database = database_of(&branch);
    assert_equal("masked definitions", &dumps.lines(PARENT, true), &dumps.lines(&database, true), role);
    let text = dumps.raw(&database, &[]);
    let found: Vec<_> = SENTINELS.iter().filter(|needle| text.contains(**needle)).collect();
    assert!(found.is_empty(), "in the dump: {found:?}");
    let found = found_in_files(parent, &database, &SENTINELS).await;
    assert!(found.is_empty(), "in the branch's files: {found:#?}");
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
        "select bool_and(convalidated or conname = 'odd_facts') from pg_constraint",
    ];
    for check in checks {
        assert!(sqlx::query_scalar::<_, bool>(check).fetch_one(&branch).await.unwrap(), "{check}");
    }
    branch.close().await;
}
