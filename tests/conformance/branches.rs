//! Branches: unique slugs, admission in turns, numbers that never repeat, lists in order.

use crate::{
    values::{NOW, branch, operation_id, two, user_id},
    worlds::World,
};
use domain::{
    Branch, BranchState, Generation,
    branch::{AccessLevel, Grant, Previous, PullRequest, Withheld},
    page::PageRequest,
    table::QualifiedName,
};
use ports::driven::{KeyKind, StoreError};
use std::{collections::BTreeSet, sync::Arc};
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::task::JoinSet;

pub(crate) async fn a_branch_is_read_back_as_it_was_written(world: &World) {
    let mut made = Branch {
        name: " Feature/Ä b ".parse().unwrap(),
        created_by: Some(user_id()),
        expires_at: Some(NOW + Duration::DAY),
        ..branch("feature", world.main.id)
    };
    world.add_branch(&made).await;
    let generation = Generation::new(7).unwrap();
    for state in [
        BranchState::Ready { generation },
        BranchState::Migrating { operation: operation_id(), generation },
        BranchState::Resetting { operation: operation_id(), generation: Some(generation), next: Generation::new(8).unwrap() },
        BranchState::Resetting { operation: operation_id(), generation: None, next: Generation::new(8).unwrap() },
        BranchState::Error { reason: "it's \"broken\"".to_owned(), generation: None },
        BranchState::Error { reason: String::new(), generation: Some(generation) },
        BranchState::Deleting { operation: operation_id(), generation: Some(generation) },
        BranchState::Deleting { operation: operation_id(), generation: None },
        BranchState::Deleted { at: NOW },
    ] {
        made.state = state;
        made.updated_at += Duration::MICROSECOND;
        made.expires_at = made.expires_at.map(|at| at + Duration::HOUR);
        made.withheld.push(withheld());
        made.protected = !made.protected;
        made.name = format!("renamed {}", made.withheld.len()).parse().unwrap();
        made.data_as_of = Some(NOW);
        made.pull_request = Some(PullRequest { repository: Some("octo-org/hello.world".parse().unwrap()), number: 7 });
        made.previous = Some(Previous {
            generation: Generation::new(6).unwrap(),
            since: NOW,
            until: NOW + Duration::MINUTE,
            closed: made.protected,
            withheld: vec![withheld()],
            data_as_of: None,
        });
        let mut work = world.begin().await;
        work.branches().update(&made).await.unwrap();
        work.commit().await.unwrap();
        assert_eq!(world.begin().await.branches().find(made.id, false).await.unwrap(), Some(made.clone()));
    }
}

pub(crate) async fn access_is_granted_changed_and_taken_away(world: &World) {
    let (alice, bob) = (user_id(), user_id());
    let made = branch("shared", world.main.id);
    world.add_branch(&made).await;
    let grant = |user_id, level, seconds| Grant { user_id, level, granted_by: "fluxbase".to_owned(), granted_at: NOW + Duration::seconds(seconds) };
    let mut work = world.begin().await;
    for given in [grant(alice, AccessLevel::Read, 1), grant(bob, AccessLevel::Write, 2), grant(alice, AccessLevel::Admin, 3)] {
        work.branches().grant(made.id, &given).await.unwrap();
    }
    // What is written back beside them leaves grants as they are.
    work.branches().update(&Branch { protected: true, ..made.clone() }).await.unwrap();
    work.commit().await.unwrap();
    let found = world.branches.find(&made.slug).await.unwrap().unwrap();
    assert_eq!(found.grants, [grant(bob, AccessLevel::Write, 2), grant(alice, AccessLevel::Admin, 3)]);
    assert_eq!(listed(world, Some(bob)).await, [["main", "shared"]]);

    let mut work = world.begin().await;
    assert!(work.branches().revoke_grant(made.id, bob).await.unwrap());
    assert!(!work.branches().revoke_grant(made.id, bob).await.unwrap());
    work.commit().await.unwrap();
    assert_eq!(world.branches.find(&made.slug).await.unwrap().unwrap().grants, [grant(alice, AccessLevel::Admin, 3)], "known at once");
    assert_eq!(listed(world, Some(bob)).await, [["main"]]);
}

pub(crate) async fn what_is_live_and_what_is_kept_is_found(world: &World) {
    let kept = Previous { generation: Generation::FIRST, since: NOW, until: NOW, closed: false, withheld: Vec::new(), data_as_of: None };
    let gone = BranchState::Deleted { at: NOW };
    for (name, previous, state) in [
        ("plain", None, branch("x", world.main.id).state),
        ("kept", Some(kept.clone()), BranchState::Ready { generation: Generation::new(2).unwrap() }),
        ("gone", None, gone),
    ] {
        world.add_branch(&Branch { previous, state, ..branch(name, world.main.id) }).await;
    }
    let mut work = world.begin().await;
    let slugs = |branches: Vec<Branch>| branches.into_iter().map(|branch| branch.slug.to_string()).collect::<BTreeSet<_>>();
    assert_eq!(slugs(work.branches().live().await.unwrap()), ["kept", "main", "plain"].map(str::to_owned).into());
    assert_eq!(slugs(work.branches().with_previous().await.unwrap()), ["kept".to_owned()].into());
}

#[expect(clippy::disallowed_methods, reason = "the database measures by its own clock, and so does the fake of this test")]
pub(crate) async fn of_each_end_people_are_warned_once(world: &World) {
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
    let ready = BranchState::Ready { generation: Generation::FIRST };
    let soon = Branch { expires_at: Some(now + Duration::minutes(30)), state: ready.clone(), ..branch("soon", world.main.id) };
    world.add_branch(&soon).await;
    world.add_branch(&Branch { expires_at: Some(now + Duration::hours(2)), state: ready, ..branch("later", world.main.id) }).await;
    let unwarned = async || {
        let found = world.begin().await.branches().unwarned(Duration::HOUR).await.unwrap();
        found.into_iter().map(|branch| branch.slug.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(unwarned().await, ["soon"]);
    let mut work = world.begin().await;
    work.branches().warned(soon.id, soon.expires_at.unwrap()).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(unwarned().await, Vec::<String>::new());
    // Another end is another matter.
    let mut work = world.begin().await;
    work.branches().update(&Branch { expires_at: Some(now + Duration::minutes(40)), ..soon.clone() }).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(unwarned().await, ["soon"]);
    // What is protected does not go, so nobody is told that it does.
    let mut work = world.begin().await;
    work.branches().update(&Branch { expires_at: Some(now + Duration::minutes(40)), protected: true, ..soon }).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(unwarned().await, Vec::<String>::new());
}

fn withheld() -> Withheld {
    Withheld::columns(QualifiedName::new("public", "Odd \"one\""), vec!["a".to_owned(), "b".to_owned()], "they point at what is not there")
}

pub(crate) async fn slugs_are_unique_among_live_branches(world: &World) {
    let first = branch("taken", world.main.id);
    world.add_branch(&first).await;
    for slug in ["taken", "Taken!"] {
        let mut work = world.begin().await;
        let refused = work.branches().insert(&branch(slug, world.main.id)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Taken { what: "branch slug" }), "{refused:?}");
    }

    let mut work = world.begin().await;
    work.branches().update(&Branch { state: BranchState::Deleted { at: NOW }, ..first.clone() }).await.unwrap();
    work.commit().await.unwrap();
    let second = branch("taken", world.main.id);
    world.add_branch(&second).await;
    let mut work = world.begin().await;
    assert_eq!(work.branches().find_by_slug(&first.slug).await.unwrap().map(|found| found.id), Some(second.id));
    assert!(work.branches().find(first.id, false).await.unwrap().is_some(), "history stays");
}

pub(crate) async fn a_taken_slug_leaves_the_unit_of_work_usable(world: &World) {
    world.add_branch(&branch("taken", world.main.id)).await;
    let other = branch("other", world.main.id);
    let mut work = world.begin().await;
    work.branches().insert(&branch("taken", world.main.id)).await.unwrap_err();
    work.branches().insert(&other).await.unwrap();
    work.commit().await.unwrap();
    assert!(world.begin().await.branches().find(other.id, false).await.unwrap().is_some());
}

pub(crate) async fn of_many_who_want_one_slug_at_once_one_gets_it(world: &World) {
    let mut racers = JoinSet::new();
    for _ in 0..8 {
        let (control_plane, wanted) = (Arc::clone(&world.control_plane), branch("wanted", world.main.id));
        racers.spawn(async move {
            let mut work = control_plane.begin().await.unwrap();
            match work.branches().insert(&wanted).await {
                Ok(()) => work.commit().await.is_ok(),
                Err(StoreError::Taken { .. }) => false,
                Err(other) => panic!("{other:?}"),
            }
        });
    }
    assert_eq!(racers.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

pub(crate) async fn admissions_take_turns(world: &World) {
    const QUOTA: u64 = 3;
    let mut racers = JoinSet::new();
    for number in 0..8 {
        let (control_plane, wanted) = (Arc::clone(&world.control_plane), branch(&format!("wanted-{number}"), world.main.id));
        racers.spawn(async move {
            let mut work = control_plane.begin().await.unwrap();
            work.branches().lock_admission(std::time::Duration::from_mins(1)).await.unwrap();
            if work.branches().count_live(None).await.unwrap() >= QUOTA {
                return false;
            }
            tokio::task::yield_now().await;
            work.branches().insert(&wanted).await.unwrap();
            work.commit().await.unwrap();
            true
        });
    }
    assert_eq!(racers.join_all().await.into_iter().filter(|admitted| *admitted).count(), 3);
    assert_eq!(world.begin().await.branches().count_live(None).await.unwrap(), QUOTA);
}

pub(crate) async fn a_locked_branch_is_changed_by_one_at_a_time(world: &World) {
    let made = Branch { expires_at: Some(NOW), ..branch("counter", world.main.id) };
    world.add_branch(&made).await;
    let mut racers = JoinSet::new();
    for _ in 0..8 {
        let (control_plane, id) = (Arc::clone(&world.control_plane), made.id);
        racers.spawn(async move {
            let mut work = control_plane.begin().await.unwrap();
            let mut found = work.branches().find(id, true).await.unwrap().unwrap();
            tokio::task::yield_now().await;
            found.expires_at = found.expires_at.map(|at| at + Duration::SECOND);
            work.branches().update(&found).await.unwrap();
            work.commit().await.unwrap();
        });
    }
    racers.join_all().await;
    let found = world.begin().await.branches().find(made.id, false).await.unwrap().unwrap();
    assert_eq!(found.expires_at, Some(NOW + Duration::seconds(8)));
}

pub(crate) async fn generation_numbers_never_repeat(world: &World) {
    let mut racers = JoinSet::new();
    for _ in 0..8 {
        let control_plane = Arc::clone(&world.control_plane);
        racers.spawn(async move {
            let mut work = control_plane.begin().await.unwrap();
            let given = work.branches().next_generation(&"wanted".parse().unwrap()).await.unwrap();
            work.commit().await.unwrap();
            given.number()
        });
    }
    let given: BTreeSet<u32> = racers.join_all().await.into_iter().collect();
    assert_eq!(given, (1..=8).collect());
    let other = world.begin().await.branches().next_generation(&"other".parse().unwrap()).await.unwrap();
    assert_eq!(other, Generation::FIRST);
}

async fn listed(world: &World, of: Option<domain::UserId>) -> Vec<Vec<String>> {
    let (mut pages, mut request) = (Vec::new(), two(None));
    loop {
        let page = world.begin().await.branches().list(of, &request).await.unwrap();
        pages.push(page.items.iter().map(|branch| branch.slug.to_string()).collect());
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            return pages;
        }
    }
}

pub(crate) async fn lists_begin_with_main_and_then_the_newest(world: &World) {
    assert_eq!(listed(world, None).await, [["main"]]);
    for (age, name) in [(3, "oldest"), (1, "newest"), (2, "middle")] {
        world.add_branch(&Branch { created_at: NOW - Duration::days(age), ..branch(name, world.main.id) }).await;
    }
    let deleted = Branch { state: BranchState::Deleted { at: NOW }, ..branch("deleted", world.main.id) };
    world.add_branch(&deleted).await;
    assert_eq!(listed(world, None).await, [["main", "newest"], ["middle", "oldest"]]);
}

pub(crate) async fn a_user_is_shown_main_and_its_own(world: &World) {
    let (alice, bob) = (Some(user_id()), Some(user_id()));
    for (name, created_by) in [("hers", alice), ("his", bob), ("nobodys", None)] {
        world.add_branch(&Branch { created_by, ..branch(name, world.main.id) }).await;
    }
    assert_eq!(listed(world, alice).await, [["main", "hers"]]);
    assert_eq!(listed(world, Some(user_id())).await, [["main"]]);
}

pub(crate) async fn live_branches_are_counted_without_main(world: &World) {
    let alice = Some(user_id());
    assert_eq!(world.begin().await.branches().count_live(None).await.unwrap(), 0);
    for (name, created_by, state) in [
        ("a", alice, BranchState::Ready { generation: Generation::FIRST }),
        ("b", alice, BranchState::Error { reason: "broken".to_owned(), generation: None }),
        ("c", alice, BranchState::Deleted { at: NOW }),
        ("d", None, BranchState::Deleting { operation: operation_id(), generation: None }),
    ] {
        world.add_branch(&Branch { created_by, state, ..branch(name, world.main.id) }).await;
    }
    let mut work = world.begin().await;
    assert_eq!(work.branches().count_live(None).await.unwrap(), 3);
    assert_eq!(work.branches().count_live(alice).await.unwrap(), 2);
    assert_eq!(work.branches().count_live(Some(user_id())).await.unwrap(), 0);
}

pub(crate) async fn children_are_the_live_branches_cut_from_one(world: &World) {
    let parent = branch("parent", world.main.id);
    world.add_branch(&parent).await;
    world.add_branch(&branch("child", parent.id)).await;
    world.add_branch(&Branch { state: BranchState::Deleted { at: NOW }, ..branch("gone", parent.id) }).await;
    let mut work = world.begin().await;
    let slugs = |branches: Vec<Branch>| branches.into_iter().map(|branch| branch.slug.to_string()).collect::<Vec<_>>();
    assert_eq!(slugs(work.branches().children(parent.id).await.unwrap()), ["child"]);
    assert_eq!(slugs(work.branches().children(world.main.id).await.unwrap()), ["parent"]);
}

pub(crate) async fn expired_branches_are_those_whose_time_has_come(world: &World) {
    const LONG_AGO: OffsetDateTime = datetime!(2001-01-01 00:00 UTC);
    const FAR_OFF: OffsetDateTime = datetime!(2999-01-01 00:00 UTC);
    let ready = BranchState::Ready { generation: Generation::FIRST };
    let failed = BranchState::Error { reason: "broken".to_owned(), generation: None };
    for (name, expires_at, state) in [
        ("second", Some(LONG_AGO + Duration::DAY), failed),
        ("first", Some(LONG_AGO), ready.clone()),
        ("later", Some(FAR_OFF), ready.clone()),
        ("never", None, ready),
        ("not-built-yet", Some(LONG_AGO), branch("x", world.main.id).state),
        ("on-its-way", Some(LONG_AGO), BranchState::Deleting { operation: operation_id(), generation: None }),
        ("gone", Some(LONG_AGO), BranchState::Deleted { at: NOW }),
    ] {
        world.add_branch(&Branch { expires_at, state, ..branch(name, world.main.id) }).await;
    }
    let ready = BranchState::Ready { generation: Generation::FIRST };
    world.add_branch(&Branch { expires_at: Some(LONG_AGO), protected: true, state: ready, ..branch("protected", world.main.id) }).await;
    let expired = world.begin().await.branches().expired().await.unwrap();
    assert_eq!(expired.iter().map(|branch| branch.slug.as_str()).collect::<Vec<_>>(), ["first", "second"]);
}

pub(crate) async fn cursors_of_other_lists_are_refused(world: &World) {
    for name in ["a", "b", "c"] {
        world.add_branch(&branch(name, world.main.id)).await;
    }
    let mut work = world.begin().await;
    let cursor = work.branches().list(None, &two(None)).await.unwrap().next_cursor.unwrap();
    for bad in [String::new(), "nonsense".to_owned(), format!("x{cursor}")] {
        let refused = work.branches().list(None, &two(Some(bad))).await.unwrap_err();
        assert!(matches!(refused, StoreError::BadCursor), "{refused:?}");
    }
    let request = PageRequest { limit: 2, cursor: Some(cursor) };
    assert!(matches!(work.keys().list(KeyKind::Api, &request).await, Err(StoreError::BadCursor)));
    assert!(matches!(work.users().list(&request).await, Err(StoreError::BadCursor)));
}
