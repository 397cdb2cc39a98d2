//! What holds a database that is to go, though nobody is on it.

use super::{
    Admin, House, Quiet,
    cluster::{cluster, strict_cluster},
    connect,
    connections::{BOTH, Street, is_ended},
    execute,
    granted_logins::house,
    in_the_way::FOR_EVER,
    refusal, try_connect,
};
use domain::DataCloneMode;
use ports::driven::{BranchBuilder, BranchLogins, LoginPurpose};
use sqlx::Connection;
use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_people_prepared_are_rolled_back() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let (user, password) = street.issue().await;
        let number = &street.branch.database;
        let database = street.branch.database.as_str();
        let mut inside = connect(&user, password.expose(), database).await;
        execute(&mut inside, &format!("begin; insert into t values (2); prepare transaction '{number} owner''s'")).await;
        execute(&mut inside, "set role none").await;
        execute(&mut inside, &format!("begin; insert into t values (3); prepare transaction '{number} own'")).await;
        // The plain admin of these tests may not let others become them.
        let [as_user, as_service] = if admin == Admin::Superuser { ["authenticated", "service_role"] } else { ["none"; 2] };
        for (purpose, role) in [(LoginPurpose::User, as_user), (LoginPurpose::Service, as_service), (LoginPurpose::Builder, "none")] {
            let login = street.house.settings.logins.of(purpose, &street.branch.database);
            let mut inside = connect(&login.name, login.password.expose(), database).await;
            execute(&mut inside, &format!("set role {role}")).await;
            execute(&mut inside, &format!("begin; select txid_current(); prepare transaction '{number} {role} {}'", login.name)).await;
        }
        let prepared = format!("pg_prepared_xacts where database = '{database}'");
        assert_eq!(street.house.count(&street.house.main, &prepared).await, 5);
        street.house.builder().shut_out(&street.branch).await.unwrap();
        street.house.builder().drop_database(&street.branch, Arc::new(Quiet)).await.unwrap();
        assert_eq!(street.house.count(&street.house.main, &prepared).await, 0);
        assert_eq!(street.house.databases().await, [""; 0]);
        street.logins.revoke(street.branch.branch_id).await.unwrap();
    }
}

/// Nobody but a superuser ends what a role prepared that is gone. What it is called need be no text that others can read.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_revoked_login_prepared_keeps_no_database() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let house = &street.house;
        let (user, password) = street.issue().await;
        let database = street.branch.database.as_str();
        let ascii = format!("ascii_{database}");
        let mut root = house.look_into(&house.main).await;
        execute(&mut root, &format!("create database {ascii} encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0")).await;
        let [.., builder] = LoginPurpose::ALL.map(|purpose| house.settings.logins.of(purpose, &street.branch.database));
        for (within, gid) in [(database, r"\\ ''"), ("postgres", r"\u00e9"), (&ascii, r"\xff")] {
            for (name, password) in [(&user, &password), (&builder.name, &builder.password)] {
                let mut inside = connect(name, password.expose(), within).await;
                execute(&mut inside, "set role none").await;
                let prepare = format!("begin; select pg_advisory_xact_lock_shared(1); prepare transaction E'{database} {name} {gid}'");
                execute(&mut inside, &prepare).await;
            }
        }
        let mut inside = connect(&user, password.expose(), database).await;
        execute(&mut inside, "set role none; create schema own").await;
        let prepared =
            async |of: &str| house.count(&house.main, &format!("pg_prepared_xacts where database in ('{ascii}', '{database}') and {of}")).await;
        assert_eq!(prepared("true").await, 4);

        street.logins.revoke(street.branch.branch_id).await.unwrap();
        assert_eq!((prepared(&format!("owner = '{user}'")).await, prepared("owner is null").await), (1, 0), "that in the branch has an owner yet");
        assert!(try_connect(&user, password.expose(), database).await.is_err());
        let owner = "select nspowner::regrole::text from pg_namespace where nspname = 'own'";
        assert_eq!(house.value::<String>(&street.branch.database, owner).await, "fluxbase_branch_owner", "the branch has what was made by the login");
        // Whoever gets the next password has it, too.
        let (_, password) = street.issue().await;
        let mut inside = connect(&user, password.expose(), database).await;
        execute(&mut inside, "set role none").await;
        execute(&mut inside, &format!(r"rollback prepared E'{database} {user} \\ '''")).await;
        execute(&mut inside, &format!(r"begin; select txid_current(); prepare transaction E'{database} \\'''")).await;
        drop(inside);

        street.delete(&street.branch).await;
        assert_eq!(prepared("true").await, 0);
        let elsewhere = "select count(*) from pg_prepared_xacts where database = 'postgres' and gid like $1 || ' %'";
        let mut postgres = connect("postgres", super::cluster::PASSWORD, "postgres").await;
        let elsewhere: i64 = sqlx::query_scalar(elsewhere).bind(database).fetch_one(&mut postgres).await.unwrap();
        assert_eq!(elsewhere, 0);
        assert_eq!(house.databases().await, [""; 0]);
        assert_eq!(house.count(&house.main, &format!("pg_roles where rolname in ('{user}', '{}')", builder.name)).await, 0);
        execute(&mut root, &format!("drop database {ascii}")).await;
    }
}

/// Its own row: nobody puts its password right before that has ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_change_of_a_login_keeps_no_database() {
    for admin in BOTH {
        for purpose in LoginPurpose::ALL {
            let street = Street::new(admin).await;
            let house = &street.house;
            let database = street.branch.database.as_str();
            let login = house.settings.logins.of(purpose, &street.branch.database);
            let mut inside = connect(&login.name, login.password.expose(), database).await;
            execute(&mut inside, &format!("set role none; begin; alter role {} password 'mine'; prepare transaction '{database}'", login.name)).await;
            drop(inside);
            timeout(FOR_EVER, street.delete(&street.branch)).await.expect("it is dropped");
            assert_eq!(house.databases().await, [""; 0]);
            assert_eq!(house.count(&house.main, &format!("pg_roles where rolname = '{}'", login.name)).await, 0);
        }
    }
}

/// Whoever prepares one chooses whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_change_of_a_login_as_somebody_else_keeps_no_database() {
    for admin in BOTH {
        let street = Street::of(house(admin).await).await;
        let house = &street.house;
        let database = street.branch.database.as_str();
        let visitor = format!("visitor_{database}");
        let mut by_admin = connect(&house.settings.admin.user, super::cluster::PASSWORD, house.main.as_str()).await;
        let image = house.settings.logins.image(LoginPurpose::User);
        execute(&mut by_admin, &format!("create role {visitor}; grant {visitor} to {image}")).await;
        house.builder().admit(&street.branch).await.unwrap();
        let members = format!("pg_auth_members where roleid = '{visitor}'::regrole and member <> '{image}'::regrole");
        let login = house.settings.logins.of(LoginPurpose::User, &street.branch.database);
        let mut inside = connect(&login.name, login.password.expose(), database).await;
        let change = format!("begin; alter role {} password 'mine'; set local role {visitor}; prepare transaction '{database}'", login.name);
        execute(&mut inside, &change).await;
        drop(inside);
        let owner = format!("select owner::text from pg_prepared_xacts where gid = '{database}'");
        assert_eq!(house.value::<String>(&house.main, &owner).await, visitor);
        let before = house.count(&house.main, &members).await;
        timeout(FOR_EVER, street.delete(&street.branch)).await.expect("it is dropped");
        assert_eq!(house.databases().await, [""; 0]);
        assert_eq!(house.count(&house.main, &members).await, before - 1, "but for the login that is gone");
        execute(&mut by_admin, &format!("drop role {visitor}")).await;
    }
}

/// It would be one that nobody knows any more. Code of the branch can change the password, and somebody come by it to where everybody is let in.
#[tokio::test(flavor = "multi_thread")]
async fn no_session_outlives_its_login() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let mut sessions = Vec::new();
        for purpose in LoginPurpose::ALL {
            let login = street.house.settings.logins.of(purpose, &street.branch.database);
            sessions.push(connect(&login.name, login.password.expose(), "postgres").await);
        }
        street.delete(&street.branch).await;
        for session in &mut sessions {
            assert!(is_ended(session).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_prepared_that_is_gone_is_a_superusers_to_end() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let house = &street.house;
        let (user, password) = street.issue().await;
        let database = street.branch.database.as_str();
        let mut inside = connect(&user, password.expose(), database).await;
        execute(&mut inside, "set role none").await;
        execute(&mut inside, &format!("begin; select pg_advisory_xact_lock(1); prepare transaction 'in {database}'")).await;
        inside.close().await.unwrap();
        let mut by_hand = house.look_into(&house.main).await;
        execute(&mut by_hand, &format!("revoke connect on database {database} from {user}; drop role {user}")).await;
        let prepared = format!("pg_prepared_xacts where gid = 'in {database}' and owner is null");
        assert_eq!(house.count(&house.main, &prepared).await, 1);
        house.builder().shut_out(&street.branch).await.unwrap();
        let dropped = house.builder().drop_database(&street.branch, Arc::new(Quiet)).await;
        if admin == Admin::Plain {
            let (code, message) = refusal(dropped);
            assert!(code == "database_in_use" && message.contains("by a superuser where their owner is gone"), "{message}");
            execute(&mut by_hand, &format!("alter database {database} allow_connections true")).await;
            execute(&mut house.look_into(&street.branch.database).await, &format!("rollback prepared 'in {database}'")).await;
            house.builder().drop_database(&street.branch, Arc::new(Quiet)).await.unwrap();
        } else {
            dropped.unwrap();
        }
        assert_eq!(house.databases().await, [""; 0]);
    }
}

/// A subscriber that holds a slot of the database, and comes back when it is cut off.
struct Subscriber(Child);

impl Subscriber {
    #[expect(clippy::disallowed_methods, reason = "a test runs PostgreSQL's own client")]
    fn start(database: &str, slot: &str) -> Self {
        let mut command = Command::new(cluster().binaries.join("pg_recvlogical"));
        command.env("PGPASSWORD", super::cluster::PASSWORD).args(["-h", "127.0.0.1", "-U", "postgres", "-p", &cluster().port.to_string()]);
        command.args(["-d", database, "-S", slot, "--start", "-f", "-", "-o", "proto_version=1", "-o", "publication_names=everything"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_in_use_goes_with_its_database_or_the_way_out_is_told() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let database = street.branch.database.as_str();
        let slot = format!("slot_of_{database}");
        let create = format!("select pg_create_logical_replication_slot('{slot}', 'pgoutput')");
        execute(&mut street.house.look_into(&street.branch.database).await, &create).await;
        let create = "create publication everything for all tables";
        execute(&mut street.house.look_into(&street.branch.database).await, create).await;
        let subscriber = Subscriber::start(database, &slot);
        let active = format!("pg_replication_slots where slot_name = '{slot}' and active");
        while street.house.count(&street.house.main, &active).await == 0 {}

        let shut = street.house.builder().shut_out(&street.branch).await;
        if admin == Admin::Plain {
            let (code, message) = refusal(shut);
            assert!(code == "sessions_of_others" && message.contains("postgres") && message.contains("pg_signal_backend"), "{message}");
            drop(subscriber);
            while street.house.count(&street.house.main, &active).await == 1 {}
            street.house.builder().shut_out(&street.branch).await.unwrap();
        } else {
            shut.unwrap();
        }
        street.house.builder().drop_database(&street.branch, Arc::new(Quiet)).await.unwrap();
        assert_eq!(street.house.count(&street.house.main, &format!("pg_replication_slots where slot_name = '{slot}'")).await, 0);
        assert_eq!(street.house.databases().await, [""; 0]);
    }
}

/// Before PostgreSQL 17 nobody but a superuser may end what vacuums, and so may not drop the database by force.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_goes_while_it_is_vacuumed() {
    let sql = "create table t (n int) with (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);
               insert into t select generate_series(1, 20000)";
    let house = House::new_in(strict_cluster(), Admin::Plain, "", sql).await;
    let target = house.target("swept");
    house.build("swept", DataCloneMode::FullClone).await.unwrap();
    execute(&mut house.look_into(&target.database).await, "update t set n = n + 1").await;
    let worker = format!("pg_stat_activity where datname = '{}' and query like 'autovacuum: VACUUM%'", target.database);
    while house.count(&house.main, &worker).await == 0 {}
    house.builder().shut_out(&target).await.unwrap();
    assert_eq!(house.count(&house.main, &worker).await, 1, "it goes on for minutes");
    house.builder().drop_database(&target, Arc::new(Quiet)).await.unwrap();
    assert_eq!(house.databases().await, [""; 0]);
}
