//! What a reading costs, and what it says of copies.

use crate::{
    cases::BASE,
    world::{Rights, World, place, read},
};
use ports::driven::SchemaReader;
use sqlx::{Connection, Executor};
use std::time::{Duration, Instant};

/// Enough objects that a dump takes a while: tables with keys, indexes, views, policies.
fn many(tables: u32) -> String {
    let table = |n: u32| {
        format!(
            "create table app.m{n} (id bigint primary key, a text not null default 'x', b integer check (b > 0), c varchar(9) check (c in ('a', 'b')));
             create index on app.m{n} (a); create index on app.m{n} (lower(c)) where b is not null;
             create view app.w{n} as select id, a from app.m{n} where b > 1;
             alter table app.m{n} enable row level security; create policy p on app.m{n} using (id > 0); comment on table app.m{n} is 'number {n}';"
        )
    };
    (0..tables).map(table).collect()
}

async fn of_copies(major: u32) {
    let Some(world) = World::start(major, Rights::All).await else { return };
    let original = world.database(&format!("{BASE}{} create function app.loose() returns int language sql as 'select 1';", many(3))).await;
    let (copy, restored) = (world.copy(&original).await, world.restored(&original).await);
    let schemas = world.schemas();
    let known = read(&schemas, &original).await.fingerprint.clone();
    let begun = Instant::now();
    assert_eq!(schemas.fingerprint(&place(&copy)).await.unwrap(), known, "a copy by TEMPLATE");
    println!("PostgreSQL {major}: a copy by TEMPLATE is known after {:.1?}", begun.elapsed());
    let other = read(&schemas, &restored).await;
    let text = schemas.unified_text(&read(&schemas, &original).await.map, &other.map);
    assert_eq!(text, "", "a copy by pg_dump");
    assert_eq!(other.fingerprint, known);

    world.as_owner(&copy, "alter table app.owners add column x integer").await.unwrap();
    let diff = schemas.diff(&place(&original), &place(&copy)).await.unwrap();
    assert_eq!((diff.summary.changed, diff.objects[0].identity.as_str(), diff.objects[0].fields[0].field.as_str()), (1, "app.owners", "column x"));
    assert_ne!(diff.source_fingerprint, diff.target_fingerprint);

    for gone in ["alter extension plpgsql add function app.loose()", "revoke execute on function pg_catalog.pg_sleep(float8) from public"] {
        let before = schemas.fingerprint(&place(&restored)).await.unwrap();
        world.as_owner(&restored, gone).await.unwrap();
        assert_ne!(schemas.fingerprint(&place(&restored)).await.unwrap(), before, "{gone}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_faithful_copy_has_the_same_fingerprint_on_postgresql_15() {
    of_copies(15).await;
}

#[tokio::test]
async fn a_faithful_copy_has_the_same_fingerprint_on_postgresql_18() {
    of_copies(18).await;
}

/// The two that a diff is measured by, in one run.
#[tokio::test]
async fn a_diff_costs_no_more_than_the_dumps_of_both() {
    let Some(world) = World::start(18, Rights::Owner).await else { return };
    let target = world.database(&format!("create schema app;{}", many(300))).await;
    let source = world.copy(&target).await;
    world.as_owner(&source, "alter table app.m7 add column x integer; create view app.one as select 1 as one").await.unwrap();
    let (mut dumps, mut unequal, mut equal) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let begun = Instant::now();
        for database in [&target, &source] {
            world.dump(database).await;
        }
        dumps = dumps.min(begun.elapsed());
        let schemas = world.schemas();
        let begun = Instant::now();
        let diff = schemas.diff(&place(&target), &place(&source)).await.unwrap();
        unequal = unequal.min(begun.elapsed());
        assert_eq!((diff.summary.added, diff.summary.changed, diff.script.len()), (1, 1, 2));
        let copy = world.copy(&target).await;
        let begun = Instant::now();
        assert!(schemas.diff(&place(&target), &place(&copy)).await.unwrap().is_empty());
        equal = equal.min(begun.elapsed());
        world.drop(&copy).await;
    }
    world.stop().await;
    let ratio = |time: Duration| time.as_secs_f64() / dumps.as_secs_f64();
    println!("dumps of both {dumps:.1?}; unequal {unequal:.1?} ({:.2}); equal {equal:.1?} ({:.2})", ratio(unequal), ratio(equal));
    // Without the compiler's help our own part, and the log-in's hashing, take many times as long.
    let (unequal_at_most, equal_at_most) = if cfg!(debug_assertions) { (6.0, 2.0) } else { (1.5, 0.2) };
    assert!(ratio(unequal) <= unequal_at_most && ratio(equal) <= equal_at_most);
}

/// Nobody but who builds it and superusers may see what is built.
async fn indexes_without_a_dump(major: u32) {
    let Some(world) = World::start(major, Rights::Owner).await else { return };
    let of = world.database("create table public.t (a integer); insert into public.t values (1), (1)").await;
    let wanted = world.copy(&of).await;
    world.as_owner(&wanted, "create index failed on public.t (a); create index built on public.t (a)").await.unwrap();
    world.alone(&of, "create unique index concurrently failed on public.t (a)").await.unwrap_err();
    let mut writer = world.connect(&of).await;
    writer.execute("begin; insert into public.t values (2)").await.unwrap();
    let build = async { world.alone(&of, "create index concurrently built on public.t (a)").await.unwrap() };
    let look = async {
        while world.numbers(&of, "select array[count(*)] from pg_index where not indisvalid").await != [2] {}
        let schemas = world.schemas();
        let diff = schemas.diff(&place(&of), &place(&wanted)).await.unwrap();
        let script: Vec<&str> = diff.script.iter().map(|statement| statement.sql.as_str()).collect();
        assert_eq!(script, ["DROP INDEX \"public\".\"failed\"", "CREATE INDEX failed ON public.t USING btree (a)"]);
        let [left] = &diff.unscripted[..] else { panic!("{:?}", diff.unscripted) };
        assert_eq!((left.identity.as_str(), left.reason.split(':').next()), ("public.built", Some("an index public.built is being built")));
        writer.execute("commit").await.unwrap();
        writer.close().await.unwrap();
    };
    tokio::join!(build, look);
    world.stop().await;
}

#[tokio::test]
async fn an_index_that_is_being_built_is_left_on_postgresql_15() {
    indexes_without_a_dump(15).await;
}

#[tokio::test]
async fn an_index_that_is_being_built_is_left_on_postgresql_18() {
    indexes_without_a_dump(18).await;
}

#[tokio::test]
async fn who_holds_what_a_reading_waits_for_is_told() {
    let Some(world) = World::start(18, Rights::Owner).await else { return };
    let of = world.database("create table public.t (a integer); create view public.v as select a from public.t").await;
    let mut holder = world.connect(&of).await;
    let session: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut holder).await.unwrap();
    holder.execute("begin; create or replace view public.v with (security_barrier) as select a from public.t").await.unwrap();
    let schemas = world.schemas().with_patience(Duration::from_secs(2));
    let told = schemas.fingerprint(&place(&of)).await.unwrap_err().to_string();
    assert!(told.contains(&format!("took longer than 2 s: session {session} holds a lock")), "{told}");
    holder.execute("rollback").await.unwrap();
    holder.close().await.unwrap();
    schemas.fingerprint(&place(&of)).await.unwrap();
    world.stop().await;
}
