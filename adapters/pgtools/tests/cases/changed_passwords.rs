//! Code that ran over a login of a branch's database gave it another password.

use super::{
    Admin,
    connections::{BOTH, Street, is_ended, session},
    execute, some_user, try_connect, try_execute,
};
use fluxbase_pgtools::PgLoginRestorer;
use ports::driven::{BranchLogins, BranchUsers, DatabaseLogin, LoginPurpose, LoginRestorer, PRESENT};
use sqlx::PgConnection;

const MINE: &str = "mine";

fn logins(street: &Street) -> [DatabaseLogin; 3] {
    LoginPurpose::ALL.map(|purpose| street.house.settings.logins.of(purpose, &street.branch.database))
}

/// What a migration, a trigger or a function can do.
async fn take(street: &Street) {
    for login in logins(street) {
        let mut inside = session(&login.name, &login.password, &street.branch.database).await.unwrap();
        let take = format!("set role none; alter role {0} password '{MINE}'; alter role {0} set work_mem = '1MB'", login.name);
        execute(&mut inside, &take).await;
    }
}

async fn is_ours_again(street: &Street) {
    for login in logins(street) {
        let database = &street.branch.database;
        assert!(try_connect(&login.name, MINE, database.as_str()).await.is_err(), "{}", login.name);
        session(&login.name, &login.password, database).await.unwrap_or_else(|error| panic!("{}: {error}", login.name));
    }
    let [user, service, builder] = logins(street).map(|login| login.name);
    let set = format!("pg_roles where rolname in ('{user}', '{service}', '{builder}') and array_to_string(rolconfig, ' ') like '%work_mem%'");
    assert_eq!(street.house.count(&street.house.main, &set).await, 0, "what was set for them is gone too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_whose_password_was_changed_is_put_right_where_it_is_used() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        take(&street).await;
        street.house.builder().introduce(&street.branch, some_user()).await.unwrap();
        is_ours_again(&street).await;

        take(&street).await;
        let restorer = PgLoginRestorer::new(street.house.settings.clone());
        restorer.restore(&street.branch.database).await.unwrap();
        is_ours_again(&street).await;

        street.delete(&street.branch).await;
        restorer.restore(&street.branch.database).await.unwrap();
        let [user, service, builder] = logins(&street).map(|login| login.name);
        let back = format!("pg_roles where rolname in ('{user}', '{service}', '{builder}')");
        assert_eq!(street.house.count(&street.house.main, &back).await, 0, "what is gone does not come back");
    }
}

/// Gives the session's own login a password of so many bytes that PostgreSQL keeps it in another table, which nobody reads who is about to connect. Whether it
/// could: from PostgreSQL 18 on, it is refused.
pub(super) async fn take_long_password(inside: &mut PgConnection) -> bool {
    let taken = try_execute(
        inside,
        "do $$ begin
             execute format('alter role %I password %L', current_user,
                            'SCRAM-SHA-256$4096:' || (select string_agg(md5(i::text), '') from generate_series(1, 300) i)
                                || '$' || repeat('A', 43) || '=:' || repeat('A', 43) || '=');
         end $$",
    )
    .await;
    let refuses = inside.server_version_num().unwrap() >= 180_000;
    assert_eq!(taken.is_err(), refuses, "{taken:?}");
    !refuses
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_took_a_password_which_nobody_can_read_is_put_right_too() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        for login in logins(&street) {
            let mut inside = session(&login.name, &login.password, &street.branch.database).await.unwrap();
            execute(&mut inside, "set role none").await;
            let taken = take_long_password(&mut inside).await;
            assert_eq!(session(&login.name, &login.password, &street.branch.database).await.is_err(), taken);
        }
        street.house.builder().introduce(&street.branch, some_user()).await.unwrap();
        is_ours_again(&street).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_came_by_a_changed_password_is_shown_out_when_it_is_taken_back() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let (people, password) = street.issue().await;
        let mut people = session(&people, &password, &street.branch.database).await.unwrap();
        take(&street).await;
        let mut sessions = Vec::new();
        for login in logins(&street) {
            sessions.push(try_connect(&login.name, MINE, street.branch.database.as_str()).await.unwrap());
        }
        let [.., builder] = logins(&street);
        // So looks one of ours that holds a database for a migration.
        let mut at_work = try_connect(&builder.name, MINE, street.branch.database.as_str()).await.unwrap();
        execute(&mut at_work, "select pg_advisory_lock(1)").await;
        street.logins.reclaim(&street.branch).await.unwrap();
        for session in &mut sessions {
            assert!(is_ended(session).await);
        }
        is_ours_again(&street).await;
        execute(&mut at_work, "select 1").await;
        execute(&mut people, "select 1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_the_servers_sessions_by_a_login_of_a_branch() {
    let street = Street::new(Admin::Superuser).await;
    let database = &street.branch.database;
    let mut replicas = Vec::new();
    for most in [[8, 8, 24], [8, 8, 24], [12, 12, 36]] {
        PgLoginRestorer::new(street.house.settings.clone()).restore(database).await.unwrap();
        for (login, most) in logins(&street).iter().zip(most) {
            let limit = format!("select rolconnlimit from pg_roles where rolname = '{}'", login.name);
            assert_eq!(street.house.value::<i32>(&street.house.main, &limit).await, most, "{} at {} replicas", login.name, replicas.len());
        }
        // Each replica shows in a session of its own that it is there.
        let mut replica = street.house.look_into(&street.house.main).await;
        execute(&mut replica, &format!("select pg_advisory_lock_shared(hashtextextended('{PRESENT}', 0))")).await;
        replicas.push(replica);
    }
    let [user, ..] = logins(&street);
    let mut crowd = Vec::new();
    while let Ok(session) = session(&user.name, &user.password, database).await {
        crowd.push(session);
    }
    assert_eq!(crowd.len(), 12);
}
