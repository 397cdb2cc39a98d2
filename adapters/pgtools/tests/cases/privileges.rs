//! Whose rights are at work inside a branch.

use super::{Admin, House, Quiet, StopAt, cluster, execute, refusal};
use domain::{DataCloneMode, StepName, branch::Withheld};
use fluxbase_pgtools::PgSchemas;
use ports::driven::{BranchBuilder, BuildRequest, DatabasePlace, LoginPurpose, Readings, SchemaReader};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn code_in_a_table_never_acts_as_a_superuser() {
    // From the second definition on the function takes what it can get, and tells by the line that fails who ran it: what it says is not told.
    let sql = "create function grab(int) returns boolean language sql as 'select true';
        create table trap (n int check (grab(n)));
        insert into trap values (1), (2);
        create or replace function grab(int) returns boolean language plpgsql as $$
            begin
                begin execute 'alter role test_user superuser'; exception when insufficient_privilege then null; end;
                if current_user = 'fluxbase_branch_owner' and session_user like 'test_builder%' then
                    raise 'Alice';
                end if;
                raise 'of somebody else';
            end $$";
    let house = House::new(Admin::Superuser, sql).await;
    let (code, message) = refusal(house.build("trap", DataCloneMode::FullClone).await);
    assert!(code == "clone_refused" && message.contains("PL/pgSQL function grab(integer) line 5 at RAISE"), "{message}");
    assert!(!message.contains("Alice"), "{message}");
    assert!(!house.value::<bool>(&house.main, "select rolsuper from pg_roles where rolname = 'test_user'").await);

    house.build("trap", DataCloneMode::SchemaOnly).await.unwrap();
    let database = house.target("trap").database;
    let foreign = "pg_class c join pg_roles r on r.oid = relowner where relnamespace = 'public'::regnamespace and rolname <> 'fluxbase_branch_owner'";
    assert_eq!(house.count(&database, foreign).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn casts_of_somebodys_types_are_never_called() {
    // To make one takes no more than to own the type. One of the types goes by the name of an extension's.
    let sql = "create type citext as (n int); create type mood as enum ('glad');
        create function tell(text) returns text language plpgsql as $$ begin
            raise 'ran as % in a session of %, who knows %', current_user, session_user, current_setting('fluxbase.mask_key', true); end $$;
        create function tell(citext) returns text language sql as $$ select tell(''::text) $$;
        create function tell(mood) returns text language sql as $$ select tell(''::text) $$;
        create function tell(mood[]) returns text language sql as $$ select tell(''::text) $$;
        create cast (citext as text) with function tell(citext) as implicit;
        create cast (mood as text) with function tell(mood) as implicit;
        create cast (mood[] as text) with function tell(mood[]) as implicit;
        create table bait (id int primary key, c citext, m mood, l mood[]);
        insert into bait values (1, row(1), 'glad', '{glad}');
        comment on column bait.c is '@pii null'; comment on column bait.m is '@pii null'; comment on column bait.l is '@pii null';
        select lo_create(0)";
    let house = House::new(Admin::Superuser, sql).await;
    assert_eq!(house.build("baited", DataCloneMode::FullClone).await.unwrap().rows, 1);
    let target = house.target("baited").database;
    assert_eq!(house.count(&target, "bait where m is null and l is null").await, 1);

    // What stands in its place is a text, which a value of several parts does not take.
    execute(&mut house.look_into(&house.main).await, "comment on column bait.c is '@pii text'").await;
    let (_, message) = refusal(house.build("unfit", DataCloneMode::FullClone).await);
    assert!(!message.contains("ran as"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn createdb_and_createrole_are_enough() {
    let sql = "create extension citext; create schema app; create table app.t (id serial primary key, name citext not null);
               insert into app.t (name) select 'n' || n from generate_series(1, 50) n;
               create view app.v as select name from app.t; create function app.f() returns int language sql as 'select 1';
               alter table app.t enable row level security; create policy p on app.t to anon using (true);
               grant usage on schema app to anon; grant select on app.t to anon";
    let house = House::new(Admin::Plain, sql).await;
    for (slug, mode, rows) in [("plain-a", DataCloneMode::FullClone, 50), ("plain-b", DataCloneMode::SchemaOnly, 0)] {
        assert_eq!(house.build(slug, mode).await.unwrap().rows, rows);
        assert_eq!(house.count(&house.target(slug).database, "app.t").await, i64::try_from(rows).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admins_login_may_be_called_whatever_a_role_may_be_called() {
    let mut house = House::new(Admin::Plain, "create table t (id int); insert into t values (1)").await;
    let odd = "We \"ird\".Name's";
    let make = format!("create role \"{}\" login createdb createrole in role dba password '{}'", odd.replace('"', "\"\""), cluster::PASSWORD);
    execute(&mut house.look_into(&house.main).await, &make).await;
    house.settings.admin.user = odd.to_owned();
    for (slug, mode, rows) in [("odd-a", DataCloneMode::FullClone, 1), ("odd-b", DataCloneMode::SchemaOnly, 0)] {
        assert_eq!(house.build(slug, mode).await.unwrap().rows, rows);
        house.builder().drop_database(&house.target(slug), Arc::new(Quiet)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_behind_policies_are_refused_not_fewer() {
    let sql = "create table mine (n int); insert into mine select generate_series(1, 10); alter table mine enable row level security;
               alter table mine force row level security; create policy few on mine using (n < 3)";
    let house = House::new(Admin::Plain, sql).await;
    let (code, message) = refusal(house.build("forced", DataCloneMode::FullClone).await);
    assert!(code == "rows_out_of_reach" && message.contains("public.mine"), "{message}");
    let until_rows = house.builder().build(&house.request("planned", DataCloneMode::FullClone), Arc::new(StopAt(StepName::CopyRows))).await;
    assert_eq!(refusal(until_rows).0, "rows_out_of_reach", "told while it is planned");
    house.build("forced", DataCloneMode::SchemaOnly).await.unwrap();

    let house = House::new(Admin::Superuser, sql).await;
    house.build("all", DataCloneMode::FullClone).await.unwrap();
    let parent = house.target("all").database;
    assert_eq!(house.count(&parent, "mine").await, 10);
    let below = BuildRequest { parent: parent.clone(), parent_is_main: false, ..house.request("below", DataCloneMode::FullClone) };
    let builder = house.settings.logins.of(LoginPurpose::Builder, &parent).name;
    let may_pass = async || house.value::<bool>(&house.main, &format!("select rolbypassrls from pg_roles where rolname = '{builder}'")).await;
    assert!(!may_pass().await, "only while it is read");
    house.builder().build(&below, Arc::new(Quiet)).await.unwrap();
    assert_eq!(house.count(&below.target.database, "mine").await, 10, "a branch is a parent like main");
    assert!(!may_pass().await, "only while it was read");

    // What a builder that died left is put right with the logins.
    execute(&mut house.look_into(&house.main).await, &format!("alter role {builder} bypassrls")).await;
    house.builder().admit(&house.target("all")).await.unwrap();
    assert!(!may_pass().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_of_the_whole_server_are_shown_to_nobody_in_a_branch_whom_the_parent_does_not_name() {
    let sql = "create schema stats; create extension pg_stat_statements schema stats; grant usage on schema stats to public;
               grant select on stats.pg_stat_statements to service_role";
    let house = House::new(Admin::Superuser, sql).await;
    let report = house.build("watched", DataCloneMode::SchemaOnly).await.unwrap();
    let branch = house.target("watched").database;
    let may = |role: &str, view: &str| format!("select has_table_privilege('{role}', 'stats.{view}', 'select')");
    for view in ["pg_stat_statements", "pg_stat_statements_info"] {
        assert!(house.value::<bool>(&house.main, &may("fluxbase_branch_owner", view)).await);
        assert!(!house.value::<bool>(&branch, &may("fluxbase_branch_owner", view)).await, "{view}");
    }
    assert!(house.value::<bool>(&branch, &may("service_role", "pg_stat_statements")).await);
    let callable = "pg_proc where proname like 'pg_stat_statements%' and has_function_privilege('fluxbase_branch_owner', oid, 'execute')";
    assert_eq!(house.count(&branch, callable).await, 0);
    let told: Vec<_> = report.withheld.iter().map(Withheld::in_words).collect();
    assert!(told.len() == 4 && told[2].starts_with("grant on table stats.pg_stat_statements: it shows the statements"), "{told:#?}");

    let schemas = PgSchemas::new(house.settings.clone(), Vec::new());
    let places = [(&house.main, true), (&branch, false)].map(|(database, is_main)| DatabasePlace { database: database.clone(), is_main });
    assert!(matches!(schemas.both(&places[0], &places[1]).await.unwrap(), Readings::Equal(_)));
}
