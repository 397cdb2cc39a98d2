//! The audit trail: group commit, order, nothing lost.

use super::{Replica, connect, database_with, moment, uuid};
use crate::black_hole::BlackHole;
use domain::{Action, Failure, audit::AuditEntry, page::PageRequest};
use fluxbase_postgres::control::{AuditPatience, PgAuditLog, migrate};
use ports::driven::{AuditFilter, AuditLog};
use sqlx::{PgPool, Row};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

fn entry(number: u32, target: Option<&str>) -> AuditEntry {
    AuditEntry {
        at: moment(number),
        request_id: format!("request {number}"),
        principal_kind: "api_key",
        principal_id: Some(uuid(1)),
        user_id: None,
        door: "rest",
        action: Action::QueryTable,
        branch: Some("pr-1".parse().unwrap()),
        target: target.map(str::to_owned),
        outcome: "ok".to_owned(),
        duration_us: u64::from(number),
    }
}

async fn count(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from fluxbase.audit_log").fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_persisted_row_is_there_when_the_caller_is_answered() {
    let replica = Replica::alone().await;
    let log = PgAuditLog::start(replica.pool.clone());
    log.persist(entry(7, Some("nul\0 and ünïcode"))).await.unwrap();
    let mut work = replica.begin().await;
    work.audit().record(&entry(7, Some("nul\0 and ünïcode"))).await.unwrap();
    work.commit().await.unwrap();
    let rows = sqlx::query("select to_jsonb(a) - 'id' as row from fluxbase.audit_log a order by id").fetch_all(&replica.pool).await.unwrap();
    let rows: Vec<serde_json::Value> = rows.iter().map(|row| row.get("row")).collect();
    assert_eq!(rows[0], rows[1], "both ways write the same");
    assert_eq!(rows[0]["target"], "nul\\u{0} and ünïcode");
    assert_eq!(rows[0]["duration_us"], 7);
    assert_eq!(rows[0]["action"], "query_table");
    assert_eq!(rows[0]["principal_id"], uuid(1).to_string());
    assert!(rows[0]["at"].as_str().unwrap().starts_with("2026-01-01T00:00:07"));
}

#[tokio::test]
async fn a_row_that_somebody_waits_for_does_not_wait_for_company() {
    let replica = Replica::alone().await;
    let log = PgAuditLog::start(replica.pool.clone());
    let mut fastest = Duration::MAX;
    for number in 0..10 {
        let begun = Instant::now();
        log.persist(entry(number, None)).await.unwrap();
        fastest = fastest.min(begun.elapsed());
    }
    assert!(fastest < Duration::from_millis(30), "{fastest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_wait_share_commits_and_no_row_is_lost() {
    let replica = Replica::alone().await;
    let log = Arc::new(PgAuditLog::start(replica.pool.clone()));
    let writers: Vec<_> = (0..200)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for number in 0..50 {
                    if writer % 2 == 0 {
                        log.queue(entry(number, None)).await.unwrap();
                    } else {
                        log.persist(entry(number, None)).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    log.close().await.unwrap();
    assert_eq!(count(&replica.pool).await, 10_000);
    let commits: i64 = sqlx::query_scalar("select count(distinct xmin::text) from fluxbase.audit_log").fetch_one(&replica.pool).await.unwrap();
    assert!(commits < 1000, "{commits} commits");
    assert!(log.queue(entry(1, None)).await.is_err(), "a closed trail takes nothing");
    log.close().await.unwrap();
}

#[tokio::test]
async fn a_trail_that_is_dropped_writes_what_it_has() {
    let replica = Replica::alone().await;
    let log = PgAuditLog::start(replica.pool.clone());
    for number in 0..100 {
        log.queue(entry(number, None)).await.unwrap();
    }
    drop(log);
    super::within_two_seconds(async || (count(&replica.pool).await == 100).then_some(())).await;
}

#[tokio::test]
async fn rows_wait_for_a_database_that_is_away_and_none_is_dropped() {
    let (replica, options) = Replica::first().await;
    let pool = connect(options, 2).await;
    let log = Arc::new(PgAuditLog::start(pool));
    log.persist(entry(1, None)).await.unwrap();
    // The next writes fail: the table is gone, and the writer's connection with it.
    replica.sql("alter table fluxbase.audit_log rename to away").await;
    replica.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like 'insert into fluxbase.audit_log%'").await;
    let waiting = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.persist(entry(2, None)).await }
    });
    for number in 3..=10 {
        log.queue(entry(number, None)).await.unwrap();
    }
    assert!(!waiting.is_finished());
    replica.sql("alter table fluxbase.away rename to audit_log").await;
    waiting.await.unwrap().unwrap();
    log.close().await.unwrap();
    assert_eq!(count(&replica.pool).await, 10);
}

#[tokio::test]
async fn whoever_comes_to_a_full_queue_is_refused_before_anything_is_done() {
    let (replica, options) = Replica::first().await;
    let log = PgAuditLog::start(connect(options, 2).await);
    assert!(log.has_room());
    log.await_room().await.unwrap();
    replica.sql("alter table fluxbase.audit_log rename to away").await;
    let mut rows = 0;
    while tokio::time::timeout(Duration::from_millis(200), log.queue(entry(rows, None))).await.is_ok() {
        rows += 1;
    }
    assert!(!log.has_room());
    let refused = tokio::time::timeout(Duration::from_secs(4), log.await_room()).await.expect("nobody waits for the database");
    assert!(matches!(refused, Err(Failure::Unavailable { .. })), "{refused:?}");
    replica.sql("alter table fluxbase.away rename to audit_log").await;
    super::within_two_seconds(async || log.has_room().then_some(())).await;
    log.close().await.unwrap();
    // The last one found no place, and nobody waited for it to the end: what it tells of was done.
    assert_eq!(count(&replica.pool).await, i64::from(rows + 1));
}

const SHORT: AuditPatience =
    AuditPatience { writing: Duration::from_millis(200), statement: Duration::from_millis(300), answer: Duration::from_secs(1) };

#[tokio::test]
async fn it_is_told_when_rows_are_not_written_and_when_they_are_again() {
    let (replica, options) = Replica::first().await;
    let log = Arc::new(PgAuditLog::with_patience(connect(options, 2).await, SHORT));
    log.persist(entry(1, None)).await.unwrap();
    assert!(log.can_persist());
    let mut locked = replica.pool.begin().await.unwrap();
    sqlx::query("lock table fluxbase.audit_log in access exclusive mode").execute(&mut *locked).await.unwrap();
    let waiting = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.persist(entry(2, None)).await }
    });
    super::within_two_seconds(async || (!log.can_persist()).then_some(())).await;
    assert!(log.has_room(), "reads go on");
    // Its statement is ended while the lock is held: it is tried again, and not done twice.
    let ended =
        "select (select count(*) from pg_stat_activity where datname = current_database() and query like 'insert into fluxbase.audit_log%') = 0";
    super::within_two_seconds(async || sqlx::query_scalar::<_, bool>(ended).fetch_one(&replica.pool).await.unwrap().then_some(())).await;
    locked.commit().await.unwrap();
    waiting.await.unwrap().unwrap();
    super::within_two_seconds(async || log.can_persist().then_some(())).await;
    assert_eq!(count(&replica.pool).await, 2);
}

#[tokio::test]
async fn a_server_that_vanishes_keeps_the_writer_no_longer_than_it_may() {
    let (replica, options) = Replica::first().await;
    let hole = BlackHole::before(crate::cluster::cluster().port).await;
    let log = PgAuditLog::with_patience(connect(options.port(hole.port), 2).await, SHORT);
    log.persist(entry(1, None)).await.unwrap();
    hole.swallow();
    hole.open();
    tokio::time::timeout(Duration::from_secs(5), log.persist(entry(2, None))).await.expect("it is written over another connection").unwrap();
    assert_eq!(count(&replica.pool).await, 2);
}

#[tokio::test]
async fn a_database_that_lacks_a_character_still_gets_the_row() {
    let pool = connect(database_with("encoding 'LATIN1' locale 'C'").await, 2).await;
    migrate(&pool).await.unwrap();
    let log = PgAuditLog::start(pool.clone());
    log.persist(entry(1, Some("日本"))).await.unwrap();
    let target: String = sqlx::query_scalar("select target from fluxbase.audit_log").fetch_one(&pool).await.unwrap();
    assert_eq!(target, "\\u{65e5}\\u{672c}");
}

#[tokio::test]
async fn a_database_that_stays_away_does_not_hold_up_the_end() {
    let (replica, options) = Replica::first().await;
    let log = PgAuditLog::start(connect(options, 2).await);
    replica.sql("alter table fluxbase.audit_log rename to away").await;
    log.queue(entry(1, None)).await.unwrap();
    // The writer is busy with it when the end comes.
    super::within_two_seconds(async || (log.waiting() == 0).then_some(())).await;
    for number in 2..=9 {
        log.queue(entry(number, None)).await.unwrap();
    }
    let closed = tokio::time::timeout(Duration::from_secs(8), log.close()).await.expect("it ends");
    assert!(closed.is_err(), "what was lost is told");
}

#[tokio::test]
async fn looking_for_a_rare_row_ends_early_with_a_cursor_to_look_further() {
    let replica = Replica::alone().await;
    let log = PgAuditLog::start(replica.pool.clone());
    log.persist(entry(1, None)).await.unwrap();
    sqlx::query(
        "insert into fluxbase.audit_log (at, request_id, principal_kind, door, action, outcome, duration_us)
         select now(), 'common', 'api_key', 'rest', 'query_table', 'ok', 0 from generate_series(1, 250000)",
    )
    .execute(&replica.pool)
    .await
    .unwrap();
    let wanted = AuditFilter { request_id: Some("request 1".to_owned()), ..AuditFilter::default() };
    let mut work = replica.begin().await;
    let first = work.audit().list(&wanted, &PageRequest::default()).await.unwrap();
    assert!(first.items.is_empty() && first.next_cursor.is_some(), "{first:?}");
    let second = work.audit().list(&wanted, &PageRequest { cursor: first.next_cursor, ..PageRequest::default() }).await.unwrap();
    assert_eq!((second.items.len(), second.next_cursor), (1, None));
    // Without anything but a time nothing is looked for: it is read from where it begins.
    let old = AuditFilter { until: Some(moment(2)), ..AuditFilter::default() };
    let page = work.audit().list(&old, &PageRequest::default()).await.unwrap();
    assert_eq!((page.items.len(), page.next_cursor), (1, None));
}
