//! What a reading costs, and what it says of copies.

use crate::{
    cases::BASE,
    world::{Rights, World, place, read},
};
use ports::driven::SchemaReader;
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
