//! Histories of branches.

use crate::{
    values::{branch, line, two},
    worlds::World,
};
use domain::page::PageRequest;
use ports::driven::ActivityEntry;

fn actions(entries: &[ActivityEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.action.as_str()).collect()
}

pub(crate) async fn a_branch_remembers_who_did_what_with_the_newest_first(world: &World) {
    let target = branch("target", world.main.id);
    world.add_branch(&target).await;
    let told = ActivityEntry { actor: "user:alice".to_owned(), detail: Some("it's \"hers\"".to_owned()), ..line(target.id, "create_requested", 0) };
    let mut work = world.begin().await;
    for entry in [&told, &line(target.id, "deleted", 9), &line(target.id, "created", 5), &line(target.id, "delete_requested", 9)] {
        work.activity().record(entry).await.unwrap();
    }
    work.commit().await.unwrap();

    let mut work = world.begin().await;
    for (action, second, tells) in [("created", 5, true), ("created", 6, false), ("dropped", 0, false)] {
        assert_eq!(work.activity().tells(target.id, action, line(target.id, action, second).at).await.unwrap(), tells, "{action} {second}");
    }
    let first = work.activity().list(target.id, &two(None)).await.unwrap();
    assert_eq!(actions(&first.items), ["delete_requested", "deleted"], "of the same time, the one that came later first");
    let second = work.activity().list(target.id, &two(first.next_cursor)).await.unwrap();
    assert_eq!(actions(&second.items), ["created", "create_requested"]);
    assert_eq!((second.items.last(), second.next_cursor), (Some(&told), None));
}

pub(crate) async fn branches_have_their_own_histories(world: &World) {
    let (one, other) = (branch("one", world.main.id), branch("other", world.main.id));
    let mut work = world.begin().await;
    for made in [&one, &other] {
        work.branches().insert(made).await.unwrap();
        work.activity().record(&line(made.id, made.slug.as_str(), 0)).await.unwrap();
    }
    work.commit().await.unwrap();
    let listed = world.begin().await.activity().list(one.id, &PageRequest::default()).await.unwrap();
    assert_eq!(actions(&listed.items), ["one"]);
}
