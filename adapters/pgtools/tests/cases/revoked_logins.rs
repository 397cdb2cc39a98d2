//! Logins that people connected by, taken away: whatever was done with them, they go, and nobody has them.

use super::{
    Admin, Quiet,
    cluster::PASSWORD,
    connect,
    connections::{BOTH, Street, is_ended, session, tag},
    execute,
    in_the_way::FOR_EVER,
    refusal, try_execute,
};
use domain::branch::DatabaseName;
use fluxbase_pgtools::PgWatch;
use ports::driven::{BranchBuilder, BranchLogins, Footing, LoginPurpose};
use sqlx::PgConnection;
use std::sync::Arc;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_made_as_itself_stops_nothing() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let things = "set role none; create table own (id int); create schema corner; create table corner.thing (id int); select lo_create(0);
            create type mood as enum ('good'); grant select on own to anon; alter default privileges grant select on tables to anon;
            create function corner.f() returns int language sql security definer as 'select 1'";
        let elsewhere = "set role none; select lo_create(0); alter default privileges grant select on tables to public";
        let litter = async || {
            let (user, password) = street.issue().await;
            execute(&mut session(&user, &password, &street.branch.database).await.unwrap(), things).await;
            execute(&mut session(&user, &password, &DatabaseName::existing("postgres")).await.unwrap(), elsewhere).await;
            user
        };
        // Revoked while the branch lives: its things stay, and are the branch's.
        litter().await;
        street.logins.revoke(street.branch.branch_id).await.unwrap();
        street.logins.revoke(street.branch.branch_id).await.unwrap();
        assert_eq!(street.roles().await, 0);
        let owned = "pg_class where relname in ('own', 'thing') and relowner = 'fluxbase_branch_owner'::regrole";
        assert_eq!(street.house.count(&street.branch.database, owned).await, 2);
        assert!(street.logins.find(&street.branch).await.unwrap().is_none());

        execute(&mut street.house.look_into(&street.branch.database).await, "drop table own; drop schema corner cascade; drop type mood").await;
        let user = litter().await;
        street.delete(&street.branch).await;
        assert_eq!(street.roles().await, 0, "{user} is still there");
        assert_eq!(street.house.count(&street.house.main, "branching.connections").await, 0);
    }
}

/// Whoever owns a branch may name any role in a grant; what takes that role away is no way for that branch's builder to become it.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_becomes_another_branchs_login_by_naming_it() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let house = &street.house;
        let [named, other] = ["theirs", "others"].map(|slug| tag(house, slug, 1));
        for target in [&named, &other] {
            street.open(target).await;
        }
        let builders = [&named, &other].map(|target| house.settings.logins.of(LoginPurpose::Builder, &target.database).name);
        let (user, _) = street.issue().await;
        let as_admin = if admin == Admin::Plain { "dba" } else { "postgres" };
        let mut by_admin = connect(as_admin, PASSWORD, "postgres").await;
        let becomes =
            format!("pg_auth_members where roleid = '{user}'::regrole and member in ('{}'::regrole, '{}'::regrole)", builders[0], builders[1]);
        // As an earlier version may have left it, and an earlier admin.
        let lets_in = async |by_admin: &mut PgConnection, by: &str| {
            if admin == Admin::Superuser {
                execute(by_admin, &format!("grant {user} to dba with admin option")).await;
            }
            execute(by_admin, &format!("{by}grant {user} to {}; reset role", builders.join(", "))).await;
        };
        for by in ["", "set role dba; "] {
            lets_in(&mut by_admin, by).await;
            execute(&mut house.look_into(&named.database).await, &format!("grant select on t to {user}")).await;
            // What is held cannot be given away: the role stays.
            let mut holds = house.look_into(&named.database).await;
            execute(&mut holds, "begin; grant select on t to public").await;
            street.logins.revoke(street.branch.branch_id).await.unwrap();
            assert_eq!(street.roles().await, 1);
            assert_eq!(house.count(&house.main, &becomes).await, 0);
            lets_in(&mut by_admin, by).await;
            let (user, password) = street.issue().await;
            session(&user, &password, &street.branch.database).await.unwrap();
            assert_eq!(house.count(&house.main, &becomes).await, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_half_there_is_made_whole_or_taken_away() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        // Its role was dropped by hand.
        let (user, _) = street.issue().await;
        let mut superuser = street.house.look_into(&street.house.main).await;
        let drop = format!("revoke connect on database {} from {user}; drop role {user}", street.branch.database);
        execute(&mut superuser, &drop).await;
        assert!(street.logins.find(&street.branch).await.unwrap().is_none());
        let (user, password) = street.issue().await;
        session(&user, &password, &street.branch.database).await.unwrap();
        execute(&mut superuser, &drop).await;
        street.logins.revoke(street.branch.branch_id).await.unwrap();
        assert_eq!(street.house.count(&street.house.main, "branching.connections").await, 0);
        // Its row was lost, as by a restored backup of the metadata.
        let (user, _) = street.issue().await;
        execute(&mut superuser, "delete from branching.connections").await;
        street.logins.revoke(street.branch.branch_id).await.unwrap();
        assert_eq!(street.roles().await, 0, "{user} is still there");
        // Somebody's role of its name is not taken over.
        execute(&mut superuser, &format!("create role {user} superuser")).await;
        assert_eq!(refusal(street.logins.issue(&street.branch, Footing::default()).await).0, "role_not_ours");
        assert_eq!(refusal(street.logins.revoke(street.branch.branch_id).await).0, "role_not_ours");
        execute(&mut superuser, &format!("drop role {user}")).await;

        street.house.builder().shut_out(&street.branch).await.unwrap();
        street.house.builder().drop_database(&street.branch, Arc::new(Quiet)).await.unwrap();
        assert_eq!(refusal(street.logins.issue(&street.branch, Footing::default()).await).0, "database_missing");
        assert_eq!(street.roles().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_let_use_a_login_or_comes_back_all_the_time_does_not_keep_it() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let (user, password) = street.issue().await;
        // A superuser may have let others use it.
        let mut superuser = street.house.look_into(&street.house.main).await;
        execute(&mut superuser, &format!("grant {user} to authenticated with admin option; grant connect on database postgres to {user}")).await;
        let database = street.branch.database.clone();
        let (name, words) = (user.clone(), password.clone());
        let client = tokio::spawn(async move {
            let mut sessions = 0_u32;
            loop {
                if let Ok(mut session) = session(&name, &words, &database).await {
                    sessions += 1;
                    let _ = try_execute(&mut session, "begin; lock table t; select pg_sleep(0.01)").await;
                }
                if sessions == u32::MAX {
                    return;
                }
            }
        });
        let busy = format!("select count(*) from pg_stat_activity where usename = '{user}'");
        while street.house.value::<i64>(&street.house.main, &busy).await == 0 {}
        timeout(FOR_EVER, street.delete(&street.branch)).await.expect("a client that comes back stops nothing");
        client.abort();
        assert_eq!(street.house.databases().await, [""; 0]);
        if admin == Admin::Plain && street.roles().await == 1 {
            // What a superuser granted elsewhere is not this admin's to take back: the role stays, and nobody comes in by it.
            let open = format!("pg_roles where rolname = '{user}' and rolcanlogin");
            assert_eq!(street.house.count(&street.house.main, &open).await, 0);
            execute(&mut superuser, &format!("revoke connect on database postgres from {user}")).await;
            street.logins.revoke(street.branch.branch_id).await.unwrap();
        }
        assert_eq!(street.roles().await, 0);
    }
}

/// Twice: who ended the first may act for the login meanwhile, and is no way back into it.
#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_change_of_a_login_keeps_it_from_nobody_who_takes_it_away() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let house = &street.house;
        let watch = tokio::spawn(PgWatch::new(house.settings.clone()).keep());
        let (user, mut password) = street.issue().await;
        let members =
            format!("pg_auth_members m join pg_roles member on member.oid = m.member where roleid = '{user}'::regrole and member <> 'dba'::regrole");
        for _ in 0..2 {
            let mut own = session(&user, &password, &street.branch.database).await.unwrap();
            let change = format!("set role none; begin; alter role {user} password 'mine'; prepare transaction '{user}'");
            execute(&mut own, &change).await;
            (_, password) = timeout(FOR_EVER, street.issue()).await.expect("the password is changed, whatever was prepared");
            assert_eq!(house.count(&house.main, &members).await, 0);
            let mut own = session(&user, &password, &street.branch.database).await.unwrap();
            execute(&mut own, &change).await;
            timeout(FOR_EVER, street.logins.revoke(street.branch.branch_id)).await.expect("it is revoked, whatever was prepared").unwrap();
            assert!(is_ended(&mut own).await);
            assert_eq!(street.roles().await, 0);
            (_, password) = street.issue().await;
        }
        watch.abort();
    }
}
