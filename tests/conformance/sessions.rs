//! Login sessions and their refresh tokens.

use crate::{
    values::{NOW, user},
    worlds::World,
};
use domain::user::User;
use fluxbase_tests::{SystemClock, fresh_id};
use ports::driven::Clock;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;
use uuid::Uuid;

const UNTIL: OffsetDateTime = NOW.saturating_add(Duration::DAY);
const FIRST: [u8; 32] = [1; 32];
const SECOND: [u8; 32] = [2; 32];
const THIRD: [u8; 32] = [3; 32];

/// A user's session with its first token.
async fn begin(world: &World) -> (Uuid, User) {
    let (session, stored) = (fresh_id(), user("alice@example.com"));
    let mut work = world.begin().await;
    work.users().insert(&stored).await.unwrap();
    work.sessions().begin(session, stored.user.id, &FIRST, NOW, UNTIL).await.unwrap();
    work.commit().await.unwrap();
    (session, stored.user)
}

async fn rotate(world: &World, token: [u8; 32], successor: [u8; 32], now: OffsetDateTime) -> Option<(Uuid, User)> {
    let mut work = world.begin().await;
    let rotated = work.sessions().rotate(&token, &successor, now, now + Duration::DAY).await.unwrap();
    work.commit().await.unwrap();
    rotated
}

pub(crate) async fn a_refresh_token_is_used_once_and_leads_to_the_next(world: &World) {
    let held = begin(world).await;
    assert_eq!(rotate(world, [9; 32], SECOND, NOW).await, None, "nobody knows that one");
    assert_eq!(rotate(world, FIRST, SECOND, NOW).await.as_ref(), Some(&held));
    // The session lasts as long as somebody carries it on.
    let next_day = NOW + Duration::hours(23);
    assert_eq!(rotate(world, SECOND, THIRD, next_day).await.as_ref(), Some(&held));
    assert_eq!(rotate(world, THIRD, [4; 32], next_day + Duration::hours(23)).await, Some(held));
}

pub(crate) async fn a_token_used_twice_ends_its_session(world: &World) {
    begin(world).await;
    assert!(rotate(world, FIRST, SECOND, NOW).await.is_some());
    assert_eq!(rotate(world, FIRST, THIRD, NOW).await, None);
    assert_eq!(rotate(world, SECOND, THIRD, NOW).await, None, "whoever holds the other one is out too");
}

pub(crate) async fn of_two_who_use_a_token_at_once_one_gets_the_next(world: &World) {
    begin(world).await;
    let mut racers = JoinSet::new();
    for number in 10..14 {
        let control_plane = Arc::clone(&world.control_plane);
        racers.spawn(async move {
            let mut work = control_plane.begin().await.unwrap();
            let rotated = work.sessions().rotate(&FIRST, &[number; 32], NOW, UNTIL).await.unwrap();
            tokio::task::yield_now().await;
            work.commit().await.unwrap();
            rotated.is_some()
        });
    }
    assert_eq!(racers.join_all().await.into_iter().filter(|got| *got).count(), 1);
    for number in 10..14 {
        assert_eq!(rotate(world, [number; 32], [20; 32], NOW).await, None, "and the session is over");
    }
}

pub(crate) async fn an_ended_session_gives_no_token(world: &World) {
    let (session, _) = begin(world).await;
    for _twice in 0..2 {
        let mut work = world.begin().await;
        work.sessions().end(session, NOW).await.unwrap();
        work.sessions().end(fresh_id(), NOW).await.unwrap();
        work.commit().await.unwrap();
    }
    assert_eq!(rotate(world, FIRST, SECOND, NOW).await, None);
}

pub(crate) async fn an_expired_token_gives_nothing(world: &World) {
    begin(world).await;
    assert_eq!(rotate(world, FIRST, SECOND, UNTIL).await, None);
    assert!(rotate(world, FIRST, SECOND, UNTIL - Duration::SECOND).await.is_some());
}

pub(crate) async fn a_session_goes_on_until_it_is_ended_and_is_known_to_have_ended_at_once(world: &World) {
    let (session, stored) = (fresh_id(), user("alice@example.com"));
    let now = SystemClock.now();
    assert!(!world.sessions.goes_on(session).await.unwrap(), "nobody began it");
    let mut work = world.begin().await;
    work.users().insert(&stored).await.unwrap();
    work.sessions().begin(session, stored.user.id, &FIRST, now, now + Duration::DAY).await.unwrap();
    work.sessions().begin(fresh_id(), stored.user.id, &SECOND, now, now + Duration::DAY).await.unwrap();
    work.commit().await.unwrap();
    assert!(world.sessions.goes_on(session).await.unwrap());

    let mut work = world.begin().await;
    work.sessions().end(session, now).await.unwrap();
    work.commit().await.unwrap();
    assert!(!world.sessions.goes_on(session).await.unwrap());
}

pub(crate) async fn a_session_whose_token_was_used_twice_goes_on_no_more(world: &World) {
    let (session, stored) = (fresh_id(), user("alice@example.com"));
    let now = SystemClock.now();
    let mut work = world.begin().await;
    work.users().insert(&stored).await.unwrap();
    work.sessions().begin(session, stored.user.id, &FIRST, now, now + Duration::DAY).await.unwrap();
    work.commit().await.unwrap();
    assert!(rotate(world, FIRST, SECOND, now).await.is_some());
    assert!(world.sessions.goes_on(session).await.unwrap());
    assert_eq!(rotate(world, FIRST, THIRD, now).await, None);
    assert!(!world.sessions.goes_on(session).await.unwrap());
}

pub(crate) async fn a_session_whose_time_is_up_goes_on_no_more(world: &World) {
    let (session, stored) = (fresh_id(), user("alice@example.com"));
    let now = SystemClock.now();
    let mut work = world.begin().await;
    work.users().insert(&stored).await.unwrap();
    work.sessions().begin(session, stored.user.id, &FIRST, now - Duration::HOUR, now - Duration::SECOND).await.unwrap();
    work.commit().await.unwrap();
    assert!(!world.sessions.goes_on(session).await.unwrap());
}
