//! Seed files: SQL and CSV, once each, and nothing of one that fails.

use super::{
    Branch, Told,
    attacks::{HIDDEN_PREPARE, PREPARED},
    branch, failure, refusal,
};
use fluxbase_postgres::migrations::{MigrationSettings, PgSeedRunner};
use ports::driven::{MigrationError, MigrationEvent, SeedReport, SeedRequest, SeedRunner};
use std::{fmt::Write, fs, path::PathBuf, sync::Arc};

/// A folder of seeds and what runs them.
struct Seeds<'a> {
    branch: &'a Branch,
    folder: PathBuf,
    runner: PgSeedRunner,
}

impl<'a> Seeds<'a> {
    fn of(branch: &'a Branch) -> Self {
        let folder = std::env::temp_dir().join(format!("fluxbase-seeding-{}-{}", std::process::id(), branch.target.database));
        fs::create_dir_all(&folder).unwrap();
        let settings = MigrationSettings { seeds_dir: folder.clone(), ..branch.settings.clone() };
        Self { branch, folder, runner: PgSeedRunner::new(settings) }
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        fs::write(self.folder.join(name), text).unwrap();
        self
    }

    async fn sow(&self, only: &[&str], force: bool, told: &Arc<Told>) -> Result<Vec<SeedReport>, MigrationError> {
        let only = (!only.is_empty()).then(|| only.iter().map(|name| (*name).to_owned()).collect());
        let files = self.runner.find(only).await.unwrap();
        let request = SeedRequest { target: self.branch.target.clone(), files, force, who: "user:test".to_owned(), operation: None };
        self.runner.seed(&request, told.clone()).await
    }

    async fn run(&self) -> Vec<(String, u64, bool)> {
        let reports = self.sow(&[], false, &Arc::new(Told::default())).await.unwrap();
        reports.into_iter().map(|report| (report.name, report.rows, report.unchanged)).collect()
    }

    async fn fails(&self, name: &str) -> ports::driven::FileFailure {
        failure(self.sow(&[name], false, &Arc::new(Told::default())).await.unwrap_err())
    }
}

impl Drop for Seeds<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const TABLES: &str = "create table people (id int generated always as identity primary key, name text not null unique, note text);
    create table \"Odd Name\" (\"A, b\" int); create table tasks (id serial primary key, person int references people)";

#[tokio::test]
async fn files_run_once_in_order_until_they_change() {
    let branch = branch("seeded").await;
    branch.apply(&[("1_tables.sql", TABLES)]).await.unwrap();
    let seeds = Seeds::of(&branch);
    seeds.write("10_people.csv", "\u{feff}id,name,note\r\n1,Alice,\"likes, commas\"\r\n7,Bob,\r\n");
    seeds.write("20_tasks.sql", "insert into tasks (person) select id from people;\nselect 1;\nupdate tasks set person = person;");
    seeds.write("30_public.Odd Name.csv", "\"A, b\"\n5\n");
    let names = ["10_people.csv", "20_tasks.sql", "30_public.Odd Name.csv"];
    let counted = |rows: [u64; 3], unchanged: [bool; 3]| -> Vec<_> { (0..3).map(|at| (names[at].to_owned(), rows[at], unchanged[at])).collect() };
    assert_eq!(seeds.run().await, counted([2, 4, 1], [false; 3]));
    assert_eq!(
        branch.text("select string_agg(concat_ws('|', id, name, coalesce(note, 'null')), ';' order by id) from people").await,
        "1|Alice|likes, commas;7|Bob|null"
    );
    branch.run("insert into people (name) values ('Next')").await;
    assert_eq!(branch.text("select max(id)::text from people").await, "8", "the sequence went along");
    assert_eq!(seeds.run().await, counted([0; 3], [true; 3]));

    let before = seeds.runner.log(&branch.target).await.unwrap();
    assert_eq!(before.iter().map(|file| (file.name.as_str(), file.rows)).collect::<Vec<_>>(), names.into_iter().zip([2, 4, 1]).collect::<Vec<_>>());
    seeds.write("20_tasks.sql", "delete from tasks;");
    assert_eq!(seeds.run().await, counted([0, 2, 0], [true, false, true]));
    let after = seeds.runner.log(&branch.target).await.unwrap();
    let ran: Vec<_> = after.iter().filter(|file| !before.iter().any(|known| known.run == file.run)).map(|file| file.name.as_str()).collect();
    assert_eq!(ran, ["20_tasks.sql"], "the log knows what ran since");
    let forced = seeds.sow(&["30_public.Odd Name.csv"], true, &Arc::new(Told::default())).await.unwrap();
    assert_eq!((forced.len(), forced[0].rows), (1, 1));
    assert_eq!(branch.text("select count(*)::text from \"Odd Name\"").await, "2");
    assert_eq!(
        branch
            .text("select string_agg(concat_ws(' ', name, rows, who), ';' order by name) from fluxbase_migrations.seeds where name like '30%'")
            .await,
        "30_public.Odd Name.csv 1 user:test"
    );
}

#[tokio::test]
async fn a_file_that_fails_leaves_nothing_and_says_where() {
    let branch = branch("seed_fails").await;
    branch.apply(&[("1_tables.sql", TABLES)]).await.unwrap();
    let seeds = Seeds::of(&branch);
    seeds.write("1_people.csv", "id,name\n1,Alice\n2,Bob\nx,Carl\n");
    let failed = seeds.fails("1_people.csv").await;
    assert_eq!((failed.code, failed.line, failed.sqlstate.as_deref()), ("statement_failed", Some(4), Some("22P02")), "{failed}");
    seeds.write("2_nowhere.csv", "id\n1\n").write("3_people.csv", "id,nme\n1,x\n").write("4_people.csv", "").write("5_people.csv", "id,,c\n");
    for (name, expected) in
        [("2_nowhere.csv", "taken from the file's name"), ("3_people.csv", "\"nme\""), ("4_people.csv", "has no name"), ("5_people.csv", "column 2")]
    {
        let failed = seeds.fails(name).await;
        assert!(failed.message.contains(expected), "{failed}");
    }
    seeds.write("6.sql", "insert into people (name) values ('a');\ninsert into people (name) values ('a');");
    let failed = seeds.fails("6.sql").await;
    assert_eq!((failed.line, failed.sqlstate.as_deref()), (Some(2), Some("23505")));
    assert_eq!(branch.text("select count(*) || ' ' || (select count(*) from fluxbase_migrations.seeds) from people").await, "0 0");
    let unknown = seeds.runner.find(Some(vec!["9.sql".to_owned()])).await.unwrap_err();
    assert_eq!(refusal(unknown).0, "seed_unknown");
    seeds.write("7.sql", &" ".repeat(1024 * 1024 + 1));
    assert_eq!(seeds.fails("7.sql").await.code, "too_large");
}

#[tokio::test]
async fn what_pg_dump_writes_is_a_seed() {
    let branch = branch("dumped").await;
    branch.apply(&[("1_tables.sql", TABLES)]).await.unwrap();
    let seeds = Seeds::of(&branch);
    let dump = "--\n-- PostgreSQL database dump\n--\n\n\\restrict Abc123\n\nSET statement_timeout = 0;\nSET transaction_timeout = 0;\nSET standard_conforming_strings = on;\n\
        SELECT pg_catalog.set_config('search_path', '', false);\nSET row_security = off;\n\n\
        COPY public.people (id, name, note) FROM stdin;\n1\tAlice\tone;'two\n2\tBob\t\\N\n\\.\n\n\
        SELECT pg_catalog.setval('public.people_id_seq', 2, true);\n\n\\unrestrict Abc123\n\n";
    seeds.write("1_dump.sql", dump);
    assert_eq!(seeds.run().await, [("1_dump.sql".to_owned(), 2, false)]);
    assert_eq!(branch.text("select string_agg(note, ',') from people").await, "one;'two");
}

#[tokio::test]
async fn seeds_gain_no_more_than_migrations() {
    let branch = branch("seed_attacks").await;
    branch.apply(&[("1_tables.sql", TABLES)]).await.unwrap();
    let seeds = Seeds::of(&branch);
    for (sql, code) in [
        ("reset role;\nset role none;", "leaves_role"),
        ("select 1;\n\\! touch /tmp/never", "psql_command"),
        ("select 1;\n\\copy people from '/etc/passwd'", "psql_command"),
        ("select 1;\ncopy people (name) from program 'id';", "not_allowed"),
        ("select 1;\ncopy people (name) from '/etc/passwd';", "not_allowed"),
        ("select 1;\nselect pg_read_file('/etc/passwd');", "not_allowed"),
        ("select 1;\ncommit;", "ends_transaction"),
        ("select 1;\ncopy people to stdout;", "statement_failed"),
    ] {
        seeds.write("1.sql", sql);
        let told = seeds.fails("1.sql").await;
        assert_eq!((told.code, told.line), (code, Some(2)), "{sql}: {told}");
    }
    seeds.write("1.sql", HIDDEN_PREPARE);
    let told = seeds.fails("1.sql").await;
    assert_eq!((told.code, told.line), ("ends_transaction", Some(3)), "{told}");
    assert_eq!(branch.text(PREPARED).await, "0", "what a seed prepares unseen is rolled back");
    branch.as_owner("create function public.nothing() returns trigger language plpgsql as 'begin return null; end'; create trigger t before insert on fluxbase_migrations.seeds for each row execute function public.nothing()").await;
    let (code, message) = refusal(seeds.sow(&["1.sql"], false, &Arc::new(Told::default())).await.unwrap_err());
    assert!(code == "ledger_tampered" && message.contains("fluxbase_migrations.seeds has a trigger"), "{message}");
}

#[tokio::test]
async fn large_csv_files_are_streamed_and_tell_how_far_they_are() {
    let branch = branch("large").await;
    branch.apply(&[("1_t.sql", "create table t (id int, text text)")]).await.unwrap();
    let seeds = Seeds::of(&branch);
    let mut text = String::from("id,text\n");
    for at in 0..200_000 {
        writeln!(text, "{at},\"a text that is long enough to make the file large, {at}\"").unwrap();
    }
    seeds.write("1_t.csv", &text);
    let told = Arc::new(Told::default());
    let reports = seeds.sow(&[], false, &told).await.unwrap();
    assert_eq!(reports[0].rows, 200_000);
    assert!(told.events.lock().unwrap().iter().any(|event| matches!(event, MigrationEvent::Bytes { .. })));
}

#[tokio::test]
async fn what_does_not_run_in_a_transaction_belongs_into_a_migration() {
    let branch = branch("seeded_unmarked").await;
    let seeds = Seeds::of(&branch);
    for text in ["-- fluxbase:no-transaction\nvacuum", "select 1; commit", "begin; select 1; commit"] {
        seeds.write("10_a.sql", text);
        let failed = seeds.fails("10_a.sql").await;
        assert!(!failed.message.contains("no-transaction"), "a seed has no such mark: {failed}");
    }
}

#[tokio::test]
async fn sequences_go_along_as_far_as_they_can() {
    let branch = branch("sequences").await;
    let tables = "create domain number as int; create domain own_number as number;
        create table first (id serial primary key); create table called (id own_number primary key default 1); create sequence named owned by called.id;
        create table spelt (id text primary key); create sequence counted owned by spelt.id;
        create table narrow (id bigint primary key); create sequence short maxvalue 100 owned by narrow.id;";
    branch.apply(&[("1_tables.sql", tables)]).await.unwrap();
    let seeds = Seeds::of(&branch);
    seeds.write("1_first.csv", "id\n1\n").write("2_called.csv", "id\n1\n7\n").write("3_spelt.csv", "id\nabc\n");
    seeds.write("4_narrow.csv", "id\n9\n1000\n");
    seeds.run().await;
    branch.run("insert into first default values").await;
    let next = "select concat_ws(' ', (select max(id) from first), nextval('named'), nextval('counted'), nextval('short'))";
    assert_eq!(branch.text(next).await, "2 8 1 10");
}

#[tokio::test]
async fn a_sequence_that_falls_goes_along_downwards_and_none_goes_back() {
    let branch = branch("falling").await;
    let tables = "create table falls (id int generated by default as identity (increment -1) primary key, name text);
        create table ahead (id int generated by default as identity (increment -2 start -100 minvalue -200 maxvalue -1 cycle) primary key);
        create table risen (id int generated by default as identity (start 50 maxvalue 60 cycle) primary key);
        select setval('risen_id_seq', 55); select setval('ahead_id_seq', -120);";
    branch.apply(&[("1_tables.sql", tables)]).await.unwrap();
    let seeds = Seeds::of(&branch);
    seeds.write("1_falls.csv", "id,name\n-1,a\n-7,b\n5,c\n").write("2_ahead.csv", "id\n-110\n-300\n").write("3_risen.csv", "id\n52\n99\n");
    seeds.run().await;
    let next = "select concat_ws(' ', nextval('falls_id_seq'), nextval('ahead_id_seq'), nextval('risen_id_seq'))";
    assert_eq!(branch.text(next).await, "-8 -122 56");
}

#[tokio::test]
async fn what_is_not_utf_8_is_said_with_its_line() {
    let branch = branch("encodings").await;
    branch.apply(&[("1_t.sql", "create table t (text text)")]).await.unwrap();
    let seeds = Seeds::of(&branch);
    let utf_16: Vec<u8> = "\u{feff}text\na\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes, line, expected) in [
        ("1.sql", b"select 1;\nselect 'caf\xe9';".to_vec(), Some(2), "not UTF-8"),
        ("2_t.csv", b"text\nfine\ncaf\xe9\n".to_vec(), Some(3), "not UTF-8"),
        ("3_t.csv", b"t\xe9xt\nfine\n".to_vec(), Some(1), "not UTF-8"),
        ("4_t.csv", utf_16.clone(), Some(1), "UTF-16"),
        ("5.sql", utf_16, Some(1), "UTF-16"),
        ("6_t.csv", b"text\nfine\n\"begun\nand not ended\n".to_vec(), Some(5), "unterminated CSV quoted field"),
    ] {
        fs::write(seeds.folder.join(name), bytes).unwrap();
        let failed = seeds.fails(name).await;
        assert!(failed.file == name && failed.line == line && failed.message.contains(expected), "{failed:?}");
    }
    assert_eq!(branch.text("select count(*)::text from t").await, "0");
}

#[tokio::test]
async fn rows_do_not_end_in_silence_before_the_file_does() {
    let branch = branch("ends_early").await;
    branch.apply(&[("1_t.sql", "create table t (text text)")]).await.unwrap();
    let seeds = Seeds::of(&branch);
    seeds.write("1_t.csv", "text\na\n\\.\nb\n").write("2_t.csv", "text\n\"\\.\"\nb\n");
    let failed = seeds.fails("1_t.csv").await;
    assert_eq!((failed.code, failed.line), ("unreadable", Some(3)), "{failed}");
    assert_eq!(seeds.sow(&["2_t.csv"], false, &Arc::new(Told::default())).await.unwrap()[0].rows, 2);
}

#[tokio::test]
async fn a_seed_keeps_the_encoding_that_it_is_sent_in() {
    let branch = branch("seed_encoding").await;
    branch.apply(&[("1_tables.sql", TABLES)]).await.unwrap();
    let seeds = Seeds::of(&branch);
    seeds.write("1_a.sql", "set client_encoding = 'UTF8';\ninsert into people (name) values ('Zoë')");
    assert_eq!(seeds.run().await, [("1_a.sql".to_owned(), 1, false)]);
    seeds.write("2_b.sql", "select 1;\nset client_encoding = 'LATIN1';\ninsert into people (name) values ('Noël')");
    let told = seeds.fails("2_b.sql").await;
    assert_eq!((told.code, told.line), ("leaves_utf8", Some(2)), "{told}");
    assert_eq!(branch.text("select string_agg(name, ',') from people").await, "Zoë");
}

#[tokio::test]
async fn a_seed_is_told_no_way_out_that_only_migrations_have() {
    let branch = branch("seed_ways").await;
    let seeds = Seeds::of(&branch);
    for (sql, way) in [
        ("set transaction isolation level serializable", "Take it out"),
        ("vacuum", "put this into a migration"),
        ("commit", "take the statement out"),
    ] {
        let told = seeds.write("1_a.sql", sql).fails("1_a.sql").await;
        assert!(told.message.ends_with(way) && !told.message.contains("mark"), "{told}");
    }
}

#[tokio::test]
async fn a_csv_file_that_changed_brings_rows_up_to_date_by_their_primary_key() {
    let branch = branch("sown_again").await;
    let tables = "create table people (id int generated always as identity primary key, name text not null unique, note text default 'none', kept int default 7);
        create table pairs (a int, b text, n int generated always as identity, primary key (b, a)); create table bare (text text);
        create table late (id int primary key deferrable)";
    branch.apply(&[("1_tables.sql", tables)]).await.unwrap();
    let seeds = Seeds::of(&branch);
    let files = ["1_people.csv", "2_pairs.csv"];
    seeds.write(files[0], "id,name\n1,Alice\n2,Bob\n").write(files[1], "a,b\n1,x\n");
    assert_eq!(seeds.run().await, [(files[0].to_owned(), 2, false), (files[1].to_owned(), 1, false)]);
    branch.run("update people set kept = 8, note = 'mine' where id = 1; insert into people (name) values ('Dora')").await;

    seeds.write(files[0], "id,name\n1,Alicia\n2,Bob\n9,Carl\n").write(files[1], "a,b\n1,x\n2,x\n");
    assert_eq!(seeds.run().await, [(files[0].to_owned(), 3, false), (files[1].to_owned(), 1, false)]);
    let people = "select string_agg(concat_ws('|', id, name, note, kept), ';' order by id) from people";
    assert_eq!(branch.text(people).await, "1|Alicia|mine|8;2|Bob|none|7;3|Dora|none|7;9|Carl|none|7", "what the file does not name is left");
    assert_eq!(branch.text("select string_agg(concat_ws('|', a, b), ';' order by a) from pairs").await, "1|x;2|x");
    branch.run("insert into people (name) values ('Next')").await;
    assert_eq!(branch.text("select max(id)::text from people").await, "10", "the sequence went along");
    seeds.write(files[0], "id,name\n1,Alicia\n2,Bob\nnine,Carl\n");
    let failed = seeds.fails(files[0]).await;
    assert_eq!((failed.line, failed.sqlstate.as_deref()), (Some(4), Some("22P02")), "{failed}");

    for (name, first, then) in
        [("3_bare.csv", "text\na\n", "text\na\nb\n"), ("4_late.csv", "id\n1\n", "id\n1\n2\n"), ("5_people.csv", "name\nE\n", "name\nE\nF\n")]
    {
        seeds.write(name, first);
        assert_eq!(seeds.sow(&[name], false, &Arc::new(Told::default())).await.unwrap()[0].rows, 1);
        seeds.write(name, then);
        let failed = seeds.fails(name).await;
        assert!(failed.code == "rows_would_double" && failed.message.contains("reset the branch"), "{failed}");
    }
    assert_eq!(branch.text("select concat_ws(' ', (select count(*) from bare), (select count(*) from late))").await, "1 1");
    branch.run("truncate bare").await;
    assert_eq!(seeds.sow(&["3_bare.csv"], false, &Arc::new(Told::default())).await.unwrap()[0].rows, 2, "no row is there to be doubled");
}

#[tokio::test]
async fn a_table_of_any_name_takes_a_file_again() {
    let branch = branch("sown_anywhere").await;
    let tables = "create schema \"S p\"; create domain small as int check (value < 10);
        create table \"S p\".fluxbase_rows_of_seed (\"A, b\" small primary key, doc json, at point) partition by range (\"A, b\");
        create table \"S p\".part partition of \"S p\".fluxbase_rows_of_seed default";
    branch.apply(&[("1_tables.sql", tables)]).await.unwrap();
    let seeds = Seeds::of(&branch);
    let name = "1_S p.fluxbase_rows_of_seed.csv";
    seeds.write(name, "\"A, b\",doc,at\n1,\"{\"\"a\"\":1}\",\"(1,2)\"\n");
    seeds.run().await;
    seeds.write(name, "doc,\"A, b\",at\n{},1,\n[],2,\n");
    assert_eq!(seeds.run().await, [(name.to_owned(), 2, false)]);
    let rows = "select string_agg(concat_ws('|', \"A, b\", doc, at), ';' order by \"A, b\") from \"S p\".fluxbase_rows_of_seed";
    assert_eq!(branch.text(rows).await, "1|{};2|[]");
    seeds.write(name, "doc,\"A, b\"\n{},11\n");
    assert_eq!(seeds.fails(name).await.sqlstate.as_deref(), Some("23514"));
}
