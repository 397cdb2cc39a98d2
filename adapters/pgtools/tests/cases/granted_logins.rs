//! What people grant to a login of another branch keeps neither that branch nor its login for ever.

use super::{
    Admin, House, Quiet,
    cluster::PASSWORD,
    connect,
    connections::{BOTH, tag},
    execute, try_connect,
};
use domain::{DataCloneMode, branch::DatabaseName};
use ports::driven::{BranchBuilder, BuildRequest, DatabaseLogin, DatabaseTag, LoginPurpose, Stock};
use std::sync::Arc;

/// A house whose logins have the names that a sweep knows for this instance's.
pub(super) async fn house(admin: Admin) -> House {
    let mut house = House::new(admin, "create table t (id int)").await;
    let eight = house.settings.instance.simple().to_string()[..8].to_owned();
    let [user, service, builder] = ["user", "service", "builder"].map(|purpose| format!("fluxbase_{eight}_{purpose}"));
    let sql = format!(
        "create role {user} login noinherit; create role {service} login noinherit; create role {builder} login;
         grant fluxbase_branch_owner to {builder}; alter role {builder} set role = 'fluxbase_branch_owner'"
    );
    execute(&mut connect(&house.settings.admin.user, PASSWORD, house.main.as_str()).await, &sql).await;
    house.settings.logins = Arc::new(auth::DerivedDatabaseLogins::new([1; 32], user, service, builder));
    house
}

async fn open(house: &House, target: &DatabaseTag, parent: &DatabaseName) {
    let request = house.request("unused", DataCloneMode::SchemaOnly);
    let request = BuildRequest { target: target.clone(), parent: parent.clone(), parent_is_main: *parent == house.main, ..request };
    house.builder().build(&request, Arc::new(Quiet)).await.unwrap();
    house.builder().admit(target).await.unwrap();
}

fn logins(house: &House, target: &DatabaseTag) -> [DatabaseLogin; 3] {
    LoginPurpose::ALL.map(|purpose| house.settings.logins.of(purpose, &target.database))
}

async fn as_builder(house: &House, target: &DatabaseTag, sql: &str) {
    let login = house.settings.logins.of(LoginPurpose::Builder, &target.database);
    execute(&mut try_connect(&login.name, login.password.expose(), target.database.as_str()).await.unwrap(), sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_whose_logins_others_name_goes_and_comes_again() {
    for admin in BOTH {
        let house = house(admin).await;
        let builder = house.builder();
        let [a, b] = ["a", "b"].map(|slug| tag(&house, slug, 1));
        open(&house, &a, &house.main).await;
        open(&house, &b, &house.main).await;
        let [user, service, own] = logins(&house, &b);
        let grants = format!("grant select on public.t to {}; create policy p on public.t to {} using (true)", own.name, service.name);
        as_builder(&house, &a, &grants).await;

        for _ in 0..2 {
            builder.shut_out(&b).await.unwrap();
            builder.drop_database(&b, Arc::new(Quiet)).await.expect("the branch goes, whatever others grant");
            let there = |what: &str| format!("pg_roles r where rolname in ('{}', '{}', '{}') {what}", user.name, service.name, own.name);
            assert_eq!(house.count(&house.main, &there("")).await, 2, "what nobody names is gone");
            let armed = "and (rolcanlogin or exists (select from pg_auth_members m where m.member = r.oid))";
            assert_eq!(house.count(&house.main, &there(armed)).await, 0, "what stays can do nothing");
            builder.drop_database(&b, Arc::new(Quiet)).await.unwrap();

            open(&house, &b, &house.main).await;
            as_builder(&house, &b, "create table own (id int)").await;
            try_connect(&user.name, user.password.expose(), b.database.as_str()).await.unwrap();
        }

        builder.shut_out(&b).await.unwrap();
        builder.drop_database(&b, Arc::new(Quiet)).await.unwrap();
        let report = builder.sweep(Vec::new(), std::slice::from_ref(&a), &[]).await.unwrap();
        assert!(report.dropped.is_empty() && report.reported.len() == 2, "{report:?}");
        builder.drop_database(&a, Arc::new(Quiet)).await.unwrap();
        let report = builder.sweep(Vec::new(), &[], &[]).await.unwrap();
        let mut left = [own.name, service.name];
        left.sort();
        assert_eq!(report.dropped, left, "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_names_no_login_of_its_parent() {
    for admin in BOTH {
        let house = house(admin).await;
        let [a, below] = ["a", "below"].map(|slug| tag(&house, slug, 1));
        open(&house, &a, &house.main).await;
        let [_, _, own] = logins(&house, &a);
        let grants = format!("grant select on public.t to session_user, anon; alter default privileges grant select on tables to {}", own.name);
        as_builder(&house, &a, &grants).await;
        execute(&mut house.look_into(&a.database).await, &format!("grant usage on language plpgsql to {}", own.name)).await;
        open(&house, &below, &a.database).await;
        let named = format!(
            "pg_shdepend where refobjid = '{}'::regrole and dbid = (select oid from pg_database where datname = '{}')",
            own.name, below.database
        );
        assert_eq!(house.count(&house.main, &named).await, 0);
        let anon = "pg_class, aclexplode(relacl) x where relname = 't' and x.grantee = 'anon'::regrole";
        assert_eq!(house.count(&below.database, anon).await, 1, "the rest comes along");
        for target in [&a, &below] {
            house.builder().drop_database(target, Arc::new(Quiet)).await.unwrap();
            assert_eq!(house.count(&house.main, &format!("pg_roles where rolname = '{}'", own.name)).await, 0);
        }
    }
}
