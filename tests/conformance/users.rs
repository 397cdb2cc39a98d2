//! Users.

use crate::{
    values::{two, user, user_id},
    worlds::World,
};
use domain::user::User;
use ports::driven::{StoreError, StoredUser};

async fn add(world: &World, user: &StoredUser) {
    let mut work = world.begin().await;
    assert!(work.users().managed().await.unwrap());
    work.users().insert(user).await.unwrap();
    work.commit().await.unwrap();
}

pub(crate) async fn a_user_is_found_by_id_and_by_address(world: &World) {
    let alice = user("alice@example.com");
    let mut admin = user("admin@example.com");
    admin.user.admin = true;
    admin.password_hash = None;
    for stored in [&alice, &admin] {
        add(world, stored).await;
        let mut work = world.begin().await;
        assert_eq!(work.users().find(stored.user.id).await.unwrap().as_ref(), Some(&stored.user));
        let email = stored.user.email.parse().unwrap();
        assert_eq!(work.users().find_by_email(&email).await.unwrap().as_ref(), Some(stored));
    }
    let nobody = "nobody@example.com".parse().unwrap();
    assert_eq!(world.begin().await.users().find_by_email(&nobody).await.unwrap(), None);
}

pub(crate) async fn addresses_are_unique(world: &World) {
    add(world, &user("alice@example.com")).await;
    let mut work = world.begin().await;
    let refused = work.users().insert(&user("alice@example.com")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Taken { what: "e-mail address" }), "{refused:?}");
    // The rest of the unit of work goes on.
    work.users().insert(&user("bob@example.com")).await.unwrap();
    work.commit().await.unwrap();
    assert!(world.begin().await.users().find_by_email(&"bob@example.com".parse().unwrap()).await.unwrap().is_some());
}

pub(crate) async fn users_are_listed_by_address(world: &World) {
    for email in ["carol@example.com", "alice@example.com", "bob@example.com"] {
        add(world, &user(email)).await;
    }
    let emails = |users: Vec<User>| users.into_iter().map(|user| user.email).collect::<Vec<_>>();
    let mut work = world.begin().await;
    let first = work.users().list(&two(None)).await.unwrap();
    assert_eq!(emails(first.items), ["alice@example.com", "bob@example.com"]);
    let second = work.users().list(&two(first.next_cursor)).await.unwrap();
    assert_eq!((emails(second.items), second.next_cursor), (vec!["carol@example.com".to_owned()], None));
}

pub(crate) async fn who_signed_up_is_no_member_until_promoted(world: &World) {
    let mut newcomer = user("newcomer@example.com");
    newcomer.user.member = false;
    add(world, &newcomer).await;
    let id = newcomer.user.id;
    let mut work = world.begin().await;
    assert!(!work.users().is_member(id).await.unwrap());
    assert_eq!(work.users().find(id).await.unwrap().as_ref(), Some(&newcomer.user));
    assert!(work.users().is_member(user_id()).await.unwrap(), "another issuer answers for those whom nobody knows");
    assert_eq!(work.users().promote(user_id(), true).await.unwrap(), None);
    for admin in [false, true, false] {
        let promoted = work.users().promote(id, admin).await.unwrap().unwrap();
        assert!(promoted.member && (promoted.admin || !admin), "{promoted:?}");
    }
    work.commit().await.unwrap();
    let mut work = world.begin().await;
    assert!(work.users().is_member(id).await.unwrap());
    let found = work.users().find(id).await.unwrap().unwrap();
    assert!(found.member && found.admin, "nobody loses anything by it");
}
