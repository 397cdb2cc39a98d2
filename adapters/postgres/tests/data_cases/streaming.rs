//! Large answers in little memory, cut ones, and abandoned ones.

use std::{num::NonZeroUsize, time::Duration};

use domain::{Access, Failure, table::Shape};
use ports::driven::OpenDatabases;

use super::{
    Who::{Alice, Bob, Service},
    World, select, text,
};

/// Kibibytes that this process holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn big_rows(world: &mut World) {
    world.sql("create table big (id int primary key, body text); grant all on big to authenticated, service_role").await;
    world
        .sql("insert into big select n, repeat(chr(64 + n % 26), case when n % 5 = 0 then 1000000 else 1000 end) from generate_series(1, 600) n")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_hundred_megabytes_pass_through_little_memory() {
    let mut world = World::new("megabytes").await;
    big_rows(&mut world).await;
    world.read(Service, "big", "select=id&limit=1").await;
    let before = resident();
    let mut rows = world.rows(Service, &select("big", "order=id")).await.unwrap();
    let (mut bytes, mut most, mut last) = (0, 0, 0);
    while let Some(chunk) = rows.document.next().await.unwrap() {
        assert!(chunk.len() <= 64 * 1024);
        bytes += chunk.len();
        most = most.max(resident());
        last = *chunk.last().unwrap();
    }
    assert!(bytes > 120_000_000, "{bytes}");
    assert_eq!((rows.document.rows(), rows.document.truncated(), last), (600, false, b']'));
    assert!(most.saturating_sub(before) < 32 * 1024, "{} KiB", most - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_cut_at_the_end_of_a_row() {
    let mut world = World::new("cut").await;
    big_rows(&mut world).await;
    for (query, max, rows, truncated) in [
        ("order=id", 5000, 4, true),
        ("order=id&limit=4", 5000, 4, false),
        ("order=id", 2000, 1, true),
        ("order=id", 100, 0, true),
        ("order=id", 1_010_000, 9, true),
        ("order=id&id=eq.5", 900_000, 0, true),
        ("order=id&id=eq.5", 1_100_000, 1, false),
    ] {
        let mut request = select("big", query);
        request.max_bytes = Some(max);
        let mut found = world.rows(Service, &request).await.unwrap();
        let mut whole = vec![];
        while let Some(chunk) = found.document.next().await.unwrap() {
            whole.extend_from_slice(&chunk);
        }
        assert!(u64::try_from(whole.len()).unwrap() <= max);
        let parsed: Vec<serde_json::Value> = serde_json::from_slice(&whole).unwrap();
        let told = (parsed.len(), found.document.rows(), found.document.truncated());
        assert_eq!(told, (rows, u64::try_from(rows).unwrap(), truncated), "{query} {max}");
    }
    let mut request = select("big", "id=eq.5");
    (request.shape, request.max_bytes) = (Shape::Singular, Some(1000));
    let failure = text(world.rows(Service, &request).await.unwrap().document).await.unwrap_err();
    assert!(matches!(failure, Failure::TooLarge { limit: 1000, .. }), "{failure:?}");
    request.max_bytes = None;
    assert_eq!(text(world.rows(Service, &request).await.unwrap().document).await.unwrap().len(), 1_000_000 + r#"{"id":5,"body":""}"#.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_abandoned_is_cancelled() {
    let mut world = World::new("abandoned").await;
    big_rows(&mut world).await;
    let running = "select count(*) from pg_stat_activity where datname = current_database() and usename like 'data_%' and state = 'active'";
    let mut rows = world.rows(Service, &select("big", "")).await.unwrap();
    rows.document.next().await.unwrap();
    drop(rows);
    let mut session = world.session(Alice, Access::Read).await;
    let slow = select("slow", "");
    let asked = tokio::time::timeout(Duration::from_millis(300), session.select(&slow)).await;
    assert!(asked.is_err(), "the statement sleeps for longer");
    let gone = async { while world.value(running).await != "0" {} };
    tokio::time::timeout(Duration::from_secs(1), gone).await.expect("both are gone within a second");
}

#[tokio::test]
async fn an_error_in_a_later_row_comes_before_the_end() {
    let mut world = World::new("late_error").await;
    world
        .sql("create view failing as select n, 1 / (50000 - n) as x from generate_series(1, 60000) n; grant select on failing to service_role")
        .await;
    let mut rows = world.rows(Service, &select("failing", "")).await.unwrap();
    let failure = loop {
        match rows.document.next().await {
            Ok(Some(chunk)) => assert_ne!(chunk.last(), Some(&b']')),
            Ok(None) => panic!("the document looked whole"),
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure.code(), "22012");
    assert_eq!(rows.document.next().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stop_reading_do_not_keep_others_out() {
    let mut world = World::with("slow_readers", |settings| {
        settings.statement_timeout = Duration::from_secs(1);
        settings.max_connections = NonZeroUsize::new(2).unwrap();
    })
    .await;
    big_rows(&mut world).await;
    let begun = async |who| {
        let mut rows = world.rows(who, &select("big", "")).await.unwrap();
        rows.document.next().await.unwrap().unwrap();
        rows
    };
    let mut stopped = [begun(Alice).await, begun(Bob).await];
    let asked = std::time::Instant::now();
    world.read(Service, "big", "select=id&limit=1").await;
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    let mut outcomes = Vec::new();
    for rows in &mut stopped {
        outcomes.push(loop {
            match rows.document.next().await {
                Ok(Some(_)) => {}
                other => break other,
            }
        });
    }
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(Failure::TimedOut { .. }))), "{outcomes:?}");
    assert!(!outcomes.iter().any(Result::is_ok), "none of them came to its end in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_all_connections() {
    let mut world = World::with("shares", |settings| settings.max_connections = NonZeroUsize::new(4).unwrap()).await;
    big_rows(&mut world).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut rows = world.rows(Alice, &select("big", "")).await.unwrap();
        rows.document.next().await.unwrap().unwrap();
        held.push(rows);
    }
    let mut fourth = world.session(Alice, Access::Read).await;
    let request = select("big", "select=id&limit=1");
    let waiting = tokio::time::timeout(Duration::from_millis(300), fourth.select(&request)).await;
    assert!(waiting.is_err(), "three of four are its share");
    world.read(Service, "big", "select=id&limit=1").await;
    held.pop();
    fourth.select(&request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principals_readers_that_stop_reading_do_not_keep_its_other_requests_out() {
    let mut world = World::with("slow_share", |settings| {
        settings.statement_timeout = Duration::from_secs(1);
        settings.max_connections = NonZeroUsize::new(4).unwrap();
    })
    .await;
    big_rows(&mut world).await;
    let mut stopped = Vec::new();
    for _ in 0..3 {
        let mut rows = world.rows(Alice, &select("big", "")).await.unwrap();
        rows.document.next().await.unwrap().unwrap();
        stopped.push(rows);
    }
    world.read(Alice, "big", "select=id&limit=1").await;
    assert_eq!(stopped.len(), 3, "none of them was dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_reading_does_not_keep_its_database() {
    let mut world = World::with("slow_goodbye", |settings| settings.statement_timeout = Duration::from_secs(3)).await;
    big_rows(&mut world).await;
    let mut stopped = world.rows(Alice, &select("big", "")).await.unwrap();
    stopped.document.next().await.unwrap().unwrap();
    let forgotten = world.databases.forget(&world.name);
    tokio::time::timeout(Duration::from_secs(10), forgotten).await.expect("whoever lets go waits for no reader");
    let connections = "select count(*) from pg_stat_activity where datname = current_database() and usename like 'data_%'";
    let gone = async { while world.value(connections).await != "0" {} };
    tokio::time::timeout(Duration::from_secs(6), gone).await.expect("its rows are given up");
    drop(stopped);
}
