//! Who may connect to a branch's database, and when.

use super::{Admin, House, Quiet, connect, execute, try_connect, try_execute};
use domain::DataCloneMode;
use fluxbase_pgtools::PgSchemas;
use futures_util::future::{join, join_all};
use ports::driven::{BranchBuilder, DatabaseLogin, DatabasePlace, LoginPurpose, SchemaReader};
use std::sync::Arc;

async fn doors_open_and_close(admin: Admin, shared: &str) {
    let house = House::new(admin, "create table t (id int)").await;
    let (builder, target) = (house.builder(), house.target("door"));
    let name = target.database.as_str();
    house.build("door", DataCloneMode::SchemaOnly).await.unwrap();
    let DatabaseLogin { name: user, password } = house.settings.logins.of(LoginPurpose::User, &target.database);
    let password = password.expose();
    assert!(try_connect(&user, password, name).await.is_err());
    builder.admit(&target).await.unwrap();
    builder.admit(&target).await.unwrap();
    let mut inside = connect(&user, password, name).await;
    assert!(try_connect(shared, "user", name).await.is_err(), "main's login has no business in a branch");
    builder.shut_out(&target).await.unwrap();
    assert!(try_execute(&mut inside, "select 1").await.is_err(), "cut off");
    assert!(try_connect(&user, password, name).await.is_err());
    builder.admit(&target).await.unwrap();
    let _inside = connect(&user, password, name).await;
    builder.drop_database(&target, Arc::new(Quiet)).await.unwrap();
    assert!(house.databases().await.is_empty());
    let logins = LoginPurpose::ALL.map(|purpose| house.settings.logins.of(purpose, &target.database).name);
    for login in logins {
        assert_eq!(house.count(&house.main, &format!("pg_roles where rolname = '{login}'")).await, 0, "{login} outlived its database");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_opens_and_closes() {
    doors_open_and_close(Admin::Superuser, "test_user").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_admin_opens_and_closes() {
    doors_open_and_close(Admin::Plain, "dba_user").await;
}

/// PostgreSQL lets everybody change the password of the login it is in a session of, so the login must lead nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_branchs_login_over_comes_to_that_branch_only() {
    let house = House::new(Admin::Superuser, "create table t (id int)").await;
    let (mine, theirs) = (house.target("mine"), house.target("theirs"));
    for (slug, target) in [("mine", &mine), ("theirs", &theirs)] {
        house.build(slug, DataCloneMode::SchemaOnly).await.unwrap();
        house.builder().admit(target).await.unwrap();
    }
    for purpose in LoginPurpose::ALL {
        let login = house.settings.logins.of(purpose, &mine.database);
        let mut session = connect(&login.name, login.password.expose(), mine.database.as_str()).await;
        execute(&mut session, "set role none").await;
        execute(&mut session, &format!("alter role {} password 'taken'", login.name)).await;
        execute(&mut session, &format!("alter role {} set search_path = 'pg_temp'", login.name)).await;
        execute(&mut session, &format!("alter role {} in database {} set lock_timeout = '77s'", login.name, mine.database)).await;
        connect(&login.name, "taken", mine.database.as_str()).await;
        for other in [theirs.database.as_str(), house.main.as_str()] {
            let refused = try_connect(&login.name, "taken", other).await;
            // Main of these tests lets PUBLIC in, as a fresh database does; what the server does at its start is not done here.
            assert!(refused.is_err() || other == house.main.as_str(), "{purpose:?} came to {other}");
        }
        house.builder().admit(&mine).await.unwrap();
        assert!(try_connect(&login.name, "taken", mine.database.as_str()).await.is_err(), "what was changed is put right");
        connect(&login.name, login.password.expose(), mine.database.as_str()).await;
        let kept = format!("pg_db_role_setting where setrole = '{}'::regrole and setconfig::text ~ 'lock_timeout=77s|pg_temp'", login.name);
        assert_eq!(house.count(&house.main, &kept).await, 0, "{purpose:?}: what was set, for this database too, is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_look_at_schemas_they_take_few_connections() {
    let house = House::new(Admin::Plain, "create table t (id int)").await;
    execute(&mut house.look_into(&house.main).await, &format!("alter database {} connection limit 12", house.main)).await;
    let schemas = PgSchemas::new(house.settings.clone(), Vec::new());
    let main = DatabasePlace { database: house.main.clone(), is_main: true };
    let (looks, comparisons) = join(join_all((0..30).map(|_| schemas.read(&main))), join_all((0..15).map(|_| schemas.both(&main, &main)))).await;
    let found = looks.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert!(found.iter().all(|schema| schema.fingerprint == found[0].fingerprint));
    comparisons.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
}
