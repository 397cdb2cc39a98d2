//! Foreign tables that no owner of a branch can make: they, and what stands on them, stay behind and are told.

use super::{Admin, House, execute, refusal};
use domain::{
    DataCloneMode,
    branch::Withheld,
    schema::{Identity, Kind, SchemaDiff},
};
use fluxbase_pgtools::PgSchemas;
use ports::driven::{BuildReport, DatabasePlace, Readings, SchemaReader};

/// A file of the server, read in every way that PostgreSQL keeps account of, beside a table with rows.
const FILES: &str = r#"create extension file_fdw; create server files foreign data wrapper file_fdw;
    create schema app; grant usage on schema app to anon;
    create table app.t (id int primary key, note text); insert into app.t values (1, 'a'), (2, 'b');
    create foreign table app."Lines" (id serial, line text) server files options (filename '/nowhere/lines.csv', format 'csv');
    comment on foreign table app."Lines" is 'of the server'; grant select on app."Lines" to anon; grant select (id) on app."Lines" to authenticated;
    create foreign table app.printed (line text) server files options (program 'true');
    create view app.read as select line from app."Lines"; comment on view app.read is 'reads'; grant select on app.read to anon;
    create view app.read_again as select * from app.read;
    create materialized view app.counted as select count(*) from app.read with no data; create index on app.counted (count);
    update pg_class set relispopulated = true where oid = 'app.counted'::regclass;
    create function app.lines() returns bigint language sql begin atomic select count(*) from app.read; end;
    create function app.of_row(app."Lines") returns int language sql as 'select 1';
    create type app.pair as (one app."Lines", other int);
    create rule told as on insert to app.t do also select app.lines();
    alter table app.t enable row level security; create policy everybody on app.t using (true);
    create policy few on app.t using (id in (select id from app."Lines")); comment on policy few on app.t is 'few';
    create trigger seldom before update on app.t for each row when (old.id = app.lines()) execute function suppress_redundant_updates_trigger();
    create table app.parts (id int, line text) partition by range (id);
    create table app.part_0 partition of app.parts for values from (0) to (10); insert into app.parts values (1, 'x');
    create foreign table app.part_1 partition of app.parts for values from (10) to (20) server files options (filename '/nowhere/part.csv');
    create view app.whole as select id, note from app.t"#;

const LEFT: [&str; 12] = [
    "foreign table app.\"Lines\": it reads a file of the server",
    "foreign table app.part_1: it reads a file of the server",
    "foreign table app.printed: it reads what a program of the server prints",
    "function app.lines(): it stands on foreign table app.\"Lines\", which stays behind",
    "function app.of_row(app.\"Lines\"): it stands on foreign table app.\"Lines\"",
    "materialized view app.counted: it stands on",
    "policy few on table app.t: it stands on",
    "rule told on table app.t: it stands on",
    "trigger seldom on table app.t: it stands on",
    "type app.pair: it stands on",
    "view app.read: it stands on",
    "view app.read_again: it stands on",
];

fn told(report: &BuildReport) -> Vec<String> {
    report.withheld.iter().map(Withheld::in_words).collect()
}

fn place(database: &domain::branch::DatabaseName, is_main: bool) -> DatabasePlace {
    DatabasePlace { database: database.clone(), is_main }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_tables_that_read_files_of_the_server_stay_behind_with_what_stands_on_them() {
    let house = House::new(Admin::Superuser, FILES).await;
    for (slug, mode) in [("bare", DataCloneMode::SchemaOnly), ("full", DataCloneMode::FullClone)] {
        let told = told(&house.build(slug, mode).await.unwrap());
        assert!(LEFT.iter().all(|line| told.iter().any(|found| found.starts_with(line))) && told.len() == LEFT.len(), "{told:#?}");
    }
    let branch = house.target("full").database;
    assert_eq!(house.count(&branch, "app.t").await, 2);
    assert_eq!(house.count(&branch, "app.whole").await, 2);
    assert_eq!(house.count(&branch, "app.parts").await, 1);
    assert_eq!(house.count(&branch, "pg_policies where tablename = 't'").await, 1);
    assert_eq!(house.count(&branch, "pg_foreign_server").await, 1, "the server itself comes along");

    // Nobody is told that they differ.
    let schemas = PgSchemas::new(house.settings.clone(), Vec::new());
    let both = schemas.both(&place(&house.main, true), &place(&branch, false)).await.unwrap();
    if let Readings::Unequal { target, source } = both {
        panic!("{:#?}", SchemaDiff::between(&target, &source).objects);
    }
    execute(&mut house.look_into(&house.main).await, "create table app.new (id int)").await;
    let read = schemas.read(&place(&house.main, true)).await.unwrap();
    assert!(read.map.find(&Identity::new(Kind::Table, Some("app"), "new")).is_some());
    assert!(!read.map.objects().iter().any(|object| object.definition.contains("Lines")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_rows_or_keeps_them_from_somebody_is_not_left_behind_but_refused_with_the_list() {
    let sql = "create extension file_fdw; create server files foreign data wrapper file_fdw;
        create foreign table public.lines (id int, line text) server files options (filename '/nowhere/lines.csv');
        create function public.count() returns bigint language sql begin atomic select count(*) from public.lines; end;
        create table public.a (id int default public.count()); create table public.b (line public.lines);
        create table public.c (id int check (id > public.count())); create table public.d (id int);
        create policy bound on public.d as restrictive using (id in (select id from public.lines));
        create table public.e (more int) inherits (public.lines); create table public.fine (id int)";
    let house = House::new(Admin::Superuser, sql).await;
    let (code, message) = refusal(house.build("whole", DataCloneMode::SchemaOnly).await);
    assert_eq!(code, "needs_superuser", "{message}");
    let listed = [
        "default of column id of table public.a",
        "table public.b",
        "constraint c_id_check of table public.c",
        "policy bound on table public.d",
        "table public.e",
    ];
    assert!(listed.iter().all(|line| message.contains(line)) && !message.contains("public.fine"), "{message}");
}

/// Rows of another server in materialised views: nothing of them is masked, and a branch does not ask for them.
#[tokio::test(flavor = "multi_thread")]
async fn materialised_views_over_other_servers_arrive_empty_and_are_told() {
    let asks = format!(
        "dblink('host=127.0.0.1 port={} dbname=postgres user=postgres password=''{}''', 'select ''raw''') as x (raw text)",
        crate::cluster::cluster().port,
        crate::cluster::PASSWORD
    );
    let sql = format!(
        "create schema app; create extension dblink schema app; create extension postgres_fdw; set search_path = app;
         create table app.t (id int); insert into app.t values (1); create materialized view app.fine as select * from app.t;
         create materialized view app.direct as select raw from {asks}; create view app.seen as select raw from {asks};
         create materialized view app.\"By view\" as select * from app.seen; create materialized view app.above as select * from app.direct;
         create function app.remote() returns setof text language sql set search_path = app as $$ select raw from {asks} $$;
         create materialized view app.by_function as select * from app.remote();
         create function app.further() returns setof text language plpgsql set search_path = app as $$ begin return query select * from \"remote\" (); end $$;
         create materialized view app.by_routines as select * from app.further();
         create function app.looks() returns setof text language sql set search_path = app as $$ select raw from seen $$;
         create materialized view app.by_view_in_body as select * from app.looks();
         create function app.parsed() returns setof text language sql begin atomic select raw from app.seen; end;
         create function app.of_parsed() returns setof text language sql set search_path = app as $$ select parsed() $$;
         create materialized view app.by_parsed as select * from app.of_parsed();
         create function app.speaks() returns text language sql as $$ select 'remote, and seen'::text $$;
         create table app.parts (id int) partition by range (id); create server far foreign data wrapper postgres_fdw;
         create materialized view app.by_part as select * from app.parts;
         create foreign table app.part partition of app.parts for values from (1) to (9) server far"
    );
    let house = House::new(Admin::Superuser, &sql).await;
    let left = [
        "materialized view app.By view: it arrives without its rows, until it is refreshed: it asks other servers, by function app.dblink(",
        "materialized view app.above: it arrives without its rows, until it is refreshed: it asks other servers, by function app.dblink(",
        "materialized view app.by_function: it arrives without its rows, until it is refreshed: it asks other servers, by function app.remote()",
        "materialized view app.by_parsed: it arrives without its rows, until it is refreshed: it asks other servers, by function app.of_parsed()",
        "materialized view app.by_part: it arrives without its rows, until it is refreshed: it asks other servers, by ",
        "materialized view app.by_routines: it arrives without its rows, until it is refreshed: it asks other servers, by function app.further()",
        "materialized view app.by_view_in_body: it arrives without its rows, until it is refreshed: it asks other servers, by function app.looks()",
        "materialized view app.direct: it arrives without its rows, until it is refreshed: it asks other servers, by function app.dblink(",
    ];
    for (slug, mode) in [("bare", DataCloneMode::SchemaOnly), ("full", DataCloneMode::FullClone)] {
        let told = told(&house.build(slug, mode).await.unwrap());
        assert!(left.iter().all(|line| told.iter().any(|found| found.starts_with(line))) && told.len() == left.len(), "{told:#?}");
        let filled = "select string_agg(relname::text, ' ') from pg_class where relkind = 'm' and relispopulated";
        assert_eq!(house.value::<String>(&house.target(slug).database, filled).await, "fine");
    }
}

/// As where a provider makes extensions that the login itself could not.
#[tokio::test(flavor = "multi_thread")]
async fn servers_of_a_wrapper_that_is_not_to_be_lent_stay_behind_too() {
    let house = House::new(Admin::Plain, "create extension citext; create table public.t (id int)").await;
    let made = "create foreign data wrapper theirs; alter extension citext add foreign data wrapper theirs;
        create server far foreign data wrapper theirs; alter server far owner to dba;
        create foreign table public.away (id int) server far; alter foreign table public.away owner to dba;
        create view public.seen as select id from public.away; alter view public.seen owner to dba; grant usage on foreign server far to anon";
    execute(&mut house.look_into(&house.main).await, made).await;
    let told = told(&house.build("lent", DataCloneMode::SchemaOnly).await.unwrap());
    let expected = [
        "foreign table public.away: it stands on server far, which stays behind",
        "server pg_catalog.far: the server's login may not lend foreign data wrapper theirs: grant usage on it to dba with grant option",
        "view public.seen: it stands on server far, which stays behind",
    ];
    assert!(expected.iter().all(|line| told.iter().any(|found| found.contains(line))) && told.len() == 3, "{told:#?}");
}
