//! What must not happen: other people's rows, writes by reads, SQL by values or names, tables outside of a key's list.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{
    Access, Denied, Failure,
    access::Role,
    branch::DatabaseName,
    table::{FieldPath, Insert, Operator, SelectItem, Test, Value},
};
use futures_util::{StreamExt, stream};
use ports::driven::{BranchSession, BuildError, DatabaseLogin, DatabaseLogins, LoginPurpose, LoginRestorer, Secret};
use serde_json::json;

use super::{
    Who::{Alice, Anon, Bob, Service},
    World, connect,
    inserting::insert,
    only_tables, select,
};

#[tokio::test]
async fn everybody_sees_their_own_rows() {
    let world = World::new("rls").await;
    let ids = |rows: serde_json::Value| rows.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>();
    for _ in 0..3 {
        let (alice, bob, all) = tokio::join!(
            world.read(Alice, "projects", "select=id&order=id"),
            world.read(Bob, "projects", "select=id&order=id"),
            world.read(Service, "projects", "select=id&order=id")
        );
        assert_eq!((ids(alice), ids(bob), ids(all)), (vec![1, 2], vec![3], vec![1, 2, 3]));
    }
    assert_eq!(world.sqlstate(Anon, "projects", "").await, "42501");
    assert_eq!(ids(world.read(Anon, "tags", "select=id&order=id").await), [1, 2, 3]);
    let through_its_owner = world.read(Alice, "leaking", "select=secret").await;
    assert_eq!(through_its_owner, json!([{"secret": "a secret"}]), "a view that runs with its owner's rights is the schema's own decision");
}

/// Logins that no server knows.
#[derive(Debug)]
struct OutOfReach;

impl DatabaseLogins for OutOfReach {
    fn of(&self, purpose: LoginPurpose, _: &DatabaseName) -> DatabaseLogin {
        DatabaseLogin { name: self.image(purpose).to_owned(), password: Secret::new("of branches only") }
    }

    fn image(&self, _: LoginPurpose) -> &'static str {
        "nobody"
    }
}

#[tokio::test]
async fn mains_service_traffic_comes_over_its_own_login() {
    let world = World::with("main_service", |settings| {
        settings.main_database = DatabaseName::existing("data_main_service");
        settings.logins = Arc::new(OutOfReach);
    })
    .await;
    let rows = world.read(Service, "projects", "select=id&order=id").await;
    assert_eq!(rows, json!([{"id": 1}, {"id": 2}, {"id": 3}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_meets_anybody_else_on_a_pooled_connection() {
    let world = World::new("mixed").await;
    let requests = stream::iter(0..1500_u32).map(|number| {
        let world = &world;
        async move {
            let (who, owner, ids) = if number % 3 == 0 { (Bob, "bob", json!([3])) } else { (Alice, "alice", json!([1, 2])) };
            if number % 7 == 0 {
                assert_eq!(world.sqlstate(who, "projects", "id=eq.x").await, "22P02");
            }
            if number % 50 == 0 {
                let mut session = world.session(who, Access::Read).await;
                let slow = select("slow", "");
                assert!(tokio::time::timeout(Duration::from_millis(5), session.select(&slow)).await.is_err());
            }
            let rows = world.read(who, "projects", "select=id,owner_id&order=id").await;
            let expected: Vec<_> = ids.as_array().unwrap().iter().map(|id| json!({"id": id, "owner_id": owner})).collect();
            assert_eq!(rows, json!(expected));
        }
    });
    requests.buffer_unordered(32).collect::<Vec<_>>().await;
}

#[tokio::test]
async fn values_and_names_stay_what_they_are() {
    let world = World::new("injection").await;
    for value in ["'; drop table users; --", "x' or '1'='1", "\\", "\"", "$1", "{\"a\"}", "%", "É\u{1F600}", "null", "a\nb"] {
        let mut request = select("projects", "select=id");
        for operator in [Operator::Eq, Operator::Like, Operator::IsDistinct, Operator::In] {
            let value = if operator == Operator::In { Value::List(vec![value.to_owned()]) } else { Value::Text(value.to_owned()) };
            let test = Test { field: FieldPath::column("name"), operator, quantifier: None, value };
            request.filter = Some(domain::table::Condition::Test(test));
            match world.rows(Service, &request).await {
                Ok(rows) => drop(rows),
                Err(Failure::Database(sql)) => assert_eq!(sql.sqlstate, "22025", "a backslash at the end of a pattern"),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    let written = world.session(Alice, Access::Write).await.insert(&insert("tags", &json!({"id": 9, "name": "'\"\\; --"}))).await.unwrap();
    assert_eq!(written.affected, 1);
    assert_eq!(world.read(Alice, "tags", "select=name&id=eq.9").await, json!([{"name": "'\"\\; --"}]));
    let mut odd = select("x", r#"select="a \"col",select,_r,ünïcode,"al\"ias":"select""#);
    odd.table.name = "odd \"name".to_owned();
    let row = super::json(world.rows(Service, &odd).await.unwrap().document).await.unwrap();
    assert_eq!(row, json!([{"a \"col": 1, "select": "x", "_r": "y", "ünïcode": "z", "al\"ias": "x"}]));
}

#[tokio::test]
async fn a_nul_byte_is_refused_and_the_connection_goes_on() {
    let world = World::new("nul").await;
    let mut request = select("projects", "select=id&name=eq.x");
    let nul = Test { field: FieldPath::column("name"), operator: Operator::Eq, quantifier: None, value: Value::Text("a\0b".to_owned()) };
    request.filter = Some(domain::table::Condition::Test(nul));
    assert_eq!(world.rows(Service, &request).await.unwrap_err().code(), "22021");
    world.read(Service, "projects", "").await;
}

#[tokio::test]
async fn names_outside_the_catalogue_are_unknown() {
    let world = World::new("unknown_names").await;
    for (table, text) in [
        ("projects", "select=xmin"),
        ("projects", "ctid=eq.(0,1)"),
        ("projects", "select=\"id) from users --\""),
        ("projects", "order=\"id; drop table users\""),
        ("projects", "order=\"id\\\" desc, \\\"name\""),
        ("projects", "select=\"set_config('role','x',true)\""),
    ] {
        assert!(matches!(world.refused(Alice, table, text).await, Failure::Invalid(_)), "{text}");
    }
    for table in ["pg_class", "pg_catalog.pg_class", "private.secrets", "measures_2024", "xmin", "\"projects\"", "projects; drop table users"] {
        assert!(matches!(world.refused(Service, table, "").await, Failure::NotFound { .. }), "{table}");
    }
}

#[tokio::test]
async fn columns_that_a_role_has_no_right_on_are_known_as_such() {
    let mut world = World::new("hidden_columns").await;
    world
        .sql(
            "create table partly (id int primary key, told text, kept text, written text);
             grant select (id, told), insert (id, written) on partly to authenticated; grant all on partly to service_role",
        )
        .await;
    let mut session = world.session(Alice, Access::Read).await;
    let seen = async |session: &mut dyn BranchSession, role| {
        let catalogue = session.catalogue().await.unwrap();
        let relation = catalogue.find(None, "partly").unwrap();
        relation.columns_of(role).map(|column| column.name.clone()).collect::<Vec<_>>()
    };
    // A name that is not known yet makes the catalogue be read anew.
    world.sqlstate(Alice, "partly", "").await;
    assert_eq!(seen(&mut *session, Role::Authenticated).await, ["id", "told", "written"]);
    assert_eq!(seen(&mut *session, Role::Service).await, ["id", "told", "kept", "written"]);
    let projects = session.catalogue().await.unwrap();
    assert!(projects.find(None, "projects").unwrap().columns.iter().all(|column| column.hidden_from.is_empty()));
}

#[tokio::test]
async fn a_read_cannot_write() {
    let mut world = World::new("read_only").await;
    assert_eq!(world.sqlstate(Alice, "touching", "").await, "25006");
    let mut session = world.session(Alice, Access::Read).await;
    assert_eq!(session.insert(&insert("notes", &json!({"id": 1}))).await.unwrap_err().code(), "25006");
    assert_eq!(world.value("select count(*) from touched").await, "0");
    let mut session = world.session(Alice, Access::Write).await;
    session.select(&select("touching", "")).await.unwrap();
    assert_eq!(session.insert(&insert("notes", &json!({"id": 1}))).await.unwrap().affected, 1);
}

#[tokio::test]
async fn a_table_list_holds_through_views_and_embeds() {
    let world = World::new("allow_list").await;
    for (tables, table, text, missing) in [
        (&["tasks"][..], "tasks", "select=id", None),
        (&["tasks"], "projects", "select=id", Some("public.projects")),
        (&["tasks"], "tasks", "select=id,projects(id)", Some("public.projects")),
        (&["tasks", "tags"], "tasks", "select=tags(id)", Some("public.task_tags")),
        (&["tasks", "open_tasks"], "open_tasks", "", None),
        (&["over_open_tasks", "open_tasks"], "over_open_tasks", "", Some("public.tasks")),
        (&["leaking"], "leaking", "", Some("private.secrets")),
        (&["projects", "open_tasks"], "projects", "select=open_tasks(id)", Some("public.tasks")),
        (&["projects", "open_tasks", "tasks"], "projects", "select=open_tasks(id)", None),
        (&["open_tasks", "tasks"], "open_tasks", "select=projects(id)", Some("public.projects")),
        (&["task_counts"], "task_counts", "", Some("public.tasks")),
    ] {
        let mut session = world.restricted(Service, Access::Read, only_tables(tables)).await;
        match (session.select(&select(table, text)).await, missing) {
            (Ok(_), None) => {}
            (Err(Failure::Denied(Denied::Table { table })), Some(missing)) => assert_eq!(table, missing),
            (other, _) => panic!("{tables:?} {table}: {other:?}"),
        }
    }
    let mut session = world.restricted(Alice, Access::Write, only_tables(&["tasks"])).await;
    let mut request: Insert = insert("tasks", &json!({"id": 9, "project_id": 1, "title": "t"}));
    request.returning = super::inserting::rows("select=projects(id)", domain::table::Shape::Array);
    assert_eq!(session.insert(&request).await.unwrap_err().code(), "table_not_allowed");
}

#[tokio::test]
async fn a_role_needs_only_the_rights_on_what_it_asks_for() {
    let mut world = World::new("column_rights").await;
    world.sql("create table guarded (id int primary key, open text, secret text); insert into guarded values (1, 'o', 's')").await;
    world.sql("grant select (id, open), insert (id, open), update (open) on guarded to authenticated").await;
    assert_eq!(world.read(Alice, "guarded", "select=open&id=eq.1").await, json!([{"open": "o"}]));
    assert_eq!(world.sqlstate(Alice, "guarded", "").await, "42501");
    assert_eq!(world.sqlstate(Alice, "guarded", "select=id&secret=eq.s").await, "42501");
    let mut request = insert("guarded", &json!({"id": 2, "open": "x"}));
    request.returning = super::inserting::rows("select=id", domain::table::Shape::Array);
    assert_eq!(world.session(Alice, Access::Write).await.insert(&request).await.unwrap().affected, 1);
}

#[tokio::test]
async fn a_statement_ends_at_its_time_limit() {
    let world = World::with("timeout", |settings| settings.statement_timeout = Duration::from_millis(200)).await;
    let start = Instant::now();
    let failure = world.refused(Alice, "slow", "").await;
    assert!(matches!(failure, Failure::TimedOut { limit } if limit.as_millis() == 200), "{failure:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn nothing_listens_or_a_wrong_password_is_unavailable() {
    let world = World::with("away", |settings| {
        settings.main_database = DatabaseName::existing("data_away");
        settings.main_user.password = Some("wrong".into());
    })
    .await;
    let failure = world.refused(Alice, "tags", "").await;
    assert!(matches!(failure, Failure::Unavailable { .. }) && !format!("{failure}").contains("wrong"), "{failure:?}");
    world.read(Service, "tags", "").await;
}

/// Whatever a select list holds, the answer has only what was asked for.
#[tokio::test]
async fn embeds_do_not_show_what_was_not_selected() {
    let world = World::new("hidden").await;
    let request = select("users", "select=id,projects!owner_id()&id=eq.alice");
    assert!(matches!(request.columns[1], SelectItem::Embed(_)));
    let rows = super::json(world.rows(Service, &request).await.unwrap().document).await.unwrap();
    assert_eq!(rows, json!([{"id": "alice"}]));
}

/// Logins of this test alone.
#[derive(Debug)]
struct Taken;

impl DatabaseLogins for Taken {
    fn of(&self, purpose: LoginPurpose, _: &DatabaseName) -> DatabaseLogin {
        DatabaseLogin { name: self.image(purpose).to_owned(), password: Secret::new("ours") }
    }

    fn image(&self, _: LoginPurpose) -> &'static str {
        "taken_user"
    }
}

/// Puts them right, as the admin does.
#[derive(Debug)]
struct Putting;

#[async_trait]
impl LoginRestorer for Putting {
    async fn restore(&self, _: &DatabaseName) -> Result<(), BuildError> {
        sqlx::query("alter role taken_user password 'ours'").execute(&mut connect("postgres").await).await.unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn a_login_whose_password_code_of_the_branch_has_changed_serves_on() {
    let mut world = World::with("taken", |settings| {
        settings.logins = Arc::new(Taken);
        settings.restorer = Arc::new(Putting);
    })
    .await;
    world.sql("create role taken_user login noinherit password 'theirs' in role anon, authenticated").await;
    world.session(Alice, Access::Read).await.catalogue().await.expect("the password is put right, and used again");
}
