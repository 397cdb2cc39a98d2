//! A main whose own settings change how PostgreSQL writes and reads what it is asked.

use super::{Admin, House, Quiet, execute};
use domain::DataCloneMode;
use ports::driven::BranchBuilder;
use std::sync::Arc;

/// An array of somebody's type is copied as text, where that setting has a say.
#[tokio::test(flavor = "multi_thread")]
async fn arrays_keep_their_nulls_whatever_a_database_says_of_them() {
    let sql = "create type mood as enum ('glad'); create table t (m mood, tags text[], counts int[]);
        insert into t values ('glad', array['a', null], array[1, null]);
        do $do$ begin execute format('alter database %I set array_nulls = off', current_database()); end $do$";
    let house = House::new(Admin::Superuser, sql).await;
    house.build("nulls", DataCloneMode::FullClone).await.unwrap();
    assert_eq!(house.count(&house.target("nulls").database, "t where tags[2] is null and counts[2] is null").await, 1);
}

const SQL: &str = r"create table t (a int, path text default E'q\\', check (path <> E'\\'));
    insert into t (a) values (1);
    create index on t ((path || E'\\'));
    create function quoted(a text default E'q\\') returns text language sql as 'select a';
    do $do$ begin
        execute format('alter database %I set standard_conforming_strings = off', current_database());
        execute format('alter database %I set quote_all_identifiers = on', current_database());
        execute format('alter database %I set jit_above_cost = 0', current_database());
    end $do$";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_database_says_of_strings_and_names_changes_no_definition() {
    let house = House::new(Admin::Superuser, SQL).await;
    for mode in [DataCloneMode::FullClone, DataCloneMode::SchemaOnly] {
        house.builder().build(&house.request("strings", mode), Arc::new(Quiet)).await.unwrap();
        let database = house.target("strings").database;
        for value in [
            "select quoted()",
            "select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 't'::regclass",
            "select string_agg(pg_get_constraintdef(oid), ' ') from pg_constraint where conrelid = 't'::regclass and contype = 'c'",
            "select pg_get_indexdef(indexrelid) from pg_index where indrelid = 't'::regclass",
        ] {
            assert_eq!(house.value::<String>(&database, value).await, house.value::<String>(&house.main, value).await, "{value}");
        }
        house.builder().drop_database(&house.target("strings"), Arc::new(Quiet)).await.unwrap();
    }
}

/// The branch lies in none of its parent's tablespaces, and its owner may make nothing in them.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_is_not_told_to_use_its_parents_tablespaces() {
    let house = House::new(Admin::Plain, "create table t (id int)").await;
    let mut root = house.look_into(&house.main).await;
    for statement in ["set allow_in_place_tablespaces = on", "create tablespace fast location ''"] {
        execute(&mut root, statement).await;
    }
    for setting in ["default_tablespace to fast", "temp_tablespaces to fast", "work_mem to '5MB'"] {
        execute(&mut root, &format!("alter database {} set {setting}", house.main)).await;
    }
    house.build("spaces", DataCloneMode::FullClone).await.unwrap();
    let branch = house.target("spaces").database;
    let settings = format!(
        "select array_to_string(setconfig, ',') from pg_db_role_setting s join pg_database d on d.oid = setdatabase where datname = '{branch}' and setrole = 0"
    );
    assert_eq!(house.value::<String>(&house.main, &settings).await, "work_mem=5MB");
    execute(
        &mut house.look_into(&branch).await,
        "set role fluxbase_branch_owner; create table made_here (id int primary key); create temp table passing (id int)",
    )
    .await;
}
