//! API keys and service keys.

use crate::{
    values::{NOW, key, two},
    worlds::World,
};
use domain::{Scopes, access::Restrictions, page::PageRequest, table::QualifiedName};
use ports::driven::{KeyKind, KeyRecord, StoreError};
use time::Duration;

async fn add(world: &World, record: &KeyRecord) {
    let mut work = world.begin().await;
    work.keys().insert(record, &[7; 32]).await.unwrap();
    work.commit().await.unwrap();
}

pub(crate) async fn a_key_is_read_back_as_it_was_written(world: &World) {
    let plain = key(KeyKind::Service, "sb_service_plain");
    let narrow = KeyRecord {
        scopes: Scopes::ALL,
        restrictions: Restrictions {
            branch: Some("feature".parse().unwrap()),
            read_only: true,
            tables: Some(vec![QualifiedName::new("public", "orders"), QualifiedName::new("Odd one", "a.\"b\"")]),
            rate_limit: Some(u32::MAX),
        },
        expires_at: Some(NOW + Duration::DAY),
        ..key(KeyKind::Api, "fb_pk_narrow")
    };
    for record in [&plain, &narrow] {
        add(world, record).await;
        assert_eq!(world.begin().await.keys().find(record.kind, record.id).await.unwrap().as_ref(), Some(record));
    }
    let mut work = world.begin().await;
    assert_eq!(work.keys().find(KeyKind::Service, narrow.id).await.unwrap(), None, "the kinds are kept apart");
}

pub(crate) async fn keys_are_listed_by_kind_with_the_newest_first(world: &World) {
    for (age, prefix) in [(3, "oldest"), (1, "newest"), (2, "middle")] {
        let revoked_at = (age == 2).then_some(NOW);
        add(world, &KeyRecord { created_at: NOW - Duration::days(age), revoked_at, ..key(KeyKind::Api, prefix) }).await;
    }
    add(world, &key(KeyKind::Service, "service")).await;
    let prefixes = |records: Vec<KeyRecord>| records.into_iter().map(|record| record.prefix).collect::<Vec<_>>();
    let mut work = world.begin().await;
    let first = work.keys().list(KeyKind::Api, &two(None)).await.unwrap();
    assert_eq!(prefixes(first.items), ["newest", "middle"]);
    let second = work.keys().list(KeyKind::Api, &two(first.next_cursor)).await.unwrap();
    assert_eq!((prefixes(second.items), second.next_cursor), (vec!["oldest".to_owned()], None));
    assert_eq!(prefixes(work.keys().list(KeyKind::Service, &PageRequest::default()).await.unwrap().items), ["service"]);
}

pub(crate) async fn keys_pinned_to_a_branch_end_with_it(world: &World) {
    let pinned_to = |slug: &str, prefix| {
        let restrictions = Restrictions { branch: Some(slug.parse().unwrap()), ..Restrictions::default() };
        KeyRecord { restrictions, ..key(KeyKind::Api, prefix) }
    };
    let (pinned, other, free) = (pinned_to("gone", "fb_pk_pinned"), pinned_to("stays", "fb_pk_other"), key(KeyKind::Api, "fb_pk_free"));
    for record in [&pinned, &other, &free] {
        add(world, record).await;
    }
    let mut work = world.begin().await;
    work.keys().revoke_pinned(&"gone".parse().unwrap(), NOW).await.unwrap();
    work.commit().await.unwrap();
    let mut work = world.begin().await;
    for (record, revoked_at) in [(pinned, Some(NOW)), (other, None), (free, None)] {
        assert_eq!(work.keys().find(KeyKind::Api, record.id).await.unwrap().unwrap().revoked_at, revoked_at, "{}", record.prefix);
    }
}

pub(crate) async fn a_key_is_revoked_once(world: &World) {
    let record = key(KeyKind::Api, "fb_pk_revoked");
    add(world, &record).await;
    let mut work = world.begin().await;
    assert_eq!(work.keys().revoke(KeyKind::Service, record.id, NOW).await.unwrap(), None);
    let revoked = KeyRecord { revoked_at: Some(NOW), ..record.clone() };
    assert_eq!(work.keys().revoke(KeyKind::Api, record.id, NOW).await.unwrap().as_ref(), Some(&revoked));
    assert_eq!(work.keys().revoke(KeyKind::Api, record.id, NOW + Duration::DAY).await.unwrap().as_ref(), Some(&revoked));
    work.commit().await.unwrap();
    assert_eq!(world.begin().await.keys().find(KeyKind::Api, record.id).await.unwrap(), Some(revoked));
}

pub(crate) async fn prefixes_are_unique(world: &World) {
    add(world, &key(KeyKind::Api, "fb_pk_taken")).await;
    let refused = world.begin().await.keys().insert(&key(KeyKind::Api, "fb_pk_taken"), &[8; 32]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Taken { what: "key" }), "{refused:?}");
}
