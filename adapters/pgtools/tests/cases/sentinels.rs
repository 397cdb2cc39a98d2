//! Values planted in every place where one may leave the parent: none is in the branch, nor in its files.

use super::{Admin, House, equality::dump, execute, refusal, ruled, withheld_of};
use domain::{DataCloneMode, branch::DatabaseName, table::QualifiedName};

/// Rows of people, and what PostgreSQL makes of rows: statistics, indexes, computed columns, TOAST, views that hold rows, large objects, plain and pointed at.
const SQL: &str = r#"
create table people (id int primary key, mail text not null unique, born date, bio text, twin text generated always as (upper(mail) || '!') stored,
    scan oid, facts jsonb, tags text[], login text not null, api_key text, password_hash text);
alter table people alter bio set storage external;
create index people_upper on people (upper(mail));
create index people_some on people (id) where bio is not null;
create index people_words on people using gin (to_tsvector('simple', bio));
create statistics people_both (mcv, dependencies) on mail, login from people;
create statistics people_expression on (lower(mail)) from people;
create table gone (id int primary key, text text, content oid);
create table heir (extra text) inherits (gone);
create table visits (id int, by text references people (mail), at date) partition by range (at);
create table visits_1 partition of visits default;
create materialized view m as select mail, count(*) as n from people group by mail;
create materialized view of_gone as select text from gone;
create table log (id int generated always as identity, said text);
create function note() returns trigger language plpgsql as $$ begin insert into log (said) values (new.mail); return new; end $$;
create trigger notes before insert or update on people for each row when (new.mail <> '') execute function note();
insert into people (id, mail, born, bio, scan, facts, tags, login, api_key, password_hash)
    select n, 'SENTINEL' || n % 900 || 'x' || n || '@raw.example', date '1911-11-11', repeat('SENTINEL in a long text. ', 400), lo_from_bytea(0, 'SENTINEL object'),
           '{"SENTINEL": true}', '{SENTINEL}', 'SENTINEL', 'SENTINEL' || n, 'SENTINEL' from generate_series(1, 300) n;
insert into gone select n, 'SENTINEL' || n, lo_from_bytea(0, 'SENTINEL object') from generate_series(1, 300) n;
insert into heir select n, 'SENTINEL' || n, null, 'SENTINEL' from generate_series(1, 300) n;
insert into visits select id, mail, '2026-01-01' from people;
refresh materialized view m; refresh materialized view of_gone;
analyze"#;

const RULES: &[(&str, &str)] = &[
    ("public.people.mail", "email"),
    ("public.people.born", "date"),
    ("public.people.bio", "text"),
    ("public.people.scan", "null"),
    ("public.people.facts", "redact"),
    ("public.people.tags", "null"),
    ("public.people.login", "redact"),
    ("public.log.said", "null"),
];

/// The files of a database that hold it.
async fn files_with(house: &House, database: &DatabaseName, what: &str) -> Vec<String> {
    execute(&mut house.look_into(&house.main).await, "checkpoint").await;
    let sql = format!(
        "select coalesce(array_agg(file || coalesce(' ' || pg_filenode_relation(0, substring(file from '^[0-9]+')::oid)::text, '')), '{{}}')
           from pg_database d, lateral (select 'base/' || d.oid as folder) f, pg_ls_dir(folder) file
          where datname = current_database() and file ~ '^[0-9]'
            and position('{what}'::bytea in pg_read_binary_file(folder || '/' || file, 0, 1000000000, true)) > 0"
    );
    house.value(database, &sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_planted_value_is_in_a_masked_branch_nor_in_its_files() {
    let mut house = House::new(Admin::Superuser, SQL).await;
    house.settings.excluded_tables.push(QualifiedName::new("public", "gone"));
    ruled(&mut house, RULES, &[]);
    let report = house.build("planted", DataCloneMode::FullClone).await.unwrap();
    let branch = house.target("planted").database;
    assert!(files_with(&house, &house.main, "SENTINEL").await.len() > 10, "it can be found where it is");
    assert_eq!(files_with(&house, &branch, "SENTINEL").await, Vec::<String>::new());
    assert_eq!(files_with(&house, &branch, "raw.example").await, Vec::<String>::new());
    for (rows, of) in [
        (0, "pg_stats s where s::text ~ 'SENTINEL|raw.example|1911-11-11'"),
        (0, "pg_stats_ext s where s::text like '%SENTINEL%'"),
        (0, "pg_stats_ext_exprs s where s::text ilike '%sentinel%'"),
        (0, "pg_largeobject"),
        (300, "m where mail like 'u\\_%'"),
        (0, "of_gone"),
        (0, "people where born = '1911-11-11'"),
        (300, "visits join people on by = mail"),
        (300, "people where twin = upper(mail) || '!'"),
    ] {
        assert_eq!(house.count(&branch, of).await, rows, "{of}");
    }
    let told = withheld_of(&report, "public", "people").unwrap();
    assert!(["api_key", "password_hash", "bio"].iter().all(|name| told.masked_columns.iter().any(|column| column.name == *name)), "{told:?}");
    assert!(withheld_of(&report, "public", "heir").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_refused_copy_says_holds_no_value_of_a_row() {
    // The copy fails at a check, at a unique index and at an exclusion, whose details PostgreSQL tells with the row.
    for (slug, sql) in [
        (
            "checked",
            "create table t (id int, mail text check (mail like '%raw%'), other text); insert into t values (1, 'SENTINEL raw', 'SENTINEL other')",
        ),
        (
            "unique",
            "create table t (id int, mail text, other text); insert into t values (1, 'a SENTINEL', 'SENTINEL'), (2, 'b SENTINEL', 'SENTINEL');
             create unique index t_both on t (left(mail, 2), other)",
        ),
        (
            "narrow",
            "create domain short as text check (length(value) < 20); create table t (id int, mail short, other text); insert into t values (1, 'SENTINEL', 'SENTINEL')",
        ),
    ] {
        let mut house = House::new(Admin::Superuser, sql).await;
        let mask = if slug == "unique" { "email" } else { "hash" };
        ruled(&mut house, &[("public.t.mail", mask)], &["*.*.other"]);
        let (_, said) = refusal(house.build(slug, DataCloneMode::FullClone).await);
        assert!(!said.contains("SENTINEL") && said.contains(&format!("mail as {mask}")), "{said}");
    }
}

/// More places: types of several parts, heirs with columns of their own, views that hold rows of views, rows as values, what was dropped or added later, comments
/// on large objects, files that PostgreSQL keeps apart.
const PLACES: &str = r#"
create extension hstore; create extension citext; create schema shop;
create type shop.pair as (label text, mail text); create type shop.span as range (subtype = text); create domain shop.mailbox as text check (value <> 'nobody');
create table shop.people (id int primary key, mail shop.mailbox, nick citext, facts hstore, doc json, alt shop.pair, during shop.span, words tsvector,
    many shop.mailbox[], pairs shop.pair[], photo bytea, code char(40), dropped text, upper_mail text generated always as (upper(mail::text)) stored,
    constraint apart exclude (mail with =));
create unlogged table shop.unlogged (id int, mail text, scan oid); create table shop.vip (nickname text, note text) inherits (shop.people);
create table shop.gone (id int, secret text, primary key (id, secret)) partition by list (secret); create table shop.gone_1 partition of shop.gone default;
insert into shop.people (id, mail, nick, facts, doc, alt, during, words, many, pairs, photo, code, dropped)
    select n, 'SENTINEL' || n, 'SENTINEL' || n, 'k => SENTINEL', '{"k": "SENTINEL"}', row('SENTINEL', 'SENTINEL')::shop.pair, shop.span('SENTINEL1', 'SENTINEL2'),
           to_tsvector('simple', 'SENTINEL'), '{SENTINEL}', array[row('SENTINEL', 'SENTINEL')::shop.pair], convert_to(repeat('SENTINEL', 2000), 'UTF8'), 'SENTINEL',
           'SENTINEL' from generate_series(1, 200) n;
alter table shop.people drop dropped; alter table shop.people add later text default 'x'; update shop.people set later = 'SENTINEL' where id < 50;
insert into shop.vip (id, mail, nickname, note) select n, 'SENTINELv' || n, 'SENTINEL', 'SENTINEL' from generate_series(1, 200) n;
insert into shop.unlogged select n, 'SENTINEL' || n from generate_series(1, 200) n;
insert into shop.gone select n, 'SENTINEL' || n from generate_series(1, 200) n;
create table shop.history (id int, old shop.people, olds shop.people[]); insert into shop.history select n, p, array[p] from shop.people p, generate_series(1, 3) n;
create index on shop.people (lower(mail::text)) where nick is not null; create index on shop.people using gist (during); create index on shop.people using gin (words);
create index on shop.people using gin (facts); create index on shop.people using hash (code);
create statistics shop.both (mcv) on id, code from shop.people; create statistics shop.expression on (code || 'x') from shop.people;
create view shop.seen as select mail, nick from shop.people; create materialized view shop.of_seen as select * from shop.seen;
create view shop.seen_again as select mail as word from shop.seen; create table shop.letters (id int, was shop.seen_again);
insert into shop.letters select 1, s from shop.seen_again s;
create materialized view shop.of_both as select s.mail::text, g.secret from shop.of_seen s cross join shop.gone g limit 50;
create table shop.copied as select s.mail::text as email from shop.seen s;
do $$ begin execute format('comment on large object %s is ''SENTINEL''', lo_from_bytea(4711, 'SENTINEL')); end $$;
update shop.unlogged set scan = 4711; analyze"#;

const PLACES_RULES: &[(&str, &str)] = &[
    ("shop.people.mail", "hash"),
    ("shop.people.nick", "redact"),
    ("shop.people.facts", "null"),
    ("shop.people.doc", "redact"),
    ("shop.people.alt", "null"),
    ("shop.people.during", "null"),
    ("shop.people.words", "null"),
    ("shop.people.many", "null"),
    ("shop.people.pairs", "null"),
    ("shop.people.photo", "redact"),
    ("shop.people.code", "redact"),
    ("shop.people.later", "redact"),
    ("shop.vip.nickname", "redact"),
    ("shop.vip.note", "text"),
    ("shop.unlogged.mail", "hash"),
    ("shop.unlogged.scan", "null"),
    ("shop.copied.email", "hash"),
];

#[tokio::test(flavor = "multi_thread")]
async fn nor_in_types_of_several_parts_heirs_and_rows_that_are_values() {
    let mut house = House::new(Admin::Superuser, PLACES).await;
    house.settings.excluded_tables.push(QualifiedName::new("shop", "gone"));
    ruled(&mut house, PLACES_RULES, &[]);
    let (code, said) = refusal(house.build("asked", DataCloneMode::FullClone).await);
    assert!(code == "unclassified_columns" && !said.contains("SENTINEL"), "{code}: {said}");
    assert!(
        ["shop.history.old ", "shop.history.olds ", "shop.letters.was "]
            .iter()
            .all(|column| said.contains(&format!("{column}(it holds rows of shop.people"))),
        "{said}"
    );

    ruled(&mut house, &[PLACES_RULES, &[("shop.history.old", "null"), ("shop.history.olds", "null"), ("shop.letters.was", "null")]].concat(), &[]);
    let report = house.build("places", DataCloneMode::FullClone).await.unwrap();
    let branch = house.target("places").database;
    let planted = files_with(&house, &house.main, "SENTINEL").await;
    assert!(planted.len() > 10, "it can be found where it is: {planted:?}");
    assert_eq!(files_with(&house, &branch, "SENTINEL").await, Vec::<String>::new());
    let dumped = dump(&house, &branch, false);
    let found: Vec<&String> = dumped.iter().filter(|line| line.to_lowercase().contains("sentinel")).collect();
    assert!(dumped.len() > 400 && found.is_empty(), "{found:?}");
    for (rows, of) in
        [(400, "shop.people"), (200, "only shop.people where mail is not null and later is not null"), (0, "shop.gone"), (1200, "shop.history")]
    {
        assert_eq!(house.count(&branch, of).await, rows, "{of}");
    }
    assert!(withheld_of(&report, "pg_catalog", "pg_largeobject").is_some() && withheld_of(&report, "shop", "vip").is_some());
}
