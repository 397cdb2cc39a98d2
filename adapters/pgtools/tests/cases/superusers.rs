//! What only a superuser can make, and whose rights it acts with in a branch.

use super::{Admin, House, Quiet, connections::Street, equality::dump, execute, refusal, try_execute};
use domain::{DataCloneMode, branch::Withheld};
use ports::driven::{BranchBuilder, BranchLogins, BuildReport, BuildRequest, DatabaseLogin, DatabaseTag, LoginPurpose};
use sqlx::PgConnection;
use std::sync::Arc;

/// A function that takes what it can get, and tells whom it ran as.
const GRAB: &str = "create table acted (by text, what text);
    create function grab() returns event_trigger language plpgsql as $$
        begin
            begin execute 'alter role test_user superuser'; exception when insufficient_privilege then null; end;
            insert into public.acted values (current_user, tg_tag);
        end $$;
    create event trigger a_start on ddl_command_start execute function grab();
    create event trigger b_end on ddl_command_end execute function grab();
    create event trigger c_drop on sql_drop execute function grab();
    create event trigger d_rewrite on table_rewrite execute function grab();
    alter event trigger b_end enable always;
    comment on event trigger b_end is 'grabs';";

/// What is told of in a report beside rows.
fn objects(report: &BuildReport) -> Vec<String> {
    report.withheld.iter().map(Withheld::in_words).collect()
}

pub(super) async fn as_builder(house: &House, target: &DatabaseTag) -> PgConnection {
    let DatabaseLogin { name, password } = house.settings.logins.of(LoginPurpose::Builder, &target.database);
    super::connect(&name, password.expose(), target.database.as_str()).await
}

async fn is_superuser(house: &House, role: &str) -> bool {
    house.value(&house.main, &format!("select rolsuper from pg_roles where rolname = '{role}'")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_event_trigger_gets_no_superusers_rights_from_a_branch() {
    let house = House::new(Admin::Superuser, &format!("{GRAB} create table t (id int);")).await;
    // Main's own is of whoever made it, and runs as whoever alters main: not the concern of a branch.
    execute(&mut house.look_into(&house.main).await, "set session_replication_role = replica; alter role test_user nosuperuser; truncate acted")
        .await;
    for (slug, mode) in [("grab-a", DataCloneMode::SchemaOnly), ("grab-b", DataCloneMode::FullClone)] {
        assert_eq!(objects(&house.build(slug, mode).await.unwrap()), [""; 0]);
        let target = house.target(slug);
        let (builder, branch) = (house.builder(), &target.database);
        builder.admit(&target).await.unwrap();
        assert_eq!(house.count(branch, "acted").await, 0, "none acted while the branch was built and opened");
        let made = "pg_event_trigger t join pg_proc p on p.oid = t.evtfoid join pg_roles r on r.oid = p.proowner where r.rolsuper";
        assert_eq!(house.count(branch, made).await, 4);

        // Whoever owns the branch cannot put other code in its place; for him it acts as it does in the parent.
        let mut owner = as_builder(&house, &target).await;
        let replace = "create or replace function public.grab() returns event_trigger language plpgsql as 'begin end'";
        for refused in [replace, "alter function public.grab() security definer", "alter event trigger b_end disable"] {
            assert!(try_execute(&mut owner, refused).await.is_err(), "{refused}");
        }
        execute(&mut owner, "create table public.new (id int)").await;
        let by = "select string_agg(distinct by, ',') from public.acted";
        assert_eq!(house.value::<String>(branch, by).await, "fluxbase_branch_owner");

        // From 17 on a superuser who alters something does not run it at all.
        let mut superuser = house.look_into(branch).await;
        let version: i32 = house.value(branch, "select current_setting('server_version_num')::int").await;
        if version >= 170_000 {
            execute(&mut superuser, "create table public.by_superuser (id int)").await;
            assert_eq!(house.count(branch, "acted where by = 'postgres'").await, 0);
        }
        builder.shut_out(&target).await.unwrap();
        builder.drop_database(&target, Arc::new(Quiet)).await.unwrap();
        assert!(!is_superuser(&house, "test_user").await);
    }
}

/// Whoever owns one branch may grant something to another's login: when that login goes, its grants are taken back, and not by a superuser.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_left_in_another_branch_is_cleared_without_a_superuser() {
    let street = Street::new(Admin::Superuser).await;
    let house = &street.house;
    // In `alter` the hostile part is what the trigger's function calls: that belongs to the owner of the branch.
    let calls = "create table acted (by text);
        create function called() returns void language sql as 'select 1';
        create function calls() returns event_trigger language plpgsql as $$ begin perform public.called(); end $$;
        create event trigger calls on ddl_command_start execute function calls();";
    execute(&mut house.look_into(&house.main).await, calls).await;
    house.build("theirs", DataCloneMode::SchemaOnly).await.unwrap();
    let theirs = house.target("theirs");
    house.builder().admit(&theirs).await.unwrap();
    let (user, _) = street.issue().await;
    let mut owner = as_builder(house, &theirs).await;
    let hostile = format!(
        "create or replace function public.called() returns void language plpgsql as $$ begin insert into public.acted values (session_user); end $$;
                           grant select on public.t to {user}"
    );
    execute(&mut owner, &hostile).await;
    street.logins.revoke(street.branch.branch_id).await.unwrap();
    assert_eq!(house.count(&house.main, &format!("pg_roles where rolname = '{user}'")).await, 0);
    assert_eq!(house.count(&theirs.database, "acted where by = 'postgres'").await, 0);
}

/// Made by a superuser in a database that is somebody else's as well as in its own.
const BEYOND: &str = "create schema if not exists app;
    create function app.sure(int) returns boolean language sql leakproof as 'select true';
    create function app.in_capitals(text) returns text language internal immutable strict as 'upper';
    create type app.small;
    create function app.small_in(cstring) returns app.small language internal immutable strict as 'int4in';
    create function app.small_out(app.small) returns cstring language internal immutable strict as 'int4out';
    create type app.small (input = app.small_in, output = app.small_out, like = int4);
    create cast (app.small as int) without function;
    create operator family app.smalls using btree;
    create table app.uses (id app.small);";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_superuser_made_is_made_by_one_and_given_to_the_owner() {
    let house = House::new(Admin::Superuser, &format!("{BEYOND} grant usage on schema app to authenticated")).await;
    house.build("beyond", DataCloneMode::FullClone).await.unwrap();
    let branch = house.target("beyond").database;
    let not_the_owners = "(select proowner as owner from pg_proc where pronamespace = 'app'::regnamespace
                           union all select typowner from pg_type where typnamespace = 'app'::regnamespace
                           union all select opfowner from pg_opfamily where opfnamespace = 'app'::regnamespace) o
                           where owner <> 'fluxbase_branch_owner'::regrole";
    assert_eq!(house.count(&branch, not_the_owners).await, 0);
    assert_eq!(house.count(&branch, "pg_proc where pronamespace = 'app'::regnamespace").await, 4);
}

/// Their code acts as the server's own user. `hidden` everybody may execute, but for its schema.
const OF_THE_SERVER: &str = "create schema ops; grant usage on schema ops to service_role;
    create function ops.pid() returns int language internal as 'pg_backend_pid';
    revoke execute on function ops.pid() from public; grant execute on function ops.pid() to service_role; comment on function ops.pid() is 'whose';
    create function ops.hidden() returns int language internal as 'pg_backend_pid';
    create function ops.watched() returns trigger language internal as 'suppress_redundant_updates_trigger';
    revoke execute on function ops.watched() from public; create table public.rows (id int);
    create trigger watched before update on public.rows for each row execute function ops.watched();
    create trigger always before insert on public.rows for each row execute function ops.watched();
    alter table public.rows enable always trigger always; comment on trigger watched on public.rows is 'looks';
    create function ops.less(int, text) returns bool language internal as 'int4lt'; revoke execute on function ops.less(int, text) from public;
    create operator public.<<< (leftarg = int, rightarg = text, function = ops.less);
    create function public.everybodys() returns int language internal as 'pg_backend_pid';
    create extension postgres_fdw; create server near foreign data wrapper postgres_fdw; create extension file_fdw;
    grant usage on foreign data wrapper file_fdw to public;";

#[tokio::test(flavor = "multi_thread")]
async fn who_owns_a_branch_calls_no_code_of_the_server_that_he_could_not_call_in_the_parent() {
    let house = House::new(Admin::Superuser, OF_THE_SERVER).await;
    let first = house.request("first", DataCloneMode::SchemaOnly);
    let of_a_branch =
        BuildRequest { parent: first.target.database.clone(), parent_is_main: false, ..house.request("second", DataCloneMode::FullClone) };
    for request in [first, of_a_branch] {
        let told = objects(&house.builder().build(&request, Arc::new(Quiet)).await.unwrap());
        // In the second nobody may execute it any more.
        let tells = told.iter().filter(|line| line.starts_with("grant on routine ops.hidden():")).count();
        assert_eq!((tells, told.len()), if request.parent_is_main { (1, 1) } else { (0, 0) }, "{told:#?}");
        let mut owner = as_builder(&house, &request.target).await;
        for refused in [
            "select ops.pid()",
            "select ops.hidden()",
            "select 1 operator(public.<<<) '2'::text",
            "create trigger other before update on public.rows for each row execute function ops.watched()",
            "grant execute on function ops.pid() to fluxbase_branch_owner",
            "alter function ops.hidden() owner to fluxbase_branch_owner",
            "create table public.t (id int default 0 check (ops.pid() > 0)); insert into public.t default values",
            "create server other foreign data wrapper postgres_fdw",
        ] {
            let refusal = try_execute(&mut owner, refused).await.unwrap_err();
            assert_eq!(refusal.as_database_error().unwrap().code().as_deref(), Some("42501"), "{refused}: {refusal}");
        }
        execute(&mut owner, "select public.everybodys(); alter server near version '1'; create server other foreign data wrapper file_fdw").await;
        execute(&mut owner, "drop server other").await;
        let branch = &request.target.database;
        let lines = dump(&house, branch, true);
        for line in [
            "GRANT ALL ON FUNCTION ops.pid() TO service_role;",
            "GRANT ALL ON FUNCTION ops.hidden() TO service_role;",
            "COMMENT ON FUNCTION ops.pid() IS 'whose';",
            "COMMENT ON TRIGGER watched ON public.rows IS 'looks';",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line} is missing: {lines:#?}");
        }
    }
}

/// A stored column's expression asks whether its owner may execute it, and not for the schema.
#[tokio::test(flavor = "multi_thread")]
async fn a_generated_column_may_be_made_of_code_of_the_server_that_everybody_may_execute() {
    let sql = "create schema hidden; create function hidden.upper_of(text) returns text immutable language internal as 'upper';
               create table public.t (name text, upper text generated always as (hidden.upper_of(name)) stored); insert into public.t values ('a')";
    let house = House::new(Admin::Superuser, sql).await;
    house.build("generated", DataCloneMode::FullClone).await.unwrap();
    assert_eq!(house.value::<String>(&house.target("generated").database, "select upper from public.t").await, "A");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_of_code_of_the_server_that_few_may_call_is_refused_with_the_way_out() {
    let sql = "create function public.upper_of(text) returns text immutable language internal as 'upper';
               create table public.t (name text); create index on public.t (public.upper_of(name)); insert into public.t values ('a');
               revoke execute on function public.upper_of(text) from public";
    let house = House::new(Admin::Superuser, sql).await;
    let (code, message) = refusal(house.build("watched", DataCloneMode::FullClone).await);
    assert!(code == "definitions_refused" && message.contains("grant execute on it"), "{code} {message}");
    execute(&mut house.look_into(&house.main).await, "grant execute on function public.upper_of(text) to fluxbase_branch_owner").await;
    house.build("watched", DataCloneMode::FullClone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_superuser_and_has_none_refuses_the_clone_with_the_list() {
    let house = House::new(Admin::Plain, "create table t (id int)").await;
    let given = format!("{BEYOND} alter schema app owner to dba; alter table app.uses owner to dba");
    execute(&mut house.look_into(&house.main).await, &given).await;
    for mode in [DataCloneMode::SchemaOnly, DataCloneMode::FullClone] {
        let (code, message) = refusal(house.build("beyond", mode).await);
        assert_eq!(code, "needs_superuser", "{message}");
        let all = [
            "app.sure(integer)",
            "app.in_capitals(text)",
            "type app.small",
            "app.small_in(cstring)",
            "cast (app.small as integer)",
            "operator family app.smalls",
        ];
        assert!(all.iter().all(|name| message.contains(name)), "{message}");
    }
}

/// A default is evaluated when its function is made: by a superuser it must not be, since a domain's check may be anybody's.
#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_makes_nothing_that_could_run_what_others_wrote() {
    let sql = "create function spy(text) returns boolean language plpgsql as $$ begin raise 'evaluated by %', session_user; end $$;
               create domain spied as text;
               create type holds as (it spied);
               create function sure(holds default '(x)') returns boolean language sql leakproof as 'select true';
               alter domain spied add check (spy(value)) not valid;";
    let house = House::new(Admin::Superuser, sql).await;
    let (code, message) = refusal(house.build("spied", DataCloneMode::SchemaOnly).await);
    assert!(code == "needs_superuser" && message.contains("sure(public.holds)") && !message.contains("evaluated by"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_behind_is_told() {
    let house = House::new(Admin::Plain, "create table t (id int); create extension citext").await;
    // The label's provider is not on this server any more.
    let made = format!(
        "{GRAB} set session_replication_role = replica; grant execute on function citext_eq(citext, citext) to anon;
         set allow_system_table_mods = on;
         insert into pg_seclabel values ('t'::regclass, 'pg_class'::regclass, 0, 'gone', 'it''s secret'); alter table acted owner to dba"
    );
    execute(&mut house.look_into(&house.main).await, &made).await;
    let told = objects(&house.build("told", DataCloneMode::SchemaOnly).await.unwrap());
    let expected = [
        "security label of gone on table public.t: security label provider \"gone\" is not loaded",
        "event trigger public.a_start: only a superuser can make an event trigger, and the server's login is none",
    ];
    assert!(expected.iter().all(|words| told.iter().any(|line| line == words)), "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("grant on routine public.citext_eq(public.citext,public.citext): only its owner")), "{told:#?}");
    assert_eq!(told.len(), 6, "{told:#?}");
}
