//! Budgets of requests a minute.

use crate::worlds::World;
use fluxbase_tests::SystemClock;
use ports::driven::{Clock, NoBudget};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

fn minute() -> i64 {
    SystemClock.now().unix_timestamp().div_euclid(60)
}

/// What came of many requests at once, all of them within one minute: how many passed, and what the others were told.
async fn rush(world: &World, key: &str, limit: u32) -> (usize, Vec<Duration>) {
    loop {
        let begun = minute();
        let mut requests = JoinSet::new();
        for _ in 0..40 {
            let (limiter, key) = (Arc::clone(&world.rate_limiter), format!("{key} in minute {begun}"));
            requests.spawn(async move { limiter.take(&key, limit).await });
        }
        let answers = requests.join_all().await;
        if minute() == begun {
            let refused: Vec<Duration> = answers.iter().filter_map(|answer| answer.err().map(wait)).collect();
            return (answers.len() - refused.len(), refused);
        }
    }
}

fn wait(none: NoBudget) -> Duration {
    match none {
        NoBudget::UsedUp(wait) => wait,
        NoBudget::Unavailable => panic!("the database is there"),
    }
}

pub(crate) async fn no_key_gets_more_than_its_limit_in_a_minute(world: &World) {
    for limit in [1, 7, 25] {
        let (passed, refused) = rush(world, &format!("key:{limit}"), limit).await;
        assert_eq!(passed, limit as usize);
        assert!(refused.iter().all(|wait| !wait.is_zero() && *wait <= Duration::from_mins(1)), "{refused:?}");
    }
}

pub(crate) async fn keys_have_their_own_budgets(world: &World) {
    assert_eq!(rush(world, "key:a", 3).await.0, 3);
    assert_eq!(rush(world, "key:b", 100).await.0, 40);
}

pub(crate) async fn an_hours_budget_is_apart_from_a_minutes(world: &World) {
    let key = format!("key of {}", fluxbase_tests::fresh_id());
    let take = async || world.rate_limiter.take_of_hour(&key, 2).await;
    // Of two hours that meet here, the first has given two at most.
    let given = [take().await, take().await, take().await, take().await, take().await].into_iter().flatten().count();
    assert!((2..=4).contains(&given), "{given}");
    let refused = loop {
        if let Err(none) = take().await {
            break wait(none);
        }
    };
    assert!(!refused.is_zero() && refused <= Duration::from_hours(1), "{refused:?}");
    assert_eq!(world.rate_limiter.take(&key, 2).await, Ok(()), "a minute's budget under the same name has its own count");
}
