//! Branches: quotas, slugs, generations, pages, rows that cannot be read back.

use super::{Replica, branch, moment, user_id, uuid, within_two_seconds};
use domain::{
    Branch, BranchId, BranchState, BranchType, Generation, OperationId, Slug,
    branch::{Withheld, WithheldRows},
    page::PageRequest,
    table::QualifiedName,
};
use ports::driven::{ActivityEntry, StoreError};
use std::{sync::Arc, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_who_ask_at_once_for_ten_places_get_ten() {
    let replica = Arc::new(Replica::alone().await);
    let main = replica.main().await;
    let asking = (1..=50).map(|number| {
        let (replica, branch) = (Arc::clone(&replica), branch(number, &format!("b{number}"), &main));
        tokio::spawn(async move {
            let mut work = replica.begin().await;
            work.branches().lock_admission(Duration::from_mins(1)).await.unwrap();
            let admitted = work.branches().count_live(None).await.unwrap() < 10;
            if admitted {
                work.branches().insert(&branch).await.unwrap();
                work.commit().await.unwrap();
            }
            admitted
        })
    });
    let mut admitted = 0;
    for answer in asking.collect::<Vec<_>>() {
        admitted += u32::from(answer.await.unwrap());
    }
    assert_eq!(admitted, 10);
    assert_eq!(replica.begin().await.branches().count_live(None).await.unwrap(), 10);
}

#[tokio::test]
async fn a_row_that_another_holds_is_not_waited_for_longer_than_was_said() {
    let replica = Replica::alone().await;
    let main = replica.main().await;
    let mut holder = replica.begin().await;
    holder.branches().find(main.id, true).await.unwrap();
    let mut waits = replica.begin().await;
    waits.wait_at_most(Duration::from_millis(50)).await.unwrap();
    let asked =
        tokio::time::timeout(Duration::from_secs(30), waits.branches().find(main.id, true)).await.expect("it waits for so long and no longer");
    let held = asked.unwrap_err();
    assert!(matches!(held, StoreError::Held), "{held:?}");
    let failure = domain::Failure::from(held);
    assert!(matches!(failure, domain::Failure::Unavailable { retry_after: Some(_), .. }), "{failure:?}");
    drop((holder, waits));
    let mut next = replica.begin().await;
    assert!(next.branches().find(main.id, true).await.unwrap().is_some(), "the row is free again");
    let limit: String = sqlx::query_scalar("show lock_timeout").fetch_one(&replica.pool).await.unwrap();
    assert_eq!(limit, "0", "it was said for one unit of work");
}

#[tokio::test]
async fn the_turn_to_admit_branches_is_not_waited_for_longer_than_was_said() {
    let replica = Replica::alone().await;
    let mut holder = replica.begin().await;
    holder.branches().lock_admission(Duration::from_mins(1)).await.unwrap();
    let mut waits = replica.begin().await;
    let asked = tokio::time::timeout(Duration::from_secs(30), waits.branches().lock_admission(Duration::from_millis(50))).await;
    let held = asked.expect("it waits for so long and no longer").unwrap_err();
    assert!(matches!(held, StoreError::Held), "{held:?}");
    drop((holder, waits));
    replica.begin().await.branches().lock_admission(Duration::from_millis(50)).await.expect("the turn is free again");
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_told_to_be_in_doubt() {
    let replica = Replica::alone().await;
    let main = replica.main().await;
    let mut work = replica.begin().await;
    work.branches().insert(&branch(1, "pr-1", &main)).await.unwrap();
    replica.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'").await;
    let lost = work.commit().await.unwrap_err();
    assert!(matches!(lost, StoreError::InDoubt(_)), "{lost:?}");
    let failure = domain::Failure::from(lost);
    assert!(matches!(failure, domain::Failure::Unavailable { retry_after: None, .. }), "{failure:?}");
    // What PostgreSQL refuses at the end is not in doubt.
    replica.sql("create function branching.refuses() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$").await;
    replica.sql("create constraint trigger refuses after insert on branching.branches deferrable initially deferred for each row execute function branching.refuses()").await;
    let mut work = replica.begin().await;
    work.branches().insert(&branch(2, "pr-2", &main)).await.unwrap();
    let refused = work.commit().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unexpected(_)), "{refused:?}");
}

#[tokio::test]
async fn every_state_is_read_back_as_it_was_written() {
    let replica = Replica::alone().await;
    let mut branch = Branch { expires_at: Some(moment(500)), ..branch(1, "pr-1", &replica.main().await) };
    let (operation, generation) = (OperationId::from_uuid(uuid(9)), Generation::new(3).unwrap());
    replica.begin().await.branches().insert(&branch).await.unwrap();
    let mut work = replica.begin().await;
    assert_eq!(work.branches().find(branch.id, false).await.unwrap(), None, "what is dropped was never there");
    work.branches().insert(&branch).await.unwrap();
    branch.withheld = vec![Withheld {
        table: QualifiedName::new("auth", "sessions"),
        rows: WithheldRows::Referencing { keys: vec![vec!["user_id".to_owned()]] },
        nulled_columns: vec!["agent".to_owned()],
        masked_columns: Vec::new(),
        reason: "personal".to_owned(),
    }];
    for state in [
        BranchState::Creating { operation, generation },
        BranchState::Ready { generation },
        BranchState::Migrating { operation, generation },
        BranchState::Error { reason: "disk full".to_owned(), generation: Some(generation) },
        BranchState::Error { reason: "disk full".to_owned(), generation: None },
        BranchState::Deleting { operation, generation: None },
        BranchState::Deleting { operation, generation: Some(generation) },
        BranchState::Deleted { at: moment(600) },
    ] {
        branch.state = state;
        work.branches().update(&branch).await.unwrap();
        assert_eq!(work.branches().find(branch.id, true).await.unwrap().as_ref(), Some(&branch));
    }
    assert_eq!(work.branches().find_by_slug(&branch.slug).await.unwrap(), None);
}

#[tokio::test]
async fn a_slug_is_free_again_once_its_branch_is_deleted_and_a_taken_one_stops_nothing_else() {
    let replica = Replica::alone().await;
    let mut old = replica.branch(1, "pr-1").await;
    let new = branch(2, "pr-1", &replica.main().await);
    let mut work = replica.begin().await;
    let taken = work.branches().insert(&new).await.unwrap_err();
    assert!(matches!(taken, StoreError::Taken { what: "branch slug" }), "{taken:?}");
    old.state = BranchState::Deleted { at: moment(9) };
    work.branches().update(&old).await.unwrap();
    work.branches().insert(&new).await.unwrap();
    work.commit().await.unwrap();
    let mut work = replica.begin().await;
    assert_eq!(work.branches().find_by_slug(&new.slug).await.unwrap(), Some(new));
    assert_eq!(work.branches().find(old.id, false).await.unwrap(), Some(old));
}

#[tokio::test]
async fn two_branches_never_share_their_first_eight_digits() {
    let replica = Replica::alone().await;
    let first = replica.branch(1, "one").await;
    let twin = Branch { id: BranchId::from_uuid(uuid::Uuid::from_u128(uuid(1).as_u128() + 1)), ..branch(1, "two", &replica.main().await) };
    assert_eq!(first.id.short(), twin.id.short());
    let taken = replica.begin().await.branches().insert(&twin).await.unwrap_err();
    assert!(matches!(taken, StoreError::Taken { what: "branch id" }), "{taken:?}");
}

#[tokio::test]
async fn a_generation_never_comes_twice() {
    let replica = Arc::new(Replica::alone().await);
    let slug: Slug = "pr-1".parse().unwrap();
    let asking = (0..20).map(|_| {
        let (replica, slug) = (Arc::clone(&replica), slug.clone());
        tokio::spawn(async move {
            let mut work = replica.begin().await;
            let generation = work.branches().next_generation(&slug).await.unwrap();
            work.commit().await.unwrap();
            generation.number()
        })
    });
    let mut given = vec![];
    for answer in asking.collect::<Vec<_>>() {
        given.push(answer.await.unwrap());
    }
    given.sort_unstable();
    assert_eq!(given, (1..=20).collect::<Vec<u32>>());
    assert_eq!(replica.begin().await.branches().next_generation(&"pr-2".parse().unwrap()).await.unwrap(), Generation::FIRST);
}

#[tokio::test]
async fn pages_give_main_first_then_the_newest_and_each_once() {
    let replica = Replica::alone().await;
    for number in 1..=5 {
        replica.branch(number, &format!("b{number}")).await;
    }
    let mut work = replica.begin().await;
    let stranger = Branch { created_by: Some(user_id(2)), ..branch(6, "theirs", &replica.main().await) };
    work.branches().insert(&stranger).await.unwrap();
    let mut slugs = vec![];
    let mut page = PageRequest { limit: 2, cursor: None };
    loop {
        let listed = work.branches().list(Some(user_id(1)), &page).await.unwrap();
        slugs.extend(listed.items.iter().map(|branch| branch.slug.to_string()));
        match listed.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => break,
        }
    }
    assert_eq!(slugs, ["main", "b5", "b4", "b3", "b2", "b1"]);
    assert_eq!(work.branches().list(None, &PageRequest::default()).await.unwrap().items.len(), 7);
    assert_eq!((work.branches().count_live(Some(user_id(1))).await.unwrap(), work.branches().count_live(None).await.unwrap()), (5, 6));
    page.cursor = Some("00".to_owned());
    assert!(matches!(work.branches().list(None, &page).await, Err(StoreError::BadCursor)));
}

#[tokio::test]
async fn children_and_the_expired_are_found() {
    let replica = Replica::alone().await;
    let mut old = replica.branch(1, "old").await;
    old.expires_at = Some(moment(2));
    let mut work = replica.begin().await;
    work.branches().update(&old).await.unwrap();
    assert_eq!(work.branches().expired().await.unwrap(), [], "what is being built cannot go yet");
    old.state = BranchState::Ready { generation: Generation::FIRST };
    work.branches().update(&old).await.unwrap();
    let child = Branch { expires_at: Some(time::macros::datetime!(2200-01-01 00:00 UTC)), ..branch(2, "child", &old) };
    work.branches().insert(&child).await.unwrap();
    assert_eq!(work.branches().children(old.id).await.unwrap(), [child]);
    assert_eq!(work.branches().expired().await.unwrap(), [old]);
}

#[tokio::test]
async fn the_database_holds_no_branch_that_is_neither_here_nor_there() {
    let replica = Replica::alone().await;
    let main = replica.main().await;
    assert_eq!((main.branch_type, main.state.serving(), main.parent_id), (BranchType::Main, Some(Generation::FIRST), None));
    for wrong in [
        "update branching.branches set status = 'deleting', operation_id = id where type = 'main'",
        "update branching.branches set generation = null where type = 'main'",
        "update branching.branches set status = 'asleep' where type = 'main'",
        "update branching.branches set expires_at = now() where type = 'main'",
        "update branching.branches set slug = 'other' where type = 'main'",
    ] {
        let refused = sqlx::query(wrong).execute(&replica.pool).await.unwrap_err();
        assert!(refused.as_database_error().is_some_and(sqlx::error::DatabaseError::is_check_violation), "{wrong}: {refused}");
    }
}

#[tokio::test]
async fn a_row_that_somebody_spoilt_is_corrupt_and_says_which_it_is() {
    let replica = Replica::alone().await;
    let branch = replica.branch(1, "pr-1").await;
    replica.sql("update branching.branches set withheld = '[{\"table\": 7}]' where slug = 'pr-1'").await;
    let corrupt = replica.begin().await.branches().find(branch.id, false).await.unwrap_err();
    assert!(matches!(&corrupt, StoreError::Corrupt { table: "branching.branches", row, .. } if *row == branch.id.to_string()), "{corrupt:?}");
}

#[tokio::test]
async fn a_history_reads_newest_first() {
    let replica = Replica::alone().await;
    let branch = replica.branch(1, "pr-1").await;
    let entry = |second, action: &str| ActivityEntry {
        branch_id: branch.id,
        at: moment(second),
        actor: "fluxbase".to_owned(),
        action: action.to_owned(),
        detail: Some("because".to_owned()),
    };
    let mut work = replica.begin().await;
    for (second, action) in [(1, "create_requested"), (2, "created"), (2, "expired")] {
        work.activity().record(&entry(second, action)).await.unwrap();
    }
    let first = work.activity().list(branch.id, &PageRequest { limit: 2, cursor: None }).await.unwrap();
    assert_eq!(first.items, [entry(2, "expired"), entry(2, "created")]);
    let second = work.activity().list(branch.id, &PageRequest { limit: 2, cursor: first.next_cursor }).await.unwrap();
    assert_eq!((second.items, second.next_cursor), (vec![entry(1, "create_requested")], None));
}

#[tokio::test]
async fn a_branch_whose_row_somebody_has_is_not_waited_for_where_it_need_not_be() {
    let replica = Replica::alone().await;
    let (taken, free) = (replica.branch(1, "taken").await, replica.branch(2, "free").await);
    let mut holder = replica.begin().await;
    holder.branches().find(taken.id, true).await.unwrap();
    let mut work = replica.begin().await;
    assert_eq!(work.branches().find_free(taken.id).await.unwrap(), None);
    assert_eq!(work.branches().find_free(free.id).await.unwrap().map(|branch| branch.slug), Some(free.slug));
    drop(holder);
    // Its rollback is on its way.
    within_two_seconds(async || replica.begin().await.branches().find_free(taken.id).await.unwrap()).await;
}
