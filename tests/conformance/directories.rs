//! What every request looks up: at once true on the replica that made the change.

use crate::{
    values::{NOW, branch, key, user},
    worlds::World,
};
use domain::{Branch, BranchState, Generation};
use ports::driven::{KeyKind, KeyRecord};

pub(crate) async fn a_branch_is_found_as_soon_as_it_is_committed_and_not_before(world: &World) {
    let made = branch("made", world.main.id);
    assert_eq!(world.branches.find(&made.slug).await.unwrap(), None);
    let mut work = world.begin().await;
    work.branches().insert(&made).await.unwrap();
    assert_eq!(world.branches.find(&made.slug).await.unwrap(), None);
    assert_eq!(world.branches.find_by_id(made.id).await.unwrap(), None);
    work.commit().await.unwrap();
    assert_eq!(world.branches.find(&made.slug).await.unwrap().as_deref(), Some(&made));
    assert_eq!(world.branches.find_by_id(made.id).await.unwrap().as_deref(), Some(&made));
    assert_eq!(world.branches.find(&world.main.slug).await.unwrap().as_deref(), Some(&world.main));
}

pub(crate) async fn a_changed_branch_is_seen_at_once_and_a_deleted_one_not_at_all(world: &World) {
    let mut made = branch("made", world.main.id);
    world.add_branch(&made).await;
    for round in 1..=20 {
        assert_eq!(world.branches.find(&made.slug).await.unwrap().as_deref(), Some(&made));
        assert_eq!(world.branches.find_by_id(made.id).await.unwrap().as_deref(), Some(&made));
        made.state = BranchState::Ready { generation: Generation::new(round).unwrap() };
        update(world, &made).await;
    }
    update(world, &Branch { state: BranchState::Deleted { at: NOW }, ..made.clone() }).await;
    assert_eq!(world.branches.find(&made.slug).await.unwrap(), None);
    assert_eq!(world.branches.find_by_id(made.id).await.unwrap(), None);

    let successor = branch("made", world.main.id);
    world.add_branch(&successor).await;
    assert_eq!(world.branches.find(&made.slug).await.unwrap().as_deref(), Some(&successor));
}

async fn update(world: &World, branch: &Branch) {
    let mut work = world.begin().await;
    work.branches().update(branch).await.unwrap();
    work.commit().await.unwrap();
}

pub(crate) async fn a_key_is_found_with_its_hash_and_its_users_address(world: &World) {
    let alice = user("alice@example.com");
    let hers = KeyRecord { user_id: Some(alice.user.id), ..key(KeyKind::Api, "fb_pk_hers") };
    let nobodys = key(KeyKind::Service, "sb_service_nobodys");
    assert_eq!(world.keys.find(&hers.prefix).await.unwrap(), None);
    let mut work = world.begin().await;
    work.users().insert(&alice).await.unwrap();
    work.keys().insert(&hers, &[1; 32]).await.unwrap();
    work.keys().insert(&nobodys, &[2; 32]).await.unwrap();
    assert_eq!(world.keys.find(&hers.prefix).await.unwrap(), None);
    work.commit().await.unwrap();
    for (record, hash, email) in [(hers, [1; 32], Some("alice@example.com")), (nobodys, [2; 32], None)] {
        let found = world.keys.find(&record.prefix).await.unwrap().unwrap();
        assert_eq!((&found.record, found.hash, found.user_email.as_deref()), (&record, hash, email));
    }
}

pub(crate) async fn a_revoked_key_is_known_to_be_so_at_once(world: &World) {
    let record = key(KeyKind::Api, "fb_pk_revoked");
    let mut work = world.begin().await;
    work.keys().insert(&record, &[1; 32]).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(world.keys.find(&record.prefix).await.unwrap().unwrap().record.revoked_at, None);
    let mut work = world.begin().await;
    work.keys().revoke(KeyKind::Api, record.id, NOW).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(world.keys.find(&record.prefix).await.unwrap().unwrap().record.revoked_at, Some(NOW));
}
