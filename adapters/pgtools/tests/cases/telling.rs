//! What is told while a build runs, and what is not.

use super::{Admin, House, Quiet, refusal, withheld_of};
use async_trait::async_trait;
use domain::{DataCloneMode, StepName, branch::WithheldRows, table::QualifiedName};
use fluxbase_pgtools::{PgBranchBuilder, ToolProblem, Tools};
use ports::driven::{BranchBuilder, BuildError, BuildProgress};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
};

#[derive(Default)]
struct Recorded(Mutex<Vec<(StepName, u64)>>);

#[async_trait]
impl BuildProgress for Recorded {
    async fn step(&self, step: StepName) -> Result<(), BuildError> {
        self.0.lock().unwrap().push((step, 0));
        Ok(())
    }

    async fn advance(&self, done: u64, total: u64, _: &'static str) -> Result<(), BuildError> {
        assert!(done <= total);
        self.0.lock().unwrap().last_mut().unwrap().1 = done;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_come_in_order_and_count_what_is_done() {
    let house = House::new(Admin::Superuser, "create table t (id int primary key); insert into t select generate_series(1, 1000)").await;
    let recorded = Arc::new(Recorded::default());
    house.builder().build(&house.request("told", DataCloneMode::FullClone), Arc::clone(&recorded) as Arc<dyn BuildProgress>).await.unwrap();
    let told = recorded.0.lock().unwrap().clone();
    let steps: Vec<_> = told.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [StepName::CreateDatabase, StepName::CopyDefinitions, StepName::CopyRows, StepName::AddConstraints, StepName::Verify]);
    let bytes: i64 = house.value(&house.main, "select pg_table_size('t')").await;
    assert_eq!(told[2], (StepName::CopyRows, u64::try_from(bytes).unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn seeds_are_no_part_of_a_build() {
    let house = House::new(Admin::Superuser, "select 1").await;
    assert_eq!(refusal(house.build("seeds", DataCloneMode::SeedData).await).0, "seeds_unavailable");
    assert!(house.databases().await.is_empty());
}

/// A program that writes down its arguments and the size of what it was asked, and goes on as the real one.
fn eavesdropping(folder: &Path, real: &Path) -> std::path::PathBuf {
    let path = folder.join(real.file_name().unwrap());
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{}/heard'\nexec '{}' \"$@\"\n", folder.display(), real.display());
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_in_the_arguments_of_a_program_or_in_debug_output() {
    // What only a superuser makes goes by pg_restore.
    let sql = "create table t (id int primary key); create function same(int, int) returns boolean language internal strict immutable as 'int4eq'";
    let house = House::new(Admin::Superuser, sql).await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = house.settings.clone();
    settings.tools = Tools {
        pg_dump: eavesdropping(folder.path(), &settings.tools.pg_dump),
        pg_restore: eavesdropping(folder.path(), &settings.tools.pg_restore),
    };
    let builder = PgBranchBuilder::new(settings);
    builder.build(&house.request("secret", DataCloneMode::FullClone), Arc::new(Quiet)).await.unwrap();
    let heard = fs::read_to_string(folder.path().join("heard")).unwrap();
    assert!(heard.contains("--schema-only") && heard.contains("--use-list"), "{heard}");
    for secret in [crate::cluster::PASSWORD, "builder secret"] {
        assert!(!heard.contains(secret) && !format!("{builder:?}").contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_cannot_be_filled_is_told_and_is_no_hindrance() {
    let sql = "create table t (id int); insert into t values (1);
               create materialized view fine as select count(*) as n from t;
               create materialized view ratio as select 100 / count(*) as percent from t;
               create materialized view a_ratio_again as select percent from ratio";
    let house = House::new(Admin::Superuser, sql).await;
    let populated = "select string_agg(relname, ' ' order by relname) from pg_class where relkind = 'm' and relispopulated";
    assert!(house.build("whole", DataCloneMode::FullClone).await.unwrap().withheld.is_empty());
    assert_eq!(house.value::<String>(&house.target("whole").database, populated).await, "a_ratio_again fine ratio");

    let report = house.build("empty", DataCloneMode::SchemaOnly).await.unwrap();
    assert_eq!(house.value::<String>(&house.target("empty").database, populated).await, "fine");
    // What a query says of values may be of rows that whoever reads this may not see.
    for (view, why) in [("ratio", "its query fails (SQLSTATE 22012)"), ("a_ratio_again", "has not been populated")] {
        let entry = withheld_of(&report, "public", view).unwrap_or_else(|| panic!("{view} is not told: {report:?}"));
        assert!(entry.reason.contains(why) && entry.rows == WithheldRows::Object { kind: "materialized view".to_owned() }, "{entry:?}");
    }

    // Whom to ask as at another server never comes along. Here the view asks there only once it is in the branch, and nobody can tell before.
    house
        .on_main(
            "create extension postgres_fdw; create server elsewhere foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1');
             create foreign table far (id int) server elsewhere;
             create function far_rows() returns setof int language plpgsql as
                 $$ begin if (select count(*) from t) = 1 then return query select 1; else return query execute 'select id from fa' || 'r'; end if; end $$;
             alter function far_rows() set search_path = public;
             create materialized view fetched as select * from far_rows(); delete from t; insert into t values (1), (2)",
        )
        .await;
    let report = house.build("far", DataCloneMode::FullClone).await.unwrap();
    let entry = withheld_of(&report, "public", "fetched").unwrap();
    assert!(entry.reason.contains("user mapping not found"), "{entry:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_are_missing_or_of_another_version_are_named_before_anything_is_made() {
    let house = House::new(Admin::Superuser, "select 1").await;
    let mut settings = house.settings.clone();
    settings.tools.pg_dump = "no/such/pg_dump".into();
    let request = house.request("tools", DataCloneMode::SchemaOnly);
    let (code, message) = refusal(PgBranchBuilder::new(settings).build(&request, Arc::new(Quiet)).await);
    assert!(code == "tools_missing" && message.contains("no/such/pg_dump"), "{message}");
    assert!(house.databases().await.is_empty());
    let problems = house.settings.tools.problems(99).await;
    assert!(matches!(problems[..], [ToolProblem::WrongMajor { server: 99, .. }, ToolProblem::WrongMajor { .. }]), "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_names_what_is_not_there_before_rows_is_told_at_once_with_the_way_out() {
    let sql = "create table items (id int primary key, name text); create index items_name on items (name); create domain named as regclass;
               create table usage (of TYPE, used int); insert into usage values (VALUE, 1)";
    for (of, value) in [("regclass", "'items_name'"), ("regclass[]", "'{items,items_name}'"), ("named", "'items_pkey'")] {
        let mut house = House::new(Admin::Superuser, &sql.replace("TYPE", of).replace("VALUE", value)).await;
        let (code, message) = refusal(house.build("named", DataCloneMode::FullClone).await);
        assert_eq!(code, "clone_refused", "{message}");
        assert!(message.contains("public.usage") && message.contains("branching.excluded_table_data"), "{message}");
        house.settings.excluded_tables.push(QualifiedName::new("public", "usage"));
        house.build("named", DataCloneMode::FullClone).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_functions_raise_over_rows_is_told_of_no_index_and_no_view() {
    let sql = "create table people (id int primary key, mail text); insert into people values (1, 'Alice');
        create function picky(text) returns text immutable language plpgsql as $$ begin
            if current_user = 'fluxbase_branch_owner' then raise '% does not exist', $1 using errcode = '42P17'; end if; return $1; end $$;
        create materialized view seen as select picky(mail) from people";
    let house = House::new(Admin::Superuser, sql).await;
    let report = house.build("view", DataCloneMode::FullClone).await.unwrap();
    let told = &withheld_of(&report, "public", "seen").unwrap().reason;
    assert!(told.contains("PL/pgSQL function picky(text) line 2 at RAISE raises an error") && !told.contains("Alice"), "{told}");

    house.on_main("create index on people (picky(mail))").await;
    let (_, told) = refusal(house.build("index", DataCloneMode::FullClone).await);
    assert!(told.contains("PL/pgSQL function public.picky(text) line 2 at RAISE raises an error") && !told.contains("Alice"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_says_of_a_value_that_a_function_is_at_work_on_is_not_told() {
    let function = "create function of_setting(text) returns text immutable language plpgsql as $$ begin
            if current_user = 'fluxbase_branch_owner' then perform set_config($1 || '-.x', 'y', true); end if; return $1; end $$;";
    for (slug, table) in [
        ("index", "create table people (said text); insert into people values ('Alice'); create index on people (of_setting(said))"),
        ("check", "create table people (said text check (of_setting(said) <> '')); insert into people values ('Alice')"),
    ] {
        let house = House::new(Admin::Superuser, &format!("{function} {table}")).await;
        let (_, told) = refusal(house.build(slug, DataCloneMode::FullClone).await);
        assert!(!told.contains("Alice") && told.contains("invalid configuration parameter name …"), "{told}");
    }
}
