//! What replicas remember, and when they forget it.

use super::{Replica, key, moment, user_id, uuid, within_two_seconds};
use domain::{BranchState, Generation, Slug, user::User};
use ports::driven::{BranchDirectory, KeyDirectory, KeyKind, SessionDirectory, StoreError, StoredUser};
use std::time::{Duration, Instant};
use time::OffsetDateTime;

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_here_and_within_a_second_elsewhere() {
    let (listening, options) = Replica::first().await;
    // Not by the notification that it gets too.
    let here = Replica::another(&options, false).await;
    let deaf = Replica::another(&options, false).await;
    let record = key(1, KeyKind::Api);
    for replica in [&here, &listening, &deaf] {
        assert_eq!(replica.keys.find(&record.prefix).await.unwrap(), None);
    }
    let mut work = here.begin().await;
    work.keys().insert(&record, &[0; 32]).await.unwrap();
    work.commit().await.unwrap();
    assert!(here.keys.find(&record.prefix).await.unwrap().is_some(), "what was not there is known at once");
    for replica in [&listening, &deaf] {
        within_two_seconds(async || replica.keys.find(&record.prefix).await.unwrap()).await;
    }
    let mut work = here.begin().await;
    work.keys().revoke(KeyKind::Api, record.id, moment(5)).await.unwrap();
    work.commit().await.unwrap();
    let committed = Instant::now();
    assert_eq!(here.keys.find(&record.prefix).await.unwrap().unwrap().record.revoked_at, Some(moment(5)));
    for replica in [&listening, &deaf] {
        within_two_seconds(async || replica.keys.find(&record.prefix).await.unwrap().unwrap().record.revoked_at).await;
        assert!(committed.elapsed() < Duration::from_secs(1), "{:?}", committed.elapsed());
    }
}

#[tokio::test]
async fn an_ended_session_is_known_at_once_here_and_within_a_second_elsewhere() {
    let (listening, options) = Replica::first().await;
    let here = Replica::another(&options, false).await;
    let deaf = Replica::another(&options, false).await;
    let session = uuid(77);
    let replicas = [&here, &listening, &deaf];
    for replica in replicas {
        assert!(!replica.sessions.goes_on(session).await.unwrap());
    }
    let user = User { id: user_id(1), email: "a@example.com".to_owned(), admin: false, member: true, created_at: moment(1) };
    #[expect(clippy::disallowed_methods, reason = "the database measures by its own clock")]
    let until = OffsetDateTime::from(std::time::SystemTime::now()) + Duration::from_hours(1);
    let mut work = here.begin().await;
    work.users().insert(&StoredUser { user, password_hash: None }).await.unwrap();
    work.sessions().begin(session, user_id(1), &[1; 32], moment(1), until).await.unwrap();
    work.commit().await.unwrap();
    assert!(here.sessions.goes_on(session).await.unwrap(), "what was not there is known at once");
    for replica in replicas {
        within_two_seconds(async || replica.sessions.goes_on(session).await.unwrap().then_some(())).await;
    }
    let mut work = here.begin().await;
    work.sessions().end(session, moment(2)).await.unwrap();
    work.commit().await.unwrap();
    let ended = Instant::now();
    assert!(!here.sessions.goes_on(session).await.unwrap());
    within_two_seconds(async || (!listening.sessions.goes_on(session).await.unwrap()).then_some(())).await;
    assert!(ended.elapsed() < Duration::from_millis(400), "{:?}: it was told", ended.elapsed());
    within_two_seconds(async || (!deaf.sessions.goes_on(session).await.unwrap()).then_some(())).await;
    assert!(ended.elapsed() < Duration::from_secs(1), "{:?}", ended.elapsed());
}

#[tokio::test]
async fn a_change_by_hand_is_heard_long_before_its_answer_grows_old() {
    let replica = Replica::alone().await;
    let branch = replica.branch(1, "pr-1").await;
    let slug: Slug = "pr-1".parse().unwrap();
    // The listener rings when it begins.
    replica.rung().await;
    assert!(replica.branches.find(&slug).await.unwrap().is_some());
    assert!(replica.branches.find_by_id(branch.id).await.unwrap().is_some());
    let changed = Instant::now();
    replica.sql("truncate branching.branches cascade").await;
    within_two_seconds(async || replica.branches.find(&slug).await.unwrap().is_none().then_some(())).await;
    within_two_seconds(async || replica.branches.find_by_id(branch.id).await.unwrap().is_none().then_some(())).await;
    assert!(changed.elapsed() < Duration::from_millis(400), "{:?}", changed.elapsed());
}

#[tokio::test]
async fn a_branch_is_routed_to_as_soon_as_it_is_ready_and_no_longer_than_it_is_there() {
    let replica = Replica::alone().await;
    let mut branch = replica.branch(1, "pr-1").await;
    assert_eq!(replica.branches.find(&branch.slug).await.unwrap().unwrap().state.serving(), None);
    for (state, there) in [(BranchState::Ready { generation: Generation::FIRST }, true), (BranchState::Deleted { at: moment(3) }, false)] {
        branch.state = state;
        let mut work = replica.begin().await;
        work.branches().update(&branch).await.unwrap();
        work.commit().await.unwrap();
        let expected = there.then_some(&branch);
        assert_eq!(replica.branches.find(&branch.slug).await.unwrap().as_deref(), expected);
        assert_eq!(replica.branches.find_by_id(branch.id).await.unwrap().as_deref(), expected);
    }
}

#[tokio::test]
async fn without_the_database_nothing_old_is_given_out() {
    let replica = Replica::alone().await;
    replica.pool.close().await;
    let failure = replica.keys.find("fb_pk_00000001").await.unwrap_err();
    assert!(matches!(failure, StoreError::Unavailable(_)), "{failure:?}");
}
