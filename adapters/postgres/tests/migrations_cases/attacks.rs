//! Files and branches that want more than is theirs: each is harmless, and told.

use super::{Branch, OneBuilder, Told, branch, logins, refusal};
use async_trait::async_trait;
use domain::branch::DatabaseName;
use fluxbase_postgres::{
    migrations::{MigrationSettings, PgMigrationRunner},
    provision::Login,
};
use ports::driven::{ApplyRequest, BuildError, LoginRestorer, MigrationError, MigrationRunner, Secret};
use sqlx::PgPool;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// What the logins and the owner are: nothing below may change it.
async fn powers(branch: &Branch) -> String {
    let builder = &logins().await.builder.name;
    branch
        .text(&format!(
            "select string_agg(concat_ws(' ', rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication,
                        (select string_agg(roleid::regrole::text, ',' order by 1) from pg_auth_members where member = r.oid)), ';' order by rolname)
               from pg_roles r where rolname in ('fluxbase_branch_owner', '{builder}')"
        ))
        .await
}

/// Functions that try to make the logins powerful, and keep silent when they cannot.
const HOSTILE: &str = "
    create function grab(anyelement) returns boolean language plpgsql immutable as $$
    declare target name;
    begin
        for target in select rolname from pg_catalog.pg_roles where rolname like 'fluxbase%' loop
            begin execute pg_catalog.format('alter role %I superuser createdb createrole bypassrls', target); exception when others then null; end;
            begin execute pg_catalog.format('grant pg_execute_server_program to %I', target); exception when others then null; end;
        end loop;
        begin perform pg_catalog.pg_read_file('/etc/passwd'); exception when others then null; end;
        return true;
    end $$;
    create function grab_int(int) returns int language sql immutable as 'select case when public.grab($1) then $1 end';
    create table trap (id int default public.grab_int(1), double int generated always as (public.grab_int(id)) stored, check (public.grab(id)));
    create index on trap (public.grab_int(id));
    create function trap() returns trigger language plpgsql as 'begin perform public.grab(1); return new; end';
    create trigger trap before insert on trap for each row execute function public.trap();
    create rule trap as on insert to trap do also select public.grab(2)";

#[tokio::test]
async fn hostile_objects_gain_nothing_from_what_runs_over_them() {
    let branch = branch("hostile").await;
    branch.apply(&[("1_a.sql", "select 1")]).await.unwrap();
    let before = powers(&branch).await;
    branch.as_owner(HOSTILE).await;
    branch
        .as_owner("create function public.now() returns timestamptz language sql as 'select case when public.grab(1) then pg_catalog.now() end'")
        .await;
    branch.as_owner("create function public.hostile_equal(int, int) returns boolean language sql as 'select public.grab($1)'").await;
    branch.as_owner("create operator public.= (leftarg = int, rightarg = int, function = public.hostile_equal)").await;
    branch
        .apply(&[(
            "2_b.sql",
            "insert into trap values (2);\ncopy trap (id) from stdin;\n3\n\\.\nalter table trap add e text default 'x';\nupdate trap set id = 5",
        )])
        .await
        .unwrap();
    branch.apply(&[("3_c.sql", "-- fluxbase:no-transaction\nreindex table concurrently trap;\ninsert into trap values (9)")]).await.unwrap();
    assert_eq!(powers(&branch).await, before);
}

#[tokio::test]
async fn leaving_the_role_gains_nothing_and_is_told() {
    let branch = branch("leaving").await;
    let before = powers(&branch).await;
    // Both lead back to the owner: that is the login's default.
    branch.apply(&[("1_a.sql", "reset role;\ncreate table a ();\nset session authorization default;\ncreate table b ()")]).await.unwrap();
    let owners = "select string_agg(distinct relowner::regrole::text, ',') from pg_class where relname in ('a', 'b')";
    assert_eq!(branch.text(owners).await, "fluxbase_branch_owner");
    for (sql, code) in [
        ("select 1;\nset role none", "leaves_role"),
        ("select 1;\nset session authorization postgres", "not_allowed"),
        ("select 1;\nset role postgres", "not_allowed"),
        ("select 1;\nset role pg_read_server_files", "not_allowed"),
        ("select 1;\nselect set_config('role', 'none', false)", "leaves_role"),
        ("select 1;\ndo $$ begin execute 'reset role'; execute 'set role none'; end $$", "leaves_role"),
        ("select 1;\ncreate role more superuser", "not_allowed"),
        ("select 1;\ncreate database more", "needs_no_transaction"),
        ("select 1;\nalter system set log_statement = 'all'", "needs_no_transaction"),
        ("select 1;\ncopy trap from program 'id'", "not_allowed"),
        ("select 1;\nselect pg_read_file('/etc/passwd')", "not_allowed"),
        ("select 1;\nselect lo_import('/etc/passwd')", "not_allowed"),
        ("select 1;\ncreate function f() returns int language c as '/tmp/x'", "not_allowed"),
        ("select 1;\ncreate extension file_fdw", "not_allowed"),
        ("select 1;\n\\! touch /tmp/never", "psql_command"),
    ] {
        branch.run("create table if not exists trap (line text); grant all on trap to fluxbase_branch_owner").await;
        let told = branch.fails("2_b.sql", sql).await;
        assert_eq!((told.code, told.line), (code, Some(2)), "{sql}: {told}");
    }
    for sql in ["create database more", "alter system set log_statement = 'all'"] {
        let told = branch.fails("3_c.sql", &format!("-- fluxbase:no-transaction\n{sql}")).await;
        assert_eq!(told.code, "not_allowed", "{told}");
    }
    assert_eq!(powers(&branch).await, before);
    assert!(!std::path::Path::new("/tmp/never").exists());
}

/// What the server reads otherwise than its own rules say by default, and otherwise than we do: it ends the transaction by preparing it.
pub(super) const HIDDEN_PREPARE: &str =
    "create table c ();\nset standard_conforming_strings = off;\nselect 'a\\' || '; prepare transaction $$kept$$; -- ' ;";

pub(super) const PREPARED: &str = "select count(*)::text from pg_prepared_xacts where database = current_database()";

#[tokio::test]
async fn what_a_file_prepares_unseen_is_rolled_back() {
    let branch = branch("prepared").await;
    let block = format!("-- fluxbase:no-transaction\nbegin;\n{HIDDEN_PREPARE}\ncommit;");
    // A line of the ledger that was written in the transaction goes with it.
    for (name, sql, line, ledger) in [("1_a.sql", HIDDEN_PREPARE, 3, ""), ("2_b.sql", &block, 5, "failed")] {
        let found = branch.fails(name, sql).await;
        assert_eq!((found.code, found.line), ("ends_transaction", Some(line)), "{found}");
        assert_eq!(branch.text(PREPARED).await, "0", "{name}: what was prepared would hold its locks for ever");
        assert_eq!(branch.text("select coalesce(string_agg(state, ','), '') from fluxbase_migrations.ledger").await, ledger, "{name}");
    }
    assert_eq!(branch.text("select concat(to_regclass('c'))").await, "", "nothing of it is there");
}

#[tokio::test]
async fn a_ledger_that_is_not_ours_is_not_believed() {
    let branch = branch("tampered").await;
    branch.apply(&[("1_a.sql", "create table a ()")]).await.unwrap();
    branch.as_owner("create function public.nothing() returns trigger language plpgsql as 'begin return null; end'").await;
    branch.as_owner("create function public.one() returns int language sql immutable as 'select 1'").await;
    let ledger = "fluxbase_migrations.ledger";
    for (make, take_back) in [
        (
            "alter table L rename to kept; create view L as select * from fluxbase_migrations.kept; create trigger t instead of insert on L for each row execute function public.nothing()",
            "drop view L; alter table fluxbase_migrations.kept rename to ledger",
        ),
        ("create trigger t before insert on L for each row execute function public.nothing()", "drop trigger t on L"),
        ("create rule r as on insert to L do instead nothing", "drop rule r on L"),
        ("alter table L enable row level security", "alter table L disable row level security"),
        ("alter table L alter detail set default 'x'", "alter table L alter detail drop default"),
        ("alter table L add check (public.one() = 1)", "alter table L drop constraint ledger_check"),
        ("create index other on L ((public.one() + statements))", "drop index fluxbase_migrations.other"),
        ("alter table L add more int", "alter table L drop more"),
        ("alter table L alter who type varchar", "alter table L alter who type text"),
        ("create table fluxbase_migrations.child () inherits (L)", "drop table fluxbase_migrations.child"),
        ("alter table L rename to kept", "alter table fluxbase_migrations.kept rename to ledger"),
        (
            "alter table L rename to kept; create materialized view L as select 1",
            "drop materialized view L; alter table fluxbase_migrations.kept rename to ledger",
        ),
    ] {
        let told = |sql: &str| sql.replace(" L", &format!(" {ledger}")).replace("(L)", &format!("({ledger})"));
        branch.as_owner(&told(make)).await;
        let looked = branch.runner.ledger(&branch.target).await;
        let (code, message) = refusal(looked.expect_err(make));
        assert_eq!(code, "ledger_tampered", "{make}: {message}");
        let (code, _) = branch.refused("2_b.sql", "create table b ()").await;
        assert_eq!(code, "ledger_tampered", "{make}");
        branch.as_owner(&told(take_back)).await;
    }
    // By somebody else's hand, and by a file itself while it runs.
    branch.run("alter table fluxbase_migrations.ledger owner to postgres; grant all on fluxbase_migrations.ledger to fluxbase_branch_owner").await;
    let (code, message) = branch.refused("2_b.sql", "create table b ()").await;
    assert!(code == "ledger_tampered" && message.contains("belongs to postgres"), "{message}");
    branch.run("alter table fluxbase_migrations.ledger owner to fluxbase_branch_owner").await;
    for sql in [
        "create table b (); delete from fluxbase_migrations.ledger",
        "create table b (); create trigger t before update on fluxbase_migrations.ledger for each row execute function public.nothing()",
        "create table b (); drop table fluxbase_migrations.ledger",
    ] {
        assert_eq!(branch.refused("2_b.sql", sql).await.0, "ledger_tampered", "{sql}");
    }
    branch.run("insert into fluxbase_migrations.ledger values (7, 'x', 'x', 1, 'applied', 1, null, null, 0, 'x', null, now())").await;
    let (_, message) = refusal(branch.runner.ledger(&branch.target).await.unwrap_err());
    assert!(message.contains("row 7"), "{message}");
    branch.run("delete from fluxbase_migrations.ledger where version = 7").await;
    branch.apply(&[("2_b.sql", "create table b ()")]).await.unwrap();
}

#[tokio::test]
async fn a_login_that_could_do_more_runs_nothing() {
    let branch = branch("strong").await;
    branch.run("create role strong login superuser password 'x'; create role reaching login password 'x'; grant pg_read_server_files to reaching; create role making login createdb password 'x'").await;
    branch.run("grant fluxbase_branch_owner to reaching, making; grant connect on database branch_strong to reaching, making").await;
    for (name, what) in [("strong", "is a superuser"), ("reaching", "can become 'pg_read_server_files'"), ("making", "may create databases")] {
        let login = Login { name: name.to_owned(), password: Secret::new("x") };
        let settings = MigrationSettings { logins: Arc::new(OneBuilder(login)), ..branch.settings.clone() };
        let outcome = PgMigrationRunner::new(settings).apply(&branch.request(&[("1_a.sql", "select 1")]), Arc::new(Told::default())).await;
        let (code, message) = refusal(outcome.unwrap_err());
        assert!(code == "unsafe_login" && message.contains(what), "{message}");
    }
    branch.run("drop owned by reaching, making; drop role strong, reaching, making").await;
}

/// Puts one login right, as the admin does.
#[derive(Debug)]
struct Putting(PgPool, AtomicU32);

#[async_trait]
impl LoginRestorer for Putting {
    async fn restore(&self, _: &DatabaseName) -> Result<(), BuildError> {
        sqlx::raw_sql("alter role taken password 'ours'").execute(&self.0).await.unwrap();
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn a_password_that_a_file_gave_its_login_is_good_for_nothing() {
    let branch = branch("taken").await;
    branch.run("create role taken login password 'ours' in role fluxbase_branch_owner; grant connect on database branch_taken to taken").await;
    let putting = Arc::new(Putting(branch.root.clone(), AtomicU32::new(0)));
    let login = Login { name: "taken".to_owned(), password: Secret::new("ours") };
    let settings = MigrationSettings { logins: Arc::new(OneBuilder(login)), restorer: putting.clone(), ..branch.settings.clone() };
    let runner = PgMigrationRunner::new(settings);
    let take = "do $$ begin execute 'set role none'; alter role taken password 'mine'; execute 'set role fluxbase_branch_owner'; end $$";
    // The second file needs another connection by that login, and so does whatever comes after.
    let files = [("1_a.sql", take), ("2_b.sql", "create table b ()"), ("3_c.sql", take)];
    let applied = runner.apply(&branch.request(&files), Arc::new(Told::default())).await.unwrap();
    assert_eq!((applied.len(), putting.1.load(Ordering::SeqCst)), (3, 2), "once as it was refused, once at the end");
    assert_eq!(runner.ledger(&branch.target).await.unwrap().len(), 3);
    let failed = runner.apply(&branch.request(&[("4_d.sql", "select 1 / 0")]), Arc::new(Told::default())).await;
    assert!(matches!(failed, Err(MigrationError::File { .. })), "{failed:?}");
    assert_eq!(putting.1.load(Ordering::SeqCst), 3, "a file that failed ran over it as well");
    let tried = ApplyRequest { observe: true, ..branch.request(&[("5_e.sql", "select 1")]) };
    runner.apply(&tried, Arc::new(Told::default())).await.unwrap();
    assert_eq!(putting.1.load(Ordering::SeqCst), 3, "a copy to try files on goes with its logins");
    branch.run("drop owned by taken; drop role taken").await;
}
