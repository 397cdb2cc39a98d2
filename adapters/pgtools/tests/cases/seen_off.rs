//! People's own sessions on what a reset replaces.

use super::{
    Admin,
    connections::{BOTH, Street, session, tag},
    execute, try_execute,
};
use ports::driven::{BranchBuilder, BranchLogins, BuildError, Footing, LoginPurpose};

#[tokio::test(flavor = "multi_thread")]
async fn people_are_seen_off_what_is_replaced_and_requests_go_on() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let (next, settings) = (tag(&street.house, "mine", 2), &street.house.settings);
        street.open(&next).await;
        let (user, password) = street.issue().await;
        let mut person = session(&user, &password, &street.branch.database).await.unwrap();
        execute(&mut person, "begin; insert into t values (2)").await;
        // As `fluxbase db url` has it on a branch.
        let mut superuser = street.house.look_into(&street.branch.database).await;
        let of_requests = settings.logins.of(LoginPurpose::User, &street.branch.database);
        let mut request = session(&of_requests.name, &of_requests.password, &street.branch.database).await.unwrap();

        street.logins.admit(&next, Footing::default()).await.unwrap();
        for _ in 0..2 {
            street.logins.see_off(&street.branch, Footing::default()).await.unwrap();
        }
        assert!(try_execute(&mut person, "commit").await.is_err(), "what was begun is not written any more");
        assert!(session(&user, &password, &street.branch.database).await.is_err(), "nobody comes back");
        assert!(session(&user, &password, &next.database).await.is_ok());
        execute(&mut request, "select 1").await;
        // No admin but a superuser ends a superuser's session: it is told of when the database is closed.
        assert_eq!(try_execute(&mut superuser, "select 1").await.is_err(), admin == Admin::Superuser);
        street.logins.admit(&street.branch, Footing::default()).await.unwrap();
        assert!(session(&user, &password, &street.branch.database).await.is_ok(), "a switch that did not come about, or an undo, lets them in again");
        street.logins.see_off(&tag(&street.house, "mine", 3), Footing::default()).await.unwrap();
    }
}

/// A replica that was frozen wakes up when others may long have brought back what it was about to close.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_lost_the_branch_meanwhile_closes_nothing_and_lets_nobody_in() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let (builder, next) = (street.house.builder(), tag(&street.house, "mine", 2));
        street.open(&next).await;
        let (user, password) = street.issue().await;
        let mut person = session(&user, &password, &street.branch.database).await.unwrap();
        let of_requests = street.house.settings.logins.of(LoginPurpose::User, &street.branch.database);
        let mut request = session(&of_requests.name, &of_requests.password, &street.branch.database).await.unwrap();
        let mut holder = street.house.look_into(&street.house.main).await;
        execute(&mut holder, "begin").await;
        let transaction = sqlx::query_scalar("select pg_current_xact_id()::text::bigint").fetch_one(&mut holder).await.unwrap();
        let footing = Footing(transaction);
        execute(&mut holder, "rollback").await;

        assert!(matches!(builder.shut_out_while(&street.branch, footing).await, Err(BuildError::Stopped)));
        assert!(matches!(street.logins.see_off(&street.branch, footing).await, Err(BuildError::Stopped)));
        assert!(matches!(street.logins.admit(&next, footing).await, Err(BuildError::Stopped)));
        assert!(matches!(street.logins.issue(&next, footing).await, Err(BuildError::Stopped)), "whose password would no longer hold");
        for session in [&mut person, &mut request] {
            execute(session, "select 1").await;
        }
        session(&user, &password, &street.branch.database).await.expect("people come in as before");
        session(&of_requests.name, &of_requests.password, &street.branch.database).await.expect("so do requests");
        assert!(session(&user, &password, &next.database).await.is_err());

        execute(&mut holder, "begin").await;
        let transaction = sqlx::query_scalar("select pg_current_xact_id()::text::bigint").fetch_one(&mut holder).await.unwrap();
        let footing = Footing(transaction);
        street.logins.admit(&next, footing).await.unwrap();
        session(&user, &password, &next.database).await.unwrap();
        street.logins.see_off(&street.branch, footing).await.unwrap();
        assert!(session(&user, &password, &street.branch.database).await.is_err());
        execute(&mut request, "select 1").await;
        builder.shut_out_while(&street.branch, footing).await.unwrap();
        assert!(try_execute(&mut request, "select 1").await.is_err(), "who holds it closes it");
        assert!(session(&of_requests.name, &of_requests.password, &street.branch.database).await.is_err());
    }
}
