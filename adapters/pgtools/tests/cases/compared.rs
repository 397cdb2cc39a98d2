//! A fresh clone differs from its parent in nothing that a diff looks at, whatever stays behind.

use super::{Admin, House, execute};
use domain::{DataCloneMode, branch::Withheld};
use fluxbase_pgtools::PgSchemas;
use ports::driven::{BuildReport, DatabasePlace, SchemaReader};

/// What no file of this machine is an extension of: it needs none to be left behind.
const PG_CRON: &str = "
create schema cron;
create table cron.job (jobid bigserial primary key, schedule text not null, command text not null, username text not null default current_user);
create table cron.job_run_details (jobid bigint, status text);
create function cron.schedule(text, text) returns bigint language sql as 'insert into cron.job (schedule, command) values ($1, $2) returning jobid';
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);
insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion, extconfig, extcondition)
    values ('cron'::regnamespace, 'pg_cron', 10, 'pg_catalog'::regnamespace, false, '1.6',
            array['cron.job'::regclass, 'cron.job_jobid_seq'::regclass]::oid[], array['', '']);
alter extension pg_cron add schema cron;
alter extension pg_cron add table cron.job;
alter extension pg_cron add sequence cron.job_jobid_seq;
alter extension pg_cron add table cron.job_run_details;
alter extension pg_cron add function cron.schedule(text, text);
comment on extension pg_cron is 'Job scheduler';
grant usage on schema cron to public;
grant select on cron.job, cron.job_jobid_seq to public;
grant insert on cron.job to anon;
grant execute on function cron.schedule(text, text) to anon;
select cron.schedule('* * * * *', 'delete from t');
";

const TRIGGERS: &str = "
create function told() returns event_trigger language plpgsql as 'begin perform 1; end';
create function as_owner() returns event_trigger language plpgsql security definer as 'begin perform 1; end';
create event trigger plain on ddl_command_end when tag in ('CREATE TABLE') execute function told();
comment on event trigger plain is 'told';
create event trigger \"As its owner\" on ddl_command_end when tag in ('CREATE TABLE') execute function as_owner();
comment on event trigger \"As its owner\" is 'never told';
grant select on pg_catalog.pg_statistic to anon;
grant execute on function pg_catalog.pg_switch_wal() to anon;
";

#[tokio::test(flavor = "multi_thread")]
async fn default_grants_come_along_whatever_it_is_that_their_role_owns() {
    let sql = "create schema app; create function app.f() returns int language sql as 'select 1'; alter function app.f() owner to service_role;
               alter default privileges for role service_role grant select on tables to anon;
               create schema own authorization authenticated;
               alter default privileges for role authenticated in schema app grant usage on sequences to anon;
               alter default privileges for role anon grant usage on schemas to public";
    let house = House::new(Admin::Superuser, sql).await;
    house.build("defaults", DataCloneMode::SchemaOnly).await.unwrap();
    let database = house.target("defaults").database;
    let schemas = PgSchemas::new(house.settings.clone(), Vec::new());
    let main = schemas.read(&DatabasePlace { database: house.main.clone(), is_main: true }).await.unwrap();
    let branch = schemas.read(&DatabasePlace { database: database.clone(), is_main: false }).await.unwrap();
    assert_eq!(schemas.unified_text(&main.map, &branch.map), "");
    execute(&mut house.look_into(&database).await, "set role fluxbase_branch_owner; create table app.t (); create sequence app.s").await;
    execute(&mut house.look_into(&database).await, "set role fluxbase_branch_owner; create schema later").await;
    let granted = "select has_table_privilege('anon', 'app.t', 'select') and has_sequence_privilege('anon', 'app.s', 'usage')
                          -- One that owns nothing makes nothing.
                          and not has_schema_privilege('anon', 'later', 'usage')";
    assert!(house.value::<bool>(&database, granted).await);
}

/// Clones a main database that has all of this, and holds the clone against it.
async fn compare(admin: Admin, mode: DataCloneMode) -> (House, BuildReport) {
    let own = "create table t (id int primary key, b int); insert into t values (1); grant select on t to anon; grant update (b) on t to anon;
               create function f() returns int language sql as 'select 1'; revoke execute on function f() from public;
               create type mood as enum ('sad'); revoke usage on type mood from public; create sequence s; grant usage on s to anon;
               create schema app; grant usage on schema app to anon; create view v as select 1; grant select on v to anon";
    let house = House::new(admin, own).await;
    execute(&mut house.look_into(&house.main).await, &format!("{PG_CRON}{TRIGGERS}")).await;
    let report = house.build("same", mode).await.unwrap();
    let schemas = PgSchemas::new(house.settings.clone(), Vec::new());
    let main = DatabasePlace { database: house.main.clone(), is_main: true };
    let branch = DatabasePlace { database: house.target("same").database, is_main: false };
    let (target, source) = (schemas.read(&main).await.unwrap(), schemas.read(&branch).await.unwrap());
    assert_eq!(schemas.unified_text(&target.map, &source.map), "");
    assert_eq!(schemas.fingerprint(&main).await.unwrap(), schemas.fingerprint(&branch).await.unwrap());
    // Grants on what is the database's own are looked at all the same.
    let grants: Vec<_> = target.map.objects().iter().map(|object| object.identity.to_string()).filter(|name| name.starts_with("grant ")).collect();
    let own = ["TABLE t", "COLUMN t.b", "FUNCTION f()", "TYPE mood", "SEQUENCE s", "SCHEMA app", "TABLE v"];
    assert!(own.iter().all(|own| grants.iter().any(|grant| grant.replace("public.", "").ends_with(own))), "{grants:?}");
    for (target, source) in [(&main, &branch), (&branch, &main)] {
        let diff = schemas.diff(target, source).await.unwrap();
        assert!(diff.is_empty(), "{diff:?}");
    }
    (house, report)
}

fn told(report: &BuildReport) -> Vec<String> {
    report.withheld.iter().map(|entry: &Withheld| entry.table.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_and_what_could_lead_to_a_superuser_stay_behind_and_are_no_difference() {
    let (house, report) = compare(Admin::Superuser, DataCloneMode::FullClone).await;
    assert_eq!(told(&report), ["cron.job", "cron.job_run_details", "public.As its owner"]);
    let branch = house.target("same").database;
    for what in ["pg_extension where extname = 'pg_cron'", "pg_namespace where nspname = 'cron'", "pg_class where relname ~ '^job'"] {
        assert_eq!(house.count(&branch, what).await, 0, "{what}");
    }
    assert_eq!(house.count(&branch, "t").await, 1);
    assert_eq!(house.count(&branch, "pg_event_trigger where evtname = 'plain'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plain_owner_cannot_make_is_no_difference_either() {
    let (house, report) = compare(Admin::Plain, DataCloneMode::SchemaOnly).await;
    let told = told(&report);
    assert!(["public.As its owner", "public.plain", "pg_catalog.pg_statistic"].iter().all(|name| told.iter().any(|told| told == name)), "{told:?}");
    assert_eq!(house.count(&house.target("same").database, "pg_event_trigger").await, 0);
}
