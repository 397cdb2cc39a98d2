//! Budgets over several replicas.

use super::Replica;
use fluxbase_postgres::control::PgRateLimiter;
use ports::driven::{NoBudget, RateLimiter};
use sqlx::PgPool;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// The database's minute.
async fn minute(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select floor(extract(epoch from clock_timestamp()) / 60)::bigint").fetch_one(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_give_a_minutes_budget_and_not_one_request_more() {
    let replica = Replica::alone().await;
    for limit in [1, 7, 100, 733] {
        // Tried again where the minute ended meanwhile.
        loop {
            let key = format!("key:{limit}");
            let limiters = [PgRateLimiter::new(replica.pool.clone()), PgRateLimiter::new(replica.pool.clone())];
            let before = minute(&replica.pool).await;
            let askers: Vec<_> = (0..40)
                .map(|number| {
                    let (limiter, key) = (limiters[number % 2].clone(), key.clone());
                    tokio::spawn(async move {
                        let mut given = 0;
                        loop {
                            match limiter.take(&key, limit).await {
                                Ok(()) => given += 1,
                                Err(NoBudget::UsedUp(later)) => return (given, later),
                                Err(NoBudget::Unavailable) => panic!("the database is there"),
                            }
                            tokio::task::yield_now().await;
                        }
                    })
                })
                .collect();
            let mut given = 0;
            for asker in askers {
                let (some, later) = asker.await.unwrap();
                given += some;
                assert!(later <= Duration::from_mins(1) && later > Duration::ZERO);
            }
            if minute(&replica.pool).await == before {
                assert_eq!(given, limit);
                break;
            }
            replica.sql("delete from fluxbase.rate_limits").await;
        }
    }
}

#[tokio::test]
async fn a_refusal_is_remembered_and_slices_spare_round_trips() {
    let replica = Replica::alone().await;
    let limiter = PgRateLimiter::new(replica.pool.clone());
    let before = minute(&replica.pool).await;
    let mut given = 0;
    while limiter.take("user:1", 200).await.is_ok() {
        given += 1;
    }
    for _ in 0..1000 {
        assert!(limiter.take("user:1", 200).await.is_err());
    }
    assert!(limiter.take("user:2", 200).await.is_ok(), "another key has another budget");
    let taken: i64 =
        sqlx::query_scalar("select sum(taken)::bigint from fluxbase.rate_limits where key = 'user:1'").fetch_one(&replica.pool).await.unwrap();
    if minute(&replica.pool).await == before {
        assert_eq!(given, 200);
        assert!(taken <= 220, "eleven questions at most: {taken}");
    }
}

#[tokio::test]
async fn past_minutes_are_deleted() {
    let replica = Replica::alone().await;
    replica.sql("insert into fluxbase.rate_limits values (1, 'key:old', 5)").await;
    PgRateLimiter::new(replica.pool.clone()).take("key:new", 10).await.unwrap();
    super::within_two_seconds(async || {
        let old: i64 = sqlx::query_scalar("select count(*) from fluxbase.rate_limits where minute = 1").fetch_one(&replica.pool).await.unwrap();
        (old == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_the_database_what_was_taken_is_used_up_and_then_requests_are_refused() {
    let replica = Replica::alone().await;
    let limiter = Arc::new(PgRateLimiter::new(replica.pool.clone()));
    limiter.take("key:1", 100).await.unwrap();
    replica.pool.close().await;
    let mut answers = Vec::new();
    let begun = Instant::now();
    for _ in 0..20 {
        answers.push(limiter.take("key:1", 100).await);
    }
    let (given, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((given.len(), refused), (9, vec![Err(NoBudget::Unavailable); 11]));
    assert!(begun.elapsed() < Duration::from_secs(30));
}
