//! Default grants of several roles, which in a branch are those of one.

use super::{Admin, House, execute};
use domain::{DataCloneMode, branch::Withheld, schema::SchemaDiff};
use fluxbase_pgtools::PgSchemas;
use ports::driven::{DatabasePlace, Readings, SchemaReader};

/// What both makers of tables grant is granted, what one of them does is not; a role that makes nothing there has no say.
const SQL: &str = "create role maker; create role other_maker; create role onlooker; create schema app; create schema alone;
    grant all on schema app, alone to maker, other_maker, onlooker;
    alter default privileges for role maker in schema app grant select, insert on tables to anon;
    alter default privileges for role other_maker in schema app grant select, delete on tables to anon;
    alter default privileges for role maker in schema app grant all on tables to authenticated with grant option;
    alter default privileges for role other_maker in schema app grant all on tables to authenticated;
    alter default privileges for role other_maker grant update on tables to service_role;
    alter default privileges for role onlooker in schema app grant truncate on tables to anon;
    alter default privileges for role maker in schema alone grant execute on routines to anon;
    alter default privileges for role maker revoke execute on routines from public;
    set role maker; create table app.a (id int); create function alone.f() returns int language sql as 'select 1'; reset role;
    set role other_maker; create table app.b (id int); reset role; set role onlooker; create sequence app.numbers; reset role";

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_grants_by_default_what_each_of_those_does_for_whom_its_owner_stands() {
    let house = House::new(Admin::Superuser, SQL).await;
    let report = house.build("folded", DataCloneMode::SchemaOnly).await.unwrap();
    let told: Vec<String> = report.withheld.iter().map(Withheld::in_words).filter(|line| line.starts_with("default grant ")).collect();
    for line in [
        "default grant app.insert on tables to anon: other_maker makes such things there, too, and does not grant it",
        "default grant app.delete on tables to anon: maker makes such things there, too",
        "default grant app.truncate on tables to anon: maker, other_maker makes such things there",
        "default grant *.update on tables to service_role: maker makes such things there, too",
        "default grant app.select on tables to authenticated: other_maker makes such things there",
    ] {
        assert!(told.iter().any(|found| found.starts_with(line)), "{line}: {told:#?}");
    }
    let branch = house.target("folded").database;
    let mut owner = house.look_into(&branch).await;
    execute(
        &mut owner,
        "set role fluxbase_branch_owner; create table app.new (id int); create function alone.new() returns int language sql as 'select 1'",
    )
    .await;
    let granted = "select string_agg(concat_ws(' ', x.grantee::regrole, x.privilege_type, x.is_grantable), ', ' order by x.grantee::regrole::text, x.privilege_type)
          from pg_class c, aclexplode(c.relacl) x where c.oid = 'app.new'::regclass and x.grantee <> c.relowner and x.privilege_type in ('SELECT', 'INSERT')";
    assert_eq!(house.value::<String>(&branch, granted).await, "anon SELECT f, authenticated INSERT f, authenticated SELECT f");
    let may =
        "select array[has_function_privilege('anon', 'alone.new()', 'execute'), has_function_privilege('service_role', 'alone.new()', 'execute')]";
    assert_eq!(house.value::<Vec<bool>>(&branch, may).await, [true, false]);
    execute(&mut owner, "drop table app.new; drop function alone.new()").await;

    let schemas = PgSchemas::new(house.settings.clone(), Vec::new());
    let places = [(&house.main, true), (&branch, false)].map(|(database, is_main)| DatabasePlace { database: database.clone(), is_main });
    if let Readings::Unequal { target, source } = schemas.both(&places[0], &places[1]).await.unwrap() {
        panic!("no diff speaks of them: {:#?}", SchemaDiff::between(&target, &source).objects);
    }
}
