//! What one unit of work writes becomes visible to others all at once, at its commit, or never.

use crate::{
    values::{branch, key, line, operation, user},
    worlds::World,
};
use domain::{Branch, Operation, page::PageRequest};
use ports::driven::{ActivityEntry, KeyKind, KeyRecord, StoredUser, UnitOfWork};

pub(crate) async fn what_is_committed_is_seen_and_not_before(world: &World) {
    let made = branch("made", world.main.id);
    let mut writing = world.begin().await;
    writing.branches().insert(&made).await.unwrap();

    let mut reading = world.begin().await;
    assert_eq!(reading.branches().find(made.id, false).await.unwrap(), None);
    writing.commit().await.unwrap();
    assert_eq!(world.begin().await.branches().find(made.id, false).await.unwrap(), Some(made));
}

pub(crate) async fn what_is_dropped_was_never_there(world: &World) {
    let made = branch("made", world.main.id);
    let mut work = world.begin().await;
    work.branches().insert(&made).await.unwrap();
    drop(work);

    let mut work = world.begin().await;
    assert_eq!(work.branches().find(made.id, false).await.unwrap(), None);
    work.branches().insert(&made).await.unwrap();
    work.commit().await.unwrap();
}

pub(crate) async fn a_unit_of_work_sees_what_it_wrote_itself(world: &World) {
    let made = branch("made", world.main.id);
    let mut work = world.begin().await;
    work.branches().insert(&made).await.unwrap();
    assert_eq!(work.branches().find_by_slug(&made.slug).await.unwrap(), Some(made));
    assert_eq!(work.branches().count_live(None).await.unwrap(), 1);
}

/// One thing for every repository.
struct Things {
    branch: Branch,
    operation: Operation,
    key: KeyRecord,
    user: StoredUser,
    line: ActivityEntry,
}

impl Things {
    async fn write(&self, work: &mut dyn UnitOfWork) {
        work.operations().insert(&self.operation).await.unwrap();
        work.branches().insert(&self.branch).await.unwrap();
        work.keys().insert(&self.key, &[7; 32]).await.unwrap();
        work.users().insert(&self.user).await.unwrap();
        work.activity().record(&self.line).await.unwrap();
    }

    async fn are_there(&self, work: &mut dyn UnitOfWork) -> [bool; 5] {
        [
            work.branches().find(self.branch.id, false).await.unwrap().is_some(),
            work.operations().find(self.operation.id).await.unwrap().is_some(),
            work.keys().find(self.key.kind, self.key.id).await.unwrap().is_some(),
            work.users().find(self.user.user.id).await.unwrap().is_some(),
            !work.activity().list(self.branch.id, &PageRequest::default()).await.unwrap().items.is_empty(),
        ]
    }
}

pub(crate) async fn all_repositories_stand_or_fall_together(world: &World) {
    let branch = branch("made", world.main.id);
    let things = Things {
        operation: operation(branch.id, 0),
        key: key(KeyKind::Api, "fb_pk_together"),
        user: user("together@example.com"),
        line: line(branch.id, "created", 0),
        branch,
    };
    let mut work = world.begin().await;
    things.write(&mut *work).await;
    assert_eq!(things.are_there(&mut *world.begin().await).await, [false; 5]);
    drop(work);
    assert_eq!(things.are_there(&mut *world.begin().await).await, [false; 5]);

    let mut work = world.begin().await;
    things.write(&mut *work).await;
    work.commit().await.unwrap();
    assert_eq!(things.are_there(&mut *world.begin().await).await, [true; 5]);
}
