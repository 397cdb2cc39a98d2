//! Logins of what is gone, as a crash between a database's drop and theirs leaves them: nobody has them afterwards.

use super::{
    Quiet,
    cluster::PASSWORD,
    connect,
    connections::{BOTH, Street, is_ended},
    execute,
    granted_logins::house,
    try_connect,
};
use ports::driven::{BranchBuilder, LoginPurpose, Stock};
use sqlx::PgConnection;
use std::sync::Arc;

/// A branch whose database is gone and whose logins are there, with who has come by their passwords.
struct Left {
    street: Street,
    names: Vec<String>,
    sessions: Vec<PgConnection>,
}

impl Left {
    /// Where everybody is let in.
    async fn behind(street: Street) -> Self {
        let (user, password) = street.issue().await;
        let (mut names, mut sessions) = (vec![user.clone()], vec![connect(&user, password.expose(), "postgres").await]);
        for purpose in LoginPurpose::ALL {
            let login = street.house.settings.logins.of(purpose, &street.branch.database);
            let mut session = connect(&login.name, login.password.expose(), "postgres").await;
            execute(&mut session, &format!("set role none; alter role {} password 'taken'", login.name)).await;
            sessions.push(session);
            names.push(login.name);
        }
        let admin = &street.house.settings.admin.user;
        let drop = format!("drop database {} with (force)", street.branch.database);
        street.house.builder().shut_out(&street.branch).await.unwrap();
        execute(&mut connect(admin, PASSWORD, street.house.main.as_str()).await, &drop).await;
        names.sort();
        Self { street, names, sessions }
    }

    /// How many of its logins there are of which this holds.
    async fn count(&self, what: &str) -> i64 {
        self.street.house.count(&self.street.house.main, &format!("pg_roles r where rolname in ('{}') and {what}", self.names.join("', '"))).await
    }

    async fn is_nobodys(&mut self) {
        for session in &mut self.sessions {
            assert!(is_ended(session).await);
        }
        assert_eq!(self.count("rolcanlogin").await, 0);
        for name in &self.names {
            assert!(try_connect(name, "taken", "postgres").await.is_err());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_by_a_login_of_what_is_gone_is_shown_out() {
    for admin in BOTH {
        let mut left = Left::behind(Street::of(house(admin).await).await).await;
        let report = left.street.house.builder().sweep(Vec::new(), &[], &[]).await.unwrap();
        assert_eq!((report.dropped, report.reported.len()), (left.names.clone(), 0));
        left.is_nobodys().await;
        assert_eq!(left.count("true").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_what_is_gone_that_something_names_is_good_for_nothing() {
    for admin in BOTH {
        let mut left = Left::behind(Street::of(house(admin).await).await).await;
        let names = left.names.join(", ");
        // Whoever lets such logins into a database of his keeps them; he does not arm them.
        let mut by_hand = connect("postgres", PASSWORD, left.street.house.main.as_str()).await;
        execute(&mut by_hand, &format!("grant connect on database postgres to {names}; grant select on t to {names}")).await;
        for _ in 0..2 {
            let report = left.street.house.builder().sweep(Vec::new(), &[], &[]).await.unwrap();
            assert_eq!(report.dropped, [""; 0]);
            let told = |name: &String| report.reported.iter().any(|text| text.starts_with(name) && text.contains("still depends on it"));
            assert!(left.names.iter().all(told), "{:?}", report.reported);
            left.is_nobodys().await;
        }
        let armed = "rolname !~ '_b_' and exists (select from pg_auth_members m where m.member = r.oid)";
        assert_eq!((left.count("true").await, left.count(armed).await), (4, 0));
        execute(&mut by_hand, &format!("revoke connect on database postgres from {names}; revoke select on t from {names}")).await;
        let report = left.street.house.builder().sweep(Vec::new(), &[], &[]).await.unwrap();
        assert_eq!(report.dropped, left.names);
    }
}

/// Also where the branch is deleted as it should be.
#[tokio::test(flavor = "multi_thread")]
async fn who_lets_a_login_into_a_database_of_his_shields_no_session_of_it() {
    for admin in BOTH {
        let street = Street::of(house(admin).await).await;
        let mut by_hand = connect("postgres", PASSWORD, street.house.main.as_str()).await;
        let mut sessions = Vec::new();
        let mut names = Vec::new();
        for purpose in LoginPurpose::ALL {
            let login = street.house.settings.logins.of(purpose, &street.branch.database);
            execute(&mut by_hand, &format!("grant connect on database postgres to {}", login.name)).await;
            sessions.push(connect(&login.name, login.password.expose(), "postgres").await);
            names.push(login.name);
        }
        street.house.builder().shut_out(&street.branch).await.unwrap();
        street.house.builder().drop_database(&street.branch, Arc::new(Quiet)).await.unwrap();
        let names = names.join("', '");
        let open = format!("pg_roles where rolname in ('{names}') and rolcanlogin");
        assert_eq!(street.house.count(&street.house.main, &open).await, 0);
        for session in &mut sessions {
            assert!(is_ended(session).await);
        }
        execute(&mut by_hand, &format!("revoke connect on database postgres from {}", names.replace('\'', ""))).await;
        street.house.builder().sweep(Vec::new(), &[], &[]).await.unwrap();
        assert_eq!(street.house.count(&street.house.main, &format!("pg_roles where rolname in ('{names}')")).await, 0);
    }
}
