//! The proof of a clone: a dump of it is a dump of its parent.

use super::{Admin, House, refusal, some_user};
use domain::{DataCloneMode, branch::DatabaseName};
use ports::driven::{BranchBuilder, BuildRequest, Stock};
use std::{collections::HashSet, sync::Arc};

pub(super) const RICH: &str = include_str!("rich.sql");

/// A dump as text, less what may differ: owners, dates, the schemas of the control plane.
#[expect(clippy::disallowed_methods, reason = "a test looks at its databases with PostgreSQL's own program")]
pub(super) fn dump(house: &House, database: &DatabaseName, schema_only: bool) -> Vec<String> {
    let mut command = std::process::Command::new(&house.settings.tools.pg_dump);
    command.args(["-h", "127.0.0.1", "-U", "postgres", "-p"]).arg(house.settings.server.port.to_string()).env("PGPASSWORD", crate::cluster::PASSWORD);
    command.args(["--no-owner", "-N", "branching", "-N", "fluxbase"]).args(schema_only.then_some("-s")).arg(database.as_str());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict") && !line.starts_with("-- Dumped"))
        .filter(|line| !line.contains("EVENT TRIGGER") && !line.contains("fluxbase.told()"))
        // Schema public has another owner than initdb gave it: an owner line in other words.
        .filter(|line| !line.is_empty() && *line != "--" && !line.contains("Name: public; Type: SCHEMA") && !line.contains("since initdb creates it"))
        .map(|line| line.replace("FOR ROLE postgres", "FOR ROLE fluxbase_branch_owner"))
        .map(|line| line.replace("(ARRAY[('new'::character varying)::text, ('old'::character varying)::text])", "(IN)"))
        .map(|line| line.replace("((ARRAY['new'::character varying, 'old'::character varying])::text[])", "(IN)"))
        .collect()
}

pub(super) fn assert_equal(parent: &[String], copy: &[String]) {
    if parent == copy {
        return;
    }
    let (ours, theirs): (HashSet<_>, HashSet<_>) = (parent.iter().collect(), copy.iter().collect());
    let (missing, new): (Vec<_>, Vec<_>) = (ours.difference(&theirs).collect(), theirs.difference(&ours).collect());
    panic!("missing {missing:#?}\nnew {new:#?}\nor only in another order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_clone_dumps_as_its_parent_does() {
    let house = House::new(Admin::Superuser, RICH).await;
    let report = house.build("full", DataCloneMode::FullClone).await.unwrap();
    let database = house.target("full").database;
    assert_equal(&dump(&house, &house.main, false), &dump(&house, &database, false));
    assert_eq!(report.withheld, []);
    assert_eq!(report.rows, 501 + 500 + 400 + 50 + 2 + 1 + 1 + 1 + 1 + 2, "people, notes, events and so on");
    assert_eq!(house.count(&database, "app.note_counts").await, 500, "filled before the policies filter");
    assert_eq!(house.count(&database, "pg_namespace where nspname in ('branching', 'fluxbase')").await, 0);
}

/// Two of these tables come over in PostgreSQL's binary form; the others have a column that must not.
#[tokio::test(flavor = "multi_thread")]
async fn values_at_the_edges_of_their_types_come_over_as_they_are() {
    let house = House::new(Admin::Superuser, include_str!("edges.sql")).await;
    let report = house.build("edges", DataCloneMode::FullClone).await.unwrap();
    assert_eq!(report.rows, 4 * 4 + 2);
    let database = house.target("edges").database;
    assert_equal(&dump(&house, &house.main, false), &dump(&house, &database, false));
    assert_eq!(house.count(&database, "plain where jb->'a'->>2 = 'é'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_none_in_the_databases_encoding_comes_over_too() {
    let house = House::new(Admin::Superuser, include_str!("latin.sql")).await;
    assert_eq!(house.build("latin", DataCloneMode::FullClone).await.unwrap().rows, 20_001);
    let bytes = "select encode(textsend(note), 'hex') from notes where id = 1";
    assert_eq!(house.value::<String>(&house.target("latin").database, bytes).await, "636166e9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_only_clone_has_every_object_and_the_ledger_and_no_other_row() {
    let house = House::new(Admin::Superuser, RICH).await;
    let report = house.build("bare", DataCloneMode::SchemaOnly).await.unwrap();
    let database = house.target("bare").database;
    assert_equal(&dump(&house, &house.main, true), &dump(&house, &database, true));
    assert_eq!(report.rows, 2);
    assert_eq!(house.count(&database, "fluxbase_migrations.ledger").await, 2);
    assert_eq!(house.value::<i64>(&database, "select nextval('fluxbase_migrations.ledger_id_seq')").await, 3);
    assert_eq!(house.count(&database, "app.people").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_seeds_comes_along_with_rows_only_and_the_ledger_always() {
    let sql = "create schema fluxbase_migrations; create table fluxbase_migrations.ledger (version int primary key);
        create table fluxbase_migrations.seeds (name text primary key); create table people (id int primary key);
        insert into fluxbase_migrations.ledger values (1); insert into fluxbase_migrations.seeds values ('10_people.sql'); insert into people values (1)";
    let house = House::new(Admin::Superuser, sql).await;
    let builder = house.builder();
    for (slug, mode, sown) in [("bare", DataCloneMode::SchemaOnly, 0), ("full", DataCloneMode::FullClone, 1), ("kept", DataCloneMode::SchemaOnly, 0)]
    {
        builder.build(&house.request(slug, mode), Arc::new(super::Quiet)).await.unwrap();
        let database = house.target(slug).database;
        let counts = [house.count(&database, "fluxbase_migrations.ledger").await, house.count(&database, "fluxbase_migrations.seeds").await];
        assert_eq!((counts, house.count(&database, "people").await), ([1, sown], sown), "{slug}");
        builder.tend().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_of_a_branch_is_a_clone_too() {
    let sql = "create table t (id int primary key); insert into t values (1), (2); grant select on t to anon;
               alter default privileges grant select on tables to anon";
    let house = House::new(Admin::Superuser, sql).await;
    house.build("one", DataCloneMode::FullClone).await.unwrap();
    let parent = house.target("one").database;
    let request = BuildRequest { parent: parent.clone(), parent_is_main: false, ..house.request("two", DataCloneMode::FullClone) };
    let report = house.builder().build(&request, Arc::new(super::Quiet)).await.unwrap();
    assert_eq!(report.rows, 2);
    assert_equal(&dump(&house, &parent, false), &dump(&house, &request.target.database, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn id_only_users_let_foreign_keys_hold() {
    let sql = "create schema auth; create table auth.users (id uuid primary key, email text not null unique, encrypted_password text,
                   created_at timestamptz not null default now(), meta jsonb not null);
               insert into auth.users values ('00000000-0000-0000-0000-0000000a11ce', 'alice@example.com', 'hash', now(), '{}');
               create table notes (id int generated always as identity, owner uuid references auth.users)";
    let house = House::new(Admin::Superuser, sql).await;
    let request = BuildRequest { users: vec![some_user()], ..house.request("users", DataCloneMode::SchemaOnly) };
    house.builder().build(&request, Arc::new(super::Quiet)).await.unwrap();
    let found: String = house.value(&request.target.database, "select id || ' ' || email from auth.users").await;
    assert_eq!(found, format!("{0} {0}@withheld.invalid", some_user()));

    let report = house.build("people", DataCloneMode::FullClone).await.unwrap();
    let database = house.target("people").database;
    assert!(house.value::<bool>(&database, "select encrypted_password is null from auth.users where email = 'alice@example.com'").await);
    assert_eq!(super::withheld_of(&report, "auth", "users").unwrap().nulled_columns, ["encrypted_password"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_large_objects_and_locale_come_along() {
    let house = House::new(
        Admin::Superuser,
        "create table t (o oid); insert into t select lo_from_bytea(0, sha512(n::text::bytea)) from generate_series(1, 9) n",
    )
    .await;
    let big = "update t set o = lo_from_bytea(0, convert_to(repeat('x', 600000), 'UTF8')) where ctid = (select min(ctid) from t)";
    super::execute(&mut house.look_into(&house.main).await, big).await;
    let settings = format!(
        r#"alter database {0} set search_path = "$user", app, public; alter database {0} set app.greeting = 'a, b';
           alter database {0} set default_transaction_read_only = on; alter database {0} set row_security = on;
           alter database {0} set "app.current_user" = ''"#,
        house.main
    );
    super::execute(&mut house.look_into(&house.main).await, &settings).await;
    house.build("large", DataCloneMode::FullClone).await.unwrap();
    let database = house.target("large").database;
    let sums = "select string_agg(md5(lo_get(o)), ' ' order by o) from t";
    assert_eq!(house.value::<String>(&house.main, sums).await, house.value::<String>(&database, &sums.replace(" t", " public.t")).await);
    let kept = |name: &DatabaseName| {
        format!("select setconfig::text from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = '{name}'")
    };
    assert_eq!(house.value::<String>(&house.main, &kept(&house.main)).await, house.value::<String>(&house.main, &kept(&database)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn default_grants_on_functions_and_a_range_type_do_not_stand_in_the_way() {
    // PostgreSQL makes the type's constructors as the bootstrap superuser, whose default grants they then bear: in a branch nobody may grant on them.
    let sql = "alter default privileges in schema public grant execute on functions to anon;
               create type span as range (subtype = float8); create table spans (at span); create function f() returns int language sql as 'select 1'";
    let house = House::new(Admin::Superuser, sql).await;
    house.build("ranges", DataCloneMode::SchemaOnly).await.unwrap();
    assert!(house.value::<bool>(&house.target("ranges").database, "select has_function_privilege('anon', 'f()', 'execute')").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_checks_and_generated_columns_call_find_names_as_in_the_parent() {
    let sql = "create schema own; create function own.helper(n int) returns int immutable language sql as 'select n';
               create function own.calls(n int) returns int immutable language plpgsql as 'begin return helper(n); end';
               set search_path = own, public; do $$ begin execute format('alter database %I set search_path = own, public', current_database()); end $$;
               create table own.t (n int check (own.calls(n) > 0), m int generated always as (own.calls(n) + 1) stored);
               insert into own.t (n) values (1), (2)";
    let house = House::new(Admin::Superuser, sql).await;
    house.build("found", DataCloneMode::FullClone).await.unwrap();
    assert_eq!(house.count(&house.target("found").database, "own.t where m = n + 1").await, 2);

    // What was on the path of the session alone that made it is found by none that a branch has.
    let index = "create schema aside; create function aside.helper(n text) returns int immutable language sql as 'select 1';
                 create function own.strays(n int) returns int immutable language plpgsql as 'begin return helper(n::text); end';
                 set search_path = own, aside, public; create index on own.t (own.strays(n)) where n > 5; insert into own.t (n) values (7)";
    let house = House::new(Admin::Superuser, &format!("{sql}; {index}")).await;
    let (code, message) = refusal(house.build("lost", DataCloneMode::FullClone).await);
    assert!(code == "definitions_refused" && message.contains("helper(text)") && message.contains("set search_path"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_on_the_control_plane_is_refused_with_the_way_out() {
    for sql in ["create view v as select * from branching.b", "create table t (id int references branching.b)"] {
        let house = House::new(Admin::Superuser, &format!("create schema branching; create table branching.b (id int primary key); {sql}")).await;
        let (code, message) = refusal(house.build("standing", DataCloneMode::SchemaOnly).await);
        assert!(code == "definitions_refused" && message.contains("control plane"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_the_users_comes_along_whatever_its_name_begins_with() {
    let sql = "create schema fluxbase; create table fluxbase.secrets (id int); create schema branching; create table branching.b (id int);
               create schema fluxbase_metrics; create table fluxbase_metrics.t (id int); insert into fluxbase_metrics.t values (1)";
    let house = House::new(Admin::Superuser, sql).await;
    house.build("named", DataCloneMode::FullClone).await.unwrap();
    let database = house.target("named").database;
    assert_eq!(house.count(&database, "fluxbase_metrics.t").await, 1);
    assert_eq!(house.count(&database, "pg_namespace where nspname in ('fluxbase', 'branching')").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_which_small_i_has_no_dot_is_copied_as_any_other() {
    let sql = r#"
        create table t (id int, name text unique); insert into t values (1, 'I'), (2, 'i');
        revoke insert on t from current_user; grant insert, trigger on t to anon; revoke insert on t from postgres;
        grant insert on pg_catalog.pg_largeobject to anon; revoke insert on pg_catalog.pg_largeobject from anon;
        alter default privileges grant insert on tables to anon;
        alter default privileges revoke execute on routines from public;
        create function f() returns int language sql set "IntervalStyle" = 'iso_8601' return 1;
        select lo_create(4711); grant select on large object 4711 to anon"#;
    let house = House::new_as(Admin::Superuser, "template template0 locale 'C' locale_provider icu icu_locale 'tr-TR'", sql).await;
    house.build("turkish", DataCloneMode::FullClone).await.unwrap();
    let branch = house.target("turkish").database;
    let granted = "select has_table_privilege('anon', 't', 'insert') and not has_table_privilege('anon', 't', 'select') and lower('I') = 'ı'";
    assert!(house.value::<bool>(&branch, granted).await);
    house.build("again", DataCloneMode::SchemaOnly).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_large_objects_come_along_in_few_goes() {
    let sql = "do $$ begin for n in 1 .. 500 loop perform lo_from_bytea(10000 + n, convert_to(repeat('x', n % 7 * n), 'UTF8')); end loop; end $$;
               select lo_from_bytea(10501, convert_to(repeat('y', 700000), 'UTF8')); select lo_put(10502, 100000, 'z') from lo_create(10502);
               comment on large object 10007 is 'it''s small'; comment on large object 10501 is 'big';
               grant select on large object 10008 to anon; grant select, update on large object 10501 to anon";
    let house = House::new(Admin::Plain, sql).await;
    house.build("objects", DataCloneMode::FullClone).await.unwrap();
    let database = house.target("objects").database;
    let all = "select string_agg(concat_ws(' ', o.oid, md5(lo_get(o.oid)), obj_description(o.oid, 'pg_largeobject'),
                                           (select string_agg(privilege_type, ',' order by 1) from aclexplode(lomacl) where grantee = 'anon'::regrole)), ' ' order by o.oid)
                 from pg_largeobject_metadata o";
    assert_eq!(house.value::<String>(&database, all).await, house.value::<String>(&house.main, all).await);
    let transactions: i64 = house.value(&database, "select count(distinct xmin::text) from pg_largeobject_metadata").await;
    assert!(transactions < 20, "{transactions} transactions");
}
