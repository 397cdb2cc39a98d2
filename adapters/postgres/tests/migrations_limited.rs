//! Migrating main over an admin with CREATEDB and CREATEROLE only. Roles belong to the whole server, so this test has one of its own.

#[allow(dead_code, reason = "the cluster is shared by tests that use different parts of it")]
mod cluster;
#[allow(dead_code, reason = "the rig is shared by tests that use different parts of it")]
mod provision_rig;
mod provision_server;

use domain::{branch::DatabaseName, migration::MigrationFile};
use fluxbase_postgres::{
    migrations::{MigrationLimits, MigrationSettings, PgMigrationRunner, Seat},
    provision::{MainSeat, main_seat, provision},
    wire::Target,
};
use ports::driven::{
    ApplyRequest, DatabaseLogin, DatabaseLogins, DatabasePlace, LoginPurpose, MigrationError, MigrationRunner, NoLoginRestorer, NoMigrationProgress,
};
use provision_rig::{TestBox, connect, count, fresh_database, migrate_control, options, run, superuser};
use provision_server::server;
use std::{path::PathBuf, sync::Arc};

const PASSWORD: &str = "limited";

/// There are none here.
#[derive(Debug)]
struct NoBranches;

impl DatabaseLogins for NoBranches {
    fn of(&self, _purpose: LoginPurpose, database: &DatabaseName) -> DatabaseLogin {
        panic!("{database} is no branch")
    }

    fn image(&self, _purpose: LoginPurpose) -> &str {
        panic!("there is no branch")
    }
}

#[tokio::test]
async fn main_is_migrated_over_an_admin_who_is_no_superuser() {
    let root = superuser("postgres").await;
    run(&root, &format!("create role rented_admin login createdb createrole password '{PASSWORD}'")).await.unwrap();
    fresh_database("rented").await;
    run(&root, "alter database rented owner to rented_admin").await.unwrap();
    let pool = connect("rented_admin", PASSWORD, "rented").await;
    run(&pool, "create table public.notes (id int); insert into notes values (1)").await.unwrap();
    migrate_control(&pool).await;
    let capabilities = provision(&pool, &TestBox(1), &options()).await.unwrap().capabilities;
    let seat = main_seat(&pool, &TestBox(1), &options(), &capabilities).await.unwrap();
    assert!(matches!(&seat, MainSeat::AdminLogin { role } if role == "rented_admin"), "{seat:?}");

    let server = Target { user: "rented_admin".to_owned(), password: Some(PASSWORD.into()), ..server() };
    let settings = MigrationSettings {
        main: Ok(Seat::on_main(seat, &server)),
        server,
        logins: Arc::new(NoBranches),
        restorer: Arc::new(NoLoginRestorer),
        limits: MigrationLimits::default(),
        seeds_dir: PathBuf::new(),
    };
    let runner = PgMigrationRunner::new(settings);
    let target = DatabasePlace { database: DatabaseName::existing("rented"), is_main: true };
    let apply = async |name: &str, sql: &str| {
        let file = MigrationFile::read(name, sql.as_bytes(), |text| runner.checksum(text)).unwrap();
        let request = ApplyRequest {
            branch: "pr-1".parse().unwrap(),
            target: target.clone(),
            files: vec![file],
            who: "user:test".to_owned(),
            operation: None,
            observe: false,
        };
        runner.apply(&request, Arc::new(NoMigrationProgress)).await
    };
    apply("1_a.sql", "alter table notes add done boolean").await.unwrap();
    assert!(runner.ledger(&target).await.unwrap()[0].is_applied());
    assert_eq!(count(&pool, "notes where done is null").await, 1);
    let MigrationError::File { failure, .. } = apply("2_b.sql", "copy notes from program 'id'").await.unwrap_err() else { panic!() };
    assert_eq!(failure.code, "not_allowed");
}
