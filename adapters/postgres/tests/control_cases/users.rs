//! Users and sessions, in an `auth` schema of ours and in a foreign one.

use super::{Replica, connect, database_with, empty_database, moment, user_id, uuid};
use domain::{page::PageRequest, user::User};
use fluxbase_postgres::control::migrate;
use ports::driven::{StoreError, StoredUser};
use sqlx::Executor;

fn user(number: u32, email: &str, admin: bool) -> StoredUser {
    let user = User { id: user_id(number), email: email.to_owned(), admin, member: true, created_at: moment(number) };
    StoredUser { user, password_hash: Some("$argon2id$".to_owned()) }
}

#[tokio::test]
async fn users_are_unique_by_address_and_listed_by_it() {
    let replica = Replica::alone().await;
    let mut work = replica.begin().await;
    assert!(work.users().managed().await.unwrap());
    for (number, email) in [(1, "carol@example.com"), (2, "alice@example.com"), (3, "bob@example.com")] {
        work.users().insert(&user(number, email, number == 2)).await.unwrap();
    }
    let taken = work.users().insert(&user(4, "bob@example.com", true)).await.unwrap_err();
    assert!(matches!(taken, StoreError::Taken { what: "e-mail address" }), "{taken:?}");
    let alice = user(2, "alice@example.com", true);
    assert_eq!(work.users().find(user_id(2)).await.unwrap(), Some(alice.user.clone()));
    assert_eq!(work.users().find_by_email(&"Alice@example.com".parse().unwrap()).await.unwrap(), Some(alice));
    assert_eq!(work.users().find(user_id(4)).await.unwrap(), None);
    let first = work.users().list(&PageRequest { limit: 2, cursor: None }).await.unwrap();
    assert_eq!(first.items.iter().map(|user| user.email.as_str()).collect::<Vec<_>>(), ["alice@example.com", "bob@example.com"]);
    let second = work.users().list(&PageRequest { limit: 2, cursor: first.next_cursor }).await.unwrap();
    assert_eq!((second.items, second.next_cursor), (vec![user(1, "carol@example.com", false).user], None));
}

#[tokio::test]
async fn a_foreign_schema_is_read_and_no_more() {
    let pool = connect(empty_database().await, 5).await;
    migrate(&pool).await.unwrap();
    pool.execute(
        "create schema auth;
         create table auth.users (id uuid primary key, email varchar(255), phone text, created_at timestamptz, encrypted_password text);
         insert into auth.users values ('00000001-0000-0000-0000-000000000001', 'Alice@Example.com', null, '2026-01-01 00:00:01+00', 'theirs'),
             ('00000002-0000-0000-0000-000000000001', null, '+49', null, null)",
    )
    .await
    .unwrap();
    let replica = Replica::over(pool, false);
    let mut work = replica.begin().await;
    assert!(!work.users().managed().await.unwrap());
    let alice = work.users().find_by_email(&"alice@example.com".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((alice.user.id, alice.user.created_at, alice.password_hash), (user_id(1), moment(1), None));
    let first = work.users().list(&PageRequest { limit: 1, cursor: None }).await.unwrap();
    let second = work.users().list(&PageRequest { limit: 1, cursor: first.next_cursor }).await.unwrap();
    assert_eq!((first.items[0].id, second.items[0].id, second.next_cursor), (user_id(2), user_id(1), None), "who has no address is listed too");
}

#[tokio::test]
async fn an_address_is_found_where_small_i_has_no_dot_too() {
    let pool = connect(database_with("encoding 'UTF8' locale 'C' locale_provider icu icu_locale 'tr-TR'").await, 5).await;
    migrate(&pool).await.unwrap();
    pool.execute(
        "create schema auth; create table auth.users (id uuid primary key, email varchar(255), created_at timestamptz);
         insert into auth.users values ('00000001-0000-0000-0000-000000000001', 'INFO@Example.com', null),
             ('00000002-0000-0000-0000-000000000001', 'ınfo@example.com', null), ('00000003-0000-0000-0000-000000000001', 'ÉVA@Example.com', null)",
    )
    .await
    .unwrap();
    let replica = Replica::over(pool, false);
    let mut work = replica.begin().await;
    for (address, id) in [("info@example.com", 1), ("ınfo@example.com", 2), ("éva@example.com", 3)] {
        assert_eq!(work.users().find_by_email(&address.parse().unwrap()).await.unwrap().map(|found| found.user.id), Some(user_id(id)), "{address}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session() {
    let replica = Replica::alone().await;
    let alice = user(1, "alice@example.com", false);
    let mut work = replica.begin().await;
    work.users().insert(&alice).await.unwrap();
    work.sessions().begin(uuid(10), user_id(1), &[1; 32], moment(0), moment(100)).await.unwrap();
    assert_eq!(work.sessions().rotate(&[9; 32], &[8; 32], moment(1), moment(100)).await.unwrap(), None, "nobody knows this one");
    let rotated = work.sessions().rotate(&[1; 32], &[2; 32], moment(50), moment(150)).await.unwrap();
    assert_eq!(rotated, Some((uuid(10), alice.user.clone())));
    let rotated = work.sessions().rotate(&[2; 32], &[3; 32], moment(120), moment(220)).await.unwrap();
    assert_eq!(rotated.map(|(session, _)| session), Some(uuid(10)), "a session in use goes on");
    assert_eq!(work.sessions().rotate(&[1; 32], &[4; 32], moment(121), moment(221)).await.unwrap(), None, "it was stolen");
    work.commit().await.unwrap();
    let mut work = replica.begin().await;
    assert_eq!(work.sessions().rotate(&[3; 32], &[5; 32], moment(122), moment(222)).await.unwrap(), None, "so its successors are no good either");
}

#[tokio::test]
async fn of_two_who_send_the_same_token_at_once_one_gets_through_and_the_session_ends() {
    let replica = Replica::alone().await;
    let mut work = replica.begin().await;
    work.users().insert(&user(1, "alice@example.com", false)).await.unwrap();
    work.sessions().begin(uuid(10), user_id(1), &[1; 32], moment(0), moment(100)).await.unwrap();
    work.commit().await.unwrap();
    let rotate = async |successor: [u8; 32]| {
        let mut work = replica.begin().await;
        let rotated = work.sessions().rotate(&[1; 32], &successor, moment(1), moment(100)).await.unwrap();
        work.commit().await.unwrap();
        rotated.is_some()
    };
    let (one, two) = tokio::join!(rotate([2; 32]), rotate([3; 32]));
    assert!(one != two);
    let ended: bool = sqlx::query_scalar("select ended_at is not null from auth.sessions").fetch_one(&replica.pool).await.unwrap();
    assert!(ended);
}

#[tokio::test]
async fn tokens_of_expired_and_ended_sessions_are_no_good() {
    let replica = Replica::alone().await;
    let mut work = replica.begin().await;
    work.users().insert(&user(1, "alice@example.com", false)).await.unwrap();
    work.sessions().begin(uuid(10), user_id(1), &[1; 32], moment(0), moment(100)).await.unwrap();
    assert_eq!(work.sessions().rotate(&[1; 32], &[2; 32], moment(100), moment(200)).await.unwrap(), None);
    assert!(work.sessions().rotate(&[1; 32], &[2; 32], moment(99), moment(200)).await.unwrap().is_some());
    for _ in 0..2 {
        work.sessions().end(uuid(10), moment(150)).await.unwrap();
    }
    assert_eq!(work.sessions().rotate(&[2; 32], &[3; 32], moment(151), moment(300)).await.unwrap(), None);
}

#[tokio::test]
async fn signing_in_clears_away_what_has_expired_of_ones_own() {
    let replica = Replica::alone().await;
    let mut work = replica.begin().await;
    for number in [1, 2] {
        work.users().insert(&user(number, &format!("user{number}@example.com"), false)).await.unwrap();
        work.sessions().begin(uuid(number * 10), user_id(number), &[u8::try_from(number).unwrap(); 32], moment(0), moment(100)).await.unwrap();
    }
    work.sessions().begin(uuid(30), user_id(1), &[3; 32], moment(100), moment(200)).await.unwrap();
    work.commit().await.unwrap();
    let left: Vec<uuid::Uuid> = sqlx::query_scalar("select id from auth.sessions order by id").fetch_all(&replica.pool).await.unwrap();
    assert_eq!(left, [uuid(20), uuid(30)]);
}
