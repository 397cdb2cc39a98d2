//! Parents that are worth several streams.

use super::{Admin, House, Quiet, execute};
use domain::DataCloneMode;
use fluxbase_pgtools::{PgBranchBuilder, Settings};
use ports::driven::BranchBuilder;
use std::{
    os::unix::fs::PermissionsExt,
    sync::Arc,
    time::{Duration, Instant},
};

#[tokio::test(flavor = "multi_thread")]
async fn several_streams_copy_one_snapshot_and_what_hangs_on_it() {
    let sql = "create table owners (id int primary key, note text);
               create table things (id int primary key, owner int not null references owners, note text);
               create table parts (id int, thing int references things, note text) partition by range (id);
               create table parts_1 partition of parts for values from (0) to (40000);
               create table parts_2 partition of parts default;
               create table nothing (id int primary key);
               insert into owners select n, repeat(md5(n::text), 10) from generate_series(1, 40000) n;
               insert into things select n, 1 + n % 40000, repeat(md5(n::text), 10) from generate_series(1, 60000) n;
               insert into parts select n, 1 + n % 60000, repeat(md5(n::text), 3) from generate_series(1, 80000) n;
               create index on parts (thing); create index on things (owner); create index on things (md5(note));
               create materialized view counted as select owner, count(*) from things group by owner";
    let house = House::new(Admin::Superuser, sql).await;
    let (settings, _folder) = without_pg_restore(&house);
    let report = PgBranchBuilder::new(settings).build(&house.request("big", DataCloneMode::FullClone), Arc::new(Quiet)).await.unwrap();
    assert_eq!(report.rows, 40_000 + 60_000 + 80_000);
    let database = house.target("big").database;
    for table in ["owners", "things", "parts_1", "parts_2", "counted"] {
        let sum = format!("select md5(string_agg(t::text, ' ' order by t::text)) from public.{table} t");
        assert_eq!(house.value::<String>(&database, &sum).await, house.value::<String>(&house.main, &sum).await, "{table}");
    }
    for counted in ["pg_constraint where convalidated", "pg_index where indisvalid", "pg_constraint where contype = 'f'"] {
        assert_eq!(house.count(&database, counted).await, house.count(&house.main, counted).await, "{counted}");
    }
    // What an index calculates has statistics only where ANALYZE came after it.
    for table in ["things", "things_md5_idx", "parts_2"] {
        assert!(house.count(&database, &format!("pg_stats where tablename = '{table}'")).await > 0, "{table}");
    }
    let frozen = "select (select relallvisible from pg_class where relname = 'things') > 0";
    assert!(house.value::<bool>(&database, frozen).await, "rows are frozen from the start");
}

#[tokio::test(flavor = "multi_thread")]
async fn autovacuum_does_not_come_between_rows_and_indexes() {
    let sql = "do $do$ begin execute format($format$
                   create function alone(id int) returns int immutable language plpgsql as $$ begin
                       if current_database() <> %L and not exists (select from pg_class where relname = 'things' and 'autovacuum_enabled=false' = any(reloptions))
                       then raise exception 'autovacuum may come'; end if;
                       return id;
                   end $$ $format$, current_database()); end $do$;
               create table things (id int, note text) with (fillfactor = 95);
               create table others (id int, note text) with (autovacuum_enabled = true);
               insert into things select n, repeat(md5(n::text), 10) from generate_series(1, 60000) n;
               insert into others select n, repeat(md5(n::text), 10) from generate_series(1, 60000) n;
               create index on things (alone(id))";
    let house = House::new(Admin::Superuser, sql).await;
    PgBranchBuilder::new(house.settings.clone()).build(&house.request("big", DataCloneMode::FullClone), Arc::new(Quiet)).await.unwrap();
    let options = "select string_agg(relname || ' ' || array_to_string(reloptions, ','), ' ' order by relname) from pg_class where relname in ('things', 'others')";
    assert_eq!(house.value::<String>(&house.target("big").database, options).await, "others autovacuum_enabled=true things fillfactor=95");
}

/// An index of vectors is refused where it has too little memory, and its helpers share it all: in a container there is no room for that.
#[tokio::test(flavor = "multi_thread")]
async fn what_builds_a_few_indexes_has_much_memory_and_no_helpers() {
    let sql = "do $do$ begin execute format($format$
                   create function well_off(id int) returns int immutable language plpgsql as $$ begin
                       if current_database() <> %L and (pg_size_bytes(current_setting('maintenance_work_mem')) < 192 * 1024 * 1024
                                                        or current_setting('max_parallel_maintenance_workers') <> '0')
                          and not exists (select from pg_stat_progress_analyze where pid = pg_backend_pid())
                       then raise exception 'neither memory nor peace'; end if;
                       return id;
                   end $$ $format$, current_database()); end $do$;
               create table few (id int); insert into few values (1); create index on few (well_off(id))";
    let house = House::new(Admin::Superuser, sql).await;
    let build = async |name: &str, settings: Settings| {
        PgBranchBuilder::new(settings).build(&house.request(name, DataCloneMode::FullClone), Arc::new(Quiet)).await.unwrap();
    };
    let (settings, _folder) = without_pg_restore(&house);
    build("ours", settings).await;
    // What might be text in no encoding goes by pg_restore.
    execute(&mut house.look_into(&house.main).await, r"comment on table few is E'\uFFFD'").await;
    build("theirs", house.settings.clone()).await;
}

/// A `pg_restore` that does no more than tell its version: what it would be needed for fails.
fn without_pg_restore(house: &House) -> (Settings, tempfile::TempDir) {
    let (folder, mut settings) = (tempfile::tempdir().unwrap(), house.settings.clone());
    let program = folder.path().join("pg_restore");
    let script = format!("#!/bin/sh\n[ \"$1\" = --version ] && exec '{}' --version\nexit 1\n", settings.tools.pg_restore.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    settings.tools.pg_restore = program;
    (settings, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_holds() {
    let sql = "create table t (note text); insert into t select repeat(md5(n::text), 10) from generate_series(1, 12000) n";
    let house = House::new(Admin::Superuser, sql).await;
    let mut settings = house.settings.clone();
    settings.clone_rate = 2_000_000;
    let begun = Instant::now();
    PgBranchBuilder::new(settings).build(&house.request("slow", DataCloneMode::FullClone), Arc::new(Quiet)).await.unwrap();
    assert!(begun.elapsed() > Duration::from_millis(1800), "3.8 MB at 2 MB a second: {:?}", begun.elapsed());
}
