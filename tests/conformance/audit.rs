//! The trail is read back, the newest rows first, by whatever they are looked for.

use crate::{
    values::{NOW, two},
    worlds::World,
};
use domain::{Action, audit::AuditEntry, page::PageRequest};
use ports::driven::{AuditFilter, AuditRecord, StoreError};
use time::Duration;
use uuid::Uuid;

const KEY: Uuid = Uuid::from_u128(1);
const USER: Uuid = Uuid::from_u128(2);

fn entry(number: u8) -> AuditEntry {
    AuditEntry {
        at: NOW + Duration::seconds(number.into()),
        request_id: format!("request-{number}"),
        principal_kind: "api_key",
        principal_id: (number > 1).then_some(KEY),
        user_id: (number > 2).then_some(USER),
        door: "rest",
        action: if number > 3 { Action::InsertRecord } else { Action::QueryTable },
        branch: (number > 4).then(|| "pr-1".parse().unwrap()),
        target: Some("public.tasks".to_owned()),
        outcome: if number == 5 { "42501" } else { "ok" }.to_owned(),
        duration_us: number.into(),
    }
}

async fn world_with_rows(world: &World) {
    let mut work = world.begin().await;
    for number in 1..=5 {
        work.audit().record(&entry(number)).await.unwrap();
    }
    work.commit().await.unwrap();
}

fn numbers(rows: &[AuditRecord]) -> Vec<u64> {
    rows.iter().map(|row| row.duration_us).collect()
}

pub(crate) async fn the_trail_is_read_page_by_page_with_the_newest_first(world: &World) {
    world_with_rows(world).await;
    let mut work = world.begin().await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = work.audit().list(&AuditFilter::default(), &two(cursor)).await.unwrap();
        seen.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(numbers(&seen), [5, 4, 3, 2, 1]);
    assert!(seen.is_sorted_by(|one, next| one.id > next.id));
    let (row, written) = (&seen[0], entry(5));
    assert_eq!((row.at, &row.request_id, row.principal_kind.as_str()), (written.at, &written.request_id, "api_key"));
    assert_eq!((row.principal_id, row.user_id, row.door.as_str(), row.action.as_str()), (Some(KEY), Some(USER), "rest", "insert_record"));
    assert_eq!((row.branch.as_deref(), row.target.as_deref(), row.outcome.as_str()), (Some("pr-1"), Some("public.tasks"), "42501"));
    let made_up = work.audit().list(&AuditFilter::default(), &two(Some("made up".to_owned()))).await;
    assert!(matches!(made_up, Err(StoreError::BadCursor)));
}

pub(crate) async fn rows_of_the_trail_are_those_that_fit_all_that_is_given(world: &World) {
    world_with_rows(world).await;
    let mut work = world.begin().await;
    let any = AuditFilter::default;
    for (wanted, found) in [
        (AuditFilter { since: Some(entry(2).at), until: Some(entry(4).at), ..any() }, &[3, 2][..]),
        (AuditFilter { action: Some(Action::QueryTable), ..any() }, &[3, 2, 1]),
        (AuditFilter { outcome: Some("42501".to_owned()), ..any() }, &[5]),
        (AuditFilter { principal_id: Some(KEY), action: Some(Action::QueryTable), ..any() }, &[3, 2]),
        (AuditFilter { user_id: Some(USER), ..any() }, &[5, 4, 3]),
        (AuditFilter { branch: Some("pr-1".parse().unwrap()), ..any() }, &[5]),
        (AuditFilter { request_id: Some("request-1".to_owned()), ..any() }, &[1]),
        (AuditFilter { request_id: Some("request-9".to_owned()), ..any() }, &[]),
    ] {
        let page = work.audit().list(&wanted, &PageRequest::default()).await.unwrap();
        assert_eq!((numbers(&page.items), page.next_cursor), (found.to_vec(), None), "{wanted:?}");
    }
}
