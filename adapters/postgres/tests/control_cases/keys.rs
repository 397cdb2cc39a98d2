//! Keys: what is kept of them, pages, revoking.

use super::{Replica, connect, database_with, key, make_auth_schema, moment, user_id};
use domain::{Scope, Scopes, access::Restrictions, page::PageRequest, table::QualifiedName};
use fluxbase_postgres::control::{PgRateLimiter, migrate};
use ports::driven::{KeyDirectory, KeyKind, KeyRecord, RateLimiter, StoreError};

#[tokio::test]
async fn a_key_is_read_back_with_all_that_narrows_it() {
    let replica = Replica::alone().await;
    replica.sql("insert into auth.users (id, email) values ('00000001-0000-0000-0000-000000000001', 'alice@example.com')").await;
    let narrow = KeyRecord {
        user_id: Some(user_id(1)),
        restrictions: Restrictions {
            branch: Some("pr-1".parse().unwrap()),
            read_only: true,
            tables: Some(vec![QualifiedName::new("public", "a.b"), QualifiedName::new("odd \"schema\"", "ä,{}")]),
            rate_limit: Some(u32::MAX),
        },
        expires_at: Some(moment(50)),
        ..key(1, KeyKind::Api)
    };
    let wide = KeyRecord { scopes: Scopes::ALL, ..key(2, KeyKind::Service) };
    let mut work = replica.begin().await;
    work.keys().insert(&narrow, &[7; 32]).await.unwrap();
    work.keys().insert(&wide, &[8; 32]).await.unwrap();
    assert_eq!(work.keys().find(KeyKind::Api, narrow.id).await.unwrap(), Some(narrow.clone()));
    assert_eq!(work.keys().find(KeyKind::Service, narrow.id).await.unwrap(), None, "a kind's ids are its own");
    work.commit().await.unwrap();
    let stored = replica.keys.find(&narrow.prefix).await.unwrap().unwrap();
    assert_eq!((&stored.record, stored.hash, stored.user_email.as_deref()), (&narrow, [7; 32], Some("alice@example.com")));
    let stored = replica.keys.find(&wide.prefix).await.unwrap().unwrap();
    assert_eq!((&stored.record, stored.user_email.as_deref()), (&wide, None));
}

#[tokio::test]
async fn a_star_is_for_service_keys_only() {
    let replica = Replica::alone().await;
    let mut work = replica.begin().await;
    for (number, kind) in [(1, KeyKind::Api), (2, KeyKind::Service)] {
        work.keys().insert(&KeyRecord { scopes: Scopes::ALL, ..key(number, kind) }, &[0; 32]).await.unwrap();
    }
    work.commit().await.unwrap();
    let starred: Vec<String> = sqlx::query_scalar("select kind from fluxbase.keys where '*' = any (scopes)").fetch_all(&replica.pool).await.unwrap();
    assert_eq!(starred, ["service"]);
}

#[tokio::test]
async fn revoking_keeps_the_first_date_and_pages_keep_the_revoked() {
    let replica = Replica::alone().await;
    let mut work = replica.begin().await;
    for number in 1..=3 {
        work.keys().insert(&key(number, KeyKind::Api), &[0; 32]).await.unwrap();
    }
    let id = key(2, KeyKind::Api).id;
    assert_eq!(work.keys().revoke(KeyKind::Service, id, moment(8)).await.unwrap(), None);
    for second in [8, 9] {
        let revoked = work.keys().revoke(KeyKind::Api, id, moment(second)).await.unwrap().unwrap();
        assert_eq!(revoked.revoked_at, Some(moment(8)));
    }
    let first = work.keys().list(KeyKind::Api, &PageRequest { limit: 2, cursor: None }).await.unwrap();
    assert_eq!(first.items.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["key 3", "key 2"]);
    let next = PageRequest { limit: 2, cursor: first.next_cursor };
    let second = work.keys().list(KeyKind::Api, &next).await.unwrap();
    assert_eq!((second.items, second.next_cursor), (vec![key(1, KeyKind::Api)], None));
    assert!(matches!(work.keys().list(KeyKind::Service, &next).await, Err(StoreError::BadCursor)), "a cursor belongs to its list");
}

#[tokio::test]
async fn a_scope_that_nobody_knows_is_corrupt_and_grants_nothing() {
    let replica = Replica::alone().await;
    let record = KeyRecord { scopes: Scopes::NONE.with(Scope::AdminKeys), ..key(1, KeyKind::Api) };
    let mut work = replica.begin().await;
    work.keys().insert(&record, &[0; 32]).await.unwrap();
    work.commit().await.unwrap();
    replica.sql("update fluxbase.keys set scopes = '{admin:everything}'").await;
    let corrupt = replica.keys.find(&record.prefix).await.unwrap_err();
    assert!(matches!(corrupt, StoreError::Corrupt { table: "fluxbase.keys", .. }), "{corrupt:?}");
}

#[tokio::test]
async fn characters_that_the_databases_encoding_has_not_are_the_callers_fault() {
    let pool = connect(database_with("encoding 'LATIN1' locale 'C'").await, 5).await;
    migrate(&pool).await.unwrap();
    make_auth_schema(&pool).await;
    let replica = Replica::over(pool, false);
    let mut work = replica.begin().await;
    let refused = work.keys().insert(&KeyRecord { name: "漢字".to_owned(), ..key(1, KeyKind::Api) }, &[7; 32]).await;
    assert!(matches!(refused, Err(StoreError::Unstorable)), "{refused:?}");
    let mut work = replica.begin().await;
    let refused = work.users().find_by_email(&"漢@example.com".parse().unwrap()).await;
    assert!(matches!(refused, Err(StoreError::Unstorable)), "{refused:?}");
    let mut work = replica.begin().await;
    work.keys().insert(&KeyRecord { name: "é".to_owned(), ..key(2, KeyKind::Api) }, &[7; 32]).await.unwrap();
    // Budgets are kept for whoever asks.
    let limiter = PgRateLimiter::new(replica.pool.clone());
    assert_eq!(limiter.take("sign_in:漢@example.com", 1).await, Ok(()));
    assert!(limiter.take("sign_in:漢@example.com", 1).await.is_err());
}
