//! Definitions that change while they are in use.

use std::time::{Duration, Instant};

use domain::{Access, BranchId, Failure, access::Role, branch::DatabaseName, catalogue::RelationKind, table::QualifiedName};
use serde_json::json;

use fluxbase_postgres::wire::Host;
use ports::driven::{OpenDatabase, OpenDatabases};

use crate::{black_hole::BlackHole, cluster::cluster};

use super::{
    Who::{Alice, Service},
    World, select,
};

#[tokio::test]
async fn new_names_are_known_at_once() {
    let mut world = World::new("ddl").await;
    world.read(Alice, "notes", "").await;
    world.sql("create table fresh (id int); grant all on fresh to authenticated").await;
    assert_eq!(world.read(Alice, "fresh", "").await, json!([]));
    world.sql("alter table fresh add column more text default 'm'; insert into fresh values (1)").await;
    assert_eq!(world.read(Alice, "fresh", "select=more&more=eq.m").await, json!([{"more": "m"}]));
    world.sql("create table parents (id int primary key); grant all on parents to authenticated; insert into parents values (1)").await;
    world.sql("alter table fresh add foreign key (id) references parents").await;
    assert_eq!(world.read(Alice, "fresh", "select=parents(id)").await, json!([{"parents": {"id": 1}}]));
    world.sql("alter table fresh drop column more; alter table fresh rename column id to key").await;
    assert!(matches!(world.refused(Alice, "fresh", "select=more").await, Failure::Invalid(_)));
    assert_eq!(world.read(Alice, "fresh", "select=key").await, json!([{"key": 1}]));
    world.sql("drop table fresh").await;
    assert!(matches!(world.refused(Alice, "fresh", "").await, Failure::NotFound { .. }));
}

/// A prepared statement keeps its parameters' types, whatever becomes of the column.
#[tokio::test]
async fn a_column_may_change_its_type() {
    let mut world = World::new("retyped").await;
    world.sql("create table shifting (key int); insert into shifting values (1); grant all on shifting to authenticated").await;
    for _ in 0..3 {
        assert_eq!(world.read(Alice, "shifting", "key=eq.1").await, json!([{"key": 1}]));
    }
    world.sql("alter table shifting alter column key type text using 'n' || key").await;
    let start = Instant::now();
    let rows = loop {
        match world.try_read(Alice, "shifting", "key=eq.n1").await {
            Ok(rows) => break rows,
            Err(failure) => assert!(start.elapsed() < Duration::from_secs(6), "{failure:?}"),
        }
    };
    assert_eq!(rows, json!([{"key": "n1"}]));
}

#[tokio::test]
async fn other_changes_are_known_soon_and_by_word_at_once() {
    let mut world = World::new("polling").await;
    world.read(Alice, "notes", "").await;
    world.sql("alter table notes add column extra int").await;
    let start = Instant::now();
    while world.read(Alice, "notes", "limit=1&id=eq.0").await != json!([])
        || world
            .session(Alice, Access::Read)
            .await
            .catalogue()
            .await
            .unwrap()
            .get(&QualifiedName::new("public", "notes"))
            .unwrap()
            .column("extra")
            .is_none()
    {
        assert!(start.elapsed() < Duration::from_secs(6), "the token is looked at every two seconds");
    }
    let name = world.name.clone();
    world.databases.set_has_event_trigger(&name, true);
    world.read(Alice, "notes", "").await;
    world.sql("alter table notes add column told int").await;
    world.databases.invalidate(&name);
    let catalogue = world.session(Alice, Access::Read).await.catalogue().await.unwrap();
    assert!(catalogue.get(&QualifiedName::new("public", "notes")).unwrap().column("told").is_some());
}

#[tokio::test]
async fn a_change_that_is_not_told_is_found_all_the_same() {
    let mut world = World::new("untold").await;
    let name = world.name.clone();
    world.databases.set_has_event_trigger(&name, true);
    world.read(Alice, "notes", "").await;
    world.sql("alter table notes add column untold int").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(40)).await;
    tokio::time::resume();
    let known = async || {
        let catalogue = world.session(Alice, Access::Read).await.catalogue().await.unwrap();
        catalogue.get(&QualifiedName::new("public", "notes")).unwrap().column("untold").is_some()
    };
    assert!(!known().await, "nobody waits for it");
    let found = async {
        while !known().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), found).await.expect("it is looked beside the requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_vanishes_keeps_nobody_waiting_for_its_catalogue_for_ever() {
    let hole = BlackHole::before(cluster().port).await;
    let world = World::with("vanished", |settings| {
        settings.server.host = Host::Tcp("127.0.0.1".to_owned(), hole.port);
        settings.catalogue_timeout = Duration::from_secs(1);
    })
    .await;
    world.read(Alice, "notes", "limit=1").await;
    hole.swallow();
    world.databases.invalidate(&world.name.clone());
    let asked = Instant::now();
    let all = futures_util::future::join_all((0..8).map(|_| world.try_read(Alice, "notes", "limit=1")));
    for refused in tokio::time::timeout(Duration::from_secs(20), all).await.expect("nobody waits for ever") {
        assert!(matches!(refused, Err(Failure::Unavailable { .. })), "{refused:?}");
    }
    assert!(asked.elapsed() < Duration::from_secs(5), "one after the other: {:?}", asked.elapsed());
    hole.open();
    world.read(Alice, "notes", "limit=1").await;
}

#[tokio::test]
async fn an_unchanged_database_keeps_its_catalogue() {
    let mut world = World::new("unchanged").await;
    let name = world.name.clone();
    let mut session = world.session(Alice, Access::Read).await;
    let first = session.catalogue().await.unwrap();
    for sql in ["insert into notes values (77)", "analyze", "vacuum notes", "create temp table t (a int)"] {
        world.sql(sql).await;
    }
    world.databases.invalidate(&name);
    let second = session.catalogue().await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &second));
}

#[tokio::test]
async fn the_catalogue_tells_what_there_is() {
    let world = World::new("catalogue").await;
    let catalogue = world.session(Alice, Access::Read).await.catalogue().await.unwrap();
    let relation = |name: &str| catalogue.find(None, name).unwrap();
    let users = relation("users");
    assert_eq!((users.kind, users.comment.as_deref(), users.row_security), (RelationKind::Table, Some("People"), true));
    let mood = users.column("mood").unwrap();
    assert_eq!((mood.type_name.as_str(), &mood.enum_labels[..]), ("public.mood", &["sad", "ok", "happy"].map(str::to_owned)[..]));
    assert_eq!(
        (users.column("name").unwrap().type_name.as_str(), users.column("name").unwrap().base_type.as_str()),
        ("character varying(40)", "character varying")
    );
    assert_eq!(users.column("email").unwrap().comment.as_deref(), Some("Where to write to"));
    let projects = relation("projects");
    assert_eq!(projects.unique_keys, [["owner_id".to_owned(), "name".to_owned()]]);
    assert!(projects.column("upper_name").unwrap().generated && !projects.column("id").unwrap().generated);
    assert_eq!(projects.column("id").unwrap().default.as_deref(), Some("nextval('public.projects_id_seq'::regclass)"));
    assert_eq!(relation("tags").visible_to, [Role::Anon, Role::Authenticated, Role::Service]);
    assert_eq!(relation("users").visible_to, [Role::Authenticated, Role::Service]);
    assert_eq!((relation("measures").kind, catalogue.find(None, "measures_2024").is_none()), (RelationKind::PartitionedTable, true));
    assert_eq!((relation("task_counts").kind, relation("task_counts").writable), (RelationKind::MaterializedView, false));
    assert!(relation("open_tasks").writable && !relation("touching").writable);
    let keys: Vec<_> = catalogue.foreign_keys_of(&QualifiedName::new("public", "profiles")).collect();
    assert_eq!((keys.len(), keys[0].unique), (1, true));
}

#[tokio::test]
async fn a_database_that_is_forgotten_lets_go_of_its_connections() {
    let mut world = World::new("forgotten").await;
    world.read(Alice, "notes", "").await;
    world.read(Service, "notes", "").await;
    let mut session = world.session(Alice, Access::Read).await;
    let connections = "select count(*) from pg_stat_activity where datname = current_database() and usename like 'data_%'";
    assert_eq!(world.value(connections).await, "2");
    world.databases.forget(&world.name.clone()).await;
    let gone = async { while world.value(connections).await != "0" {} };
    tokio::time::timeout(Duration::from_secs(2), gone).await.unwrap();
    assert!(matches!(session.select(&select("notes", "")).await.unwrap_err(), Failure::Unavailable { .. }));
}

#[tokio::test]
async fn what_takes_a_databases_place_is_ready_before_the_first_request() {
    let (world, mut next) = (World::new("serving").await, World::new("serving_next").await);
    let connections = "select count(*) from pg_stat_activity where datname = current_database() and usename like 'data_%'";
    let ready = OpenDatabase { branch: BranchId::from_uuid(uuid::Uuid::nil()), database: next.name.clone() };
    world.databases.warm_up(&ready).await;
    assert_eq!(next.value(connections).await, "0", "nobody asks for that branch here");
    world.read(Alice, "notes", "").await;
    world.read(Service, "notes", "").await;
    world.databases.warm_up(&ready).await;
    assert_eq!(next.value(connections).await, "2", "one for each login in use");
    assert!(world.databases.open().contains(&ready));
    let nowhere = OpenDatabase { database: DatabaseName::existing("nowhere"), ..ready };
    world.databases.warm_up(&nowhere).await;
}
