//! Personal values never reach a branch, and what stands in their place is of use.

use super::{Admin, House, MASK_KEY, execute, refusal, ruled, withheld_of};
use domain::{DataCloneMode, branch::DatabaseName, privacy::Mask};

/// Every type that has masks, and enough rows that accidents would show.
const TYPES: &str = "
create extension citext;
create type mood as enum ('glad', 'sad');
create domain address as varchar(60) check (value like '%@%' or value = '');
create table people (
    id int8 primary key, email address unique, login citext unique, phone varchar(20) unique, mobile text, full_name text, short_name varchar(4), card text,
    bio text, note char(12), badge uuid unique, born date, seen timestamp, logged_in timestamptz(0), from_ip inet unique, mac macaddr, score int2, visits int4,
    account int8 unique, salary numeric(12, 2), weight real, height float8, token bytea unique, member boolean not null, facts jsonb not null, tags text[],
    mood mood, digest varchar(20) unique, wake time, spent interval, initials text generated always as (left(full_name, 1)) stored
);
insert into people select n, case when n % 100 = 1 then null when n = 2 then '' else 'secret' || n || '@personal.example' end, 'Secret' || n,
    '+49' || 1700000000 + n, '+49' || 1700000000 + n, 'Secretia Person' || n, 'Sec', '4000-0000-0000-' || 1000 + n,
    repeat('secret of n. ', n), 'secret', md5(n::text)::uuid, date '1970-01-01' + n, timestamp '2001-02-03 04:05:06.789' + make_interval(days => n),
    timestamptz '2001-02-03 04:05:06+00' + make_interval(days => n), ('10.1.2.3'::inet + n), '08:00:2b:01:02:03', n % 30000, n * 1000003, n * 1000000007::bigint,
    1234.56 + n, 71.5, 1.8125e7, sha256(n::text::bytea), true, '{\"secret\": 1}', array['secret'], 'sad', 'secret' || n, '12:34:56', '3 days'
  from generate_series(1, 2000) n;
insert into people (id, member, facts, score, visits, account, weight, born, seen) values
    (-1, true, '{}', -32768, -2147483648, -9223372036854775808, 'NaN', 'infinity', '-infinity'), (-2, true, '{}', 32767, 2147483647, 9223372036854775807, 0, null, null),
    (-3, true, '{}', 10000, 1000000000, 1000000000000000000, null, '4713-01-01 BC', null), (-4, true, '{}', 0, 0, 0, null, null, null);
create table logins (id int generated always as identity, who citext references people (login), account int8 references people (account), at_phone varchar(20) references people (phone));
insert into logins (who, account, at_phone) select upper(login::text), account, phone from people where login is not null;
create table chats (number text, person text);
insert into chats select mobile, full_name from people;
";

const EVERY_MASK: &[(&str, &str)] = &[
    ("public.people.email", "email"),
    ("public.people.login", "hash"),
    ("public.people.phone", "phone"),
    ("public.people.mobile", "phone"),
    ("public.people.full_name", "name"),
    ("public.people.short_name", "redact"),
    ("public.people.card", "keep_last(4)"),
    ("public.people.bio", "text"),
    ("public.people.note", "text"),
    ("public.people.badge", "uuid"),
    ("public.people.born", "date"),
    ("public.people.seen", "date"),
    ("public.people.logged_in", "date"),
    ("public.people.from_ip", "hash"),
    ("public.people.mac", "redact"),
    ("public.people.score", "number"),
    ("public.people.visits", "number"),
    ("public.people.account", "number"),
    ("public.people.salary", "number"),
    ("public.people.weight", "number"),
    ("public.people.height", "number"),
    ("public.people.token", "hash"),
    ("public.people.member", "redact"),
    ("public.people.facts", "redact"),
    ("public.people.tags", "redact"),
    ("public.people.mood", "redact"),
    ("public.people.digest", "hash"),
    ("public.people.wake", "redact"),
    ("public.people.spent", "redact"),
    ("public.chats.number", "phone"),
    ("public.chats.person", "name"),
];

async fn holds(house: &House, database: &DatabaseName, what: &[&str]) {
    for sql in what {
        assert!(house.value::<bool>(database, &format!("select {sql}")).await, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mask_hides_every_type_it_fits_and_keys_hold() {
    let mut house = House::new(Admin::Superuser, TYPES).await;
    ruled(&mut house, EVERY_MASK, &[]);
    let report = house.build("masked", DataCloneMode::FullClone).await.unwrap();
    let database = house.target("masked").database;
    let whole: String =
        house.value(&database, "select string_agg(p::text, ' ') || (select string_agg(l::text, ' ') from logins l) from people p").await;
    for raw in ["secret", "Secret", "personal.example", "+49", "10.1.2.", "08:00:2b", "1234.56"] {
        assert!(!whole.contains(raw), "{raw} is there: {}", &whole[whole.find(raw).unwrap()..][..60]);
    }
    let always = "(select bool_and(coalesce(x, true)) from (select";
    let checks = [
        "count(*) = 2004 and count(email) = 1980 from people".to_owned(),
        format!(r"{always} email ~ '^u_[0-9a-f]{{24}}@example\.invalid$' or email = '' as x from people) s)"),
        "count(*) = 1 from people where email = ''".to_owned(),
        r"bool_and(phone ~ '^\+999[0-9]{16}$') and bool_and(mobile = phone) from people where id > 0".to_owned(),
        "count(*) = 2000 from people p join chats c on c.number = p.mobile".to_owned(),
        "bool_and(full_name ~ '^[A-Z][a-z]+ [A-Z][a-z]+$' and initials = left(full_name, 1) and short_name = 'reda') from people where id > 0"
            .to_owned(),
        "bool_and(card = '***************' || right((1000 + id)::text, 4)) from people where id > 0".to_owned(),
        "bool_and(char_length(bio) = 13 * id and bio ~ '^[a-z ]+$' and char_length(note::text) <= 6) from people where id > 0".to_owned(),
        "bool_and(born < date '1970-01-01' + id::int and born >= date '1970-01-01' + id::int - 365) from people where id > 0".to_owned(),
        "bool_and(seen < timestamp '2001-02-03 04:05:06.789' + make_interval(days => id::int)) from people where id > 0".to_owned(),
        "bool_and(family(from_ip) = 6 and from_ip << '2001:db8::/32') from people where id > 0".to_owned(),
        "bool_and(length(account::text) = length((id * 1000000007)::text) and account <> id * 1000000007) from people where id > 0".to_owned(),
        "bool_and(length(visits::text) = length((id * 1000003)::text)) and count(distinct visits) = 2000 from people where id > 0".to_owned(),
        "count(distinct score) = 2000 and bool_and(length(score::text) = length(id::text)) from people where id > 0".to_owned(),
        "bool_and(salary between 1000 and 10000 and octet_length(token) = 16 and not member and facts = '{}' and tags = '{}' and mood is null) \
         from people where id > 0"
            .to_owned(),
        "bool_and(char_length(digest) = 20) from people where id > 0".to_owned(),
        "count(*) = 2000 from logins l join people p on p.login = l.who and p.account = l.account and p.phone = l.at_phone".to_owned(),
        "born = 'infinity' and seen = '-infinity' and weight = 'NaN' and score = -32768 from people where id = -1".to_owned(),
        "score between 10000 and 32767 and visits >= 1000000000 and account >= 1000000000000000000 and weight = 0 from people where id = -2"
            .to_owned(),
        "score between 10000 and 32767 and born < '4700-01-01 BC' and born > '4713-01-01 BC' from people where id = -3".to_owned(),
        "score = 0 and account = 0 from people where id = -4".to_owned(),
        "count(*) = 0 from (select id from people where id > 0 group by id having count(*) > 1) x".to_owned(),
    ];
    for sql in checks {
        assert!(house.value::<bool>(&database, &format!("select {sql}")).await, "{sql}");
    }
    let told = withheld_of(&report, "public", "people").unwrap();
    assert_eq!(told.masked_columns.len(), 29);
    let follower = &withheld_of(&report, "public", "logins").unwrap().masked_columns;
    assert_eq!(
        follower.iter().map(|column| (column.name.as_str(), column.mask)).collect::<Vec<_>>(),
        [("who", Mask::Hash), ("account", Mask::Number), ("at_phone", Mask::Phone)]
    );
    assert!(follower[0].reason.starts_with("follows public.people.login: foreign key"), "{}", follower[0].reason);

    house.build("again", DataCloneMode::FullClone).await.unwrap();
    let sum = "select md5(string_agg(md5(p::text), '' order by id)) from people p";
    assert_eq!(house.value::<String>(&database, sum).await, house.value::<String>(&house.target("again").database, sum).await, "equal every time");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_in_no_log_and_no_branch() {
    let mut house = House::new(Admin::Superuser, "create table t (email text); insert into t values ('a@b.c')").await;
    ruled(&mut house, &[("public.t.email", "email")], &[]);
    let before = "alter system set log_statement = 'all'; alter system set log_min_duration_statement = 0; alter system set log_connections = on";
    for statement in before.split("; ").chain(["select pg_reload_conf()"]) {
        super::execute(&mut house.look_into(&house.main).await, statement).await;
    }
    house.build("secret", DataCloneMode::FullClone).await.unwrap();
    let reset = "alter system reset log_statement; alter system reset log_min_duration_statement; alter system reset log_connections";
    for statement in reset.split("; ").chain(["select pg_reload_conf()"]) {
        super::execute(&mut house.look_into(&house.main).await, statement).await;
    }
    let log: String = house.value(&house.main, "select pg_read_file(current_setting('data_directory') || '/../log')").await;
    assert!(log.contains("current_setting('fluxbase.mask_key')"), "the statements are in the log");
    assert!(!log.contains(MASK_KEY), "{}", &log[log.find(MASK_KEY).unwrap().saturating_sub(300)..][..400]);
    let branch = house.target("secret").database;
    let settings = format!("select count(*) = 0 from pg_db_role_setting where setconfig::text like '%{MASK_KEY}%'");
    holds(&house, &branch, &[settings.trim_start_matches("select ")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_mask_partitions_and_heirs_and_the_plain_owner_may_do_it() {
    let sql = "
        create table visits (at date not null, email text, ip text) partition by range (at);
        create table visits_1 partition of visits for values from ('2020-01-01') to ('2021-01-01');
        create table visits_2 partition of visits default;
        create table base (id int, email text);
        create table heir (extra text) inherits (base);
        comment on column visits.email is 'Who came. @pii email';
        comment on column visits.ip is '@pii null';
        comment on column base.email is '@pii';
        insert into visits values ('2020-05-05', 'raw@raw.example', '10.0.0.1'), ('2026-05-05', 'raw@raw.example', '10.0.0.2');
        insert into base values (1, 'raw@raw.example'); insert into heir values (2, 'raw@raw.example', 'x')";
    let house = House::new(Admin::Plain, sql).await;
    house.build("tagged", DataCloneMode::FullClone).await.unwrap();
    let database = house.target("tagged").database;
    let checks = [
        "count(*) = 2 and count(distinct email) = 1 and min(email) like 'u\\_%' and count(ip) = 0 from visits",
        "count(*) = 2 and min(email) = 'redacted' and max(email) = 'redacted' from base",
    ];
    holds(&house, &database, &checks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_masked_stops_the_clone_before_a_row_is_read() {
    let sql = "
        create table t (id int generated always as identity primary key, email text unique, country text not null, region text not null,
            born date, year int generated always as (extract(year from born)) stored);
        create unique index t_lower on t (lower(country));
        create table parts (region text not null, email text) partition by list (upper(region));
        create table sent (phone varchar(10) references t (email)); comment on column sent.phone is '@pii emial'";
    let mut house = House::new(Admin::Superuser, sql).await;
    ruled(
        &mut house,
        &[
            ("public.t.email", "redact"),
            ("public.t.country", "text"),
            ("public.t.region", "null"),
            ("public.t.year", "number"),
            ("public.t.id", "number"),
            ("public.parts.region", "hash"),
            ("public.gone.email", "email"),
        ],
        &[],
    );
    let (code, said) = refusal(house.build("never", DataCloneMode::FullClone).await);
    assert_eq!(code, "masking_refused");
    for part in [
        "public.t.email as redact: key t_email_key",
        "public.t.country as text: key t_lower",
        "public.t.region as null",
        "public.t.year as number: it is computed from born",
        "public.t.id as number: its values come from a sequence",
        "public.parts.region as hash: rows are sent to partitions",
        "a rule names public.gone.email",
        "the comment on public.sent.phone",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    house.build("definitions", DataCloneMode::SchemaOnly).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_classified_stops_a_full_clone_while_rules_are_in_use() {
    let sql = "create table t (id int primary key, email text, home_address text, seen_from inet, name text, email_verified boolean);
               create schema auth; create table auth.users (id uuid primary key, email text, phone text, encrypted_password text);
               create table auth.sessions (id uuid primary key, ip inet);
               create type reach as (kind text, phone text);
               create table kept (at reach, all_of reach[], words tsvector, own tsvector generated always as (to_tsvector('simple', 'x')) stored, object jsonb, settings jsonb)";
    let mut house = House::new(Admin::Superuser, sql).await;
    assert!(house.build("free", DataCloneMode::FullClone).await.is_ok(), "nobody asked");
    ruled(&mut house, &[("public.t.email", "email")], &[]);
    let (code, said) = refusal(house.build("stopped", DataCloneMode::FullClone).await);
    assert_eq!(code, "unclassified_columns");
    for part in [
        "public.t.home_address (its name says 'address')",
        "public.t.seen_from (its type is inet)",
        "auth.users.phone",
        "public.kept.at (the attribute 'phone'",
        "public.kept.all_of",
        "public.kept.words",
        "public.kept.object",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for part in ["public.t.name", "email_verified", "auth.users.email", "auth.sessions", "public.t.email ", "public.kept.own", "public.kept.settings"]
    {
        assert!(!said.contains(part), "{part}: {said}");
    }
    house.build("definitions", DataCloneMode::SchemaOnly).await.unwrap();
    ruled(&mut house, &[("public.t.email", "email"), ("public.t.home_address", "keep")], &["*.t.seen_*", "auth.users.*", "public.kept.*"]);
    house.build("classified", DataCloneMode::FullClone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_masked_values_break_is_named() {
    let mut house =
        House::new(Admin::Superuser, "create table t (code text constraint code_shape check (code ~ '^[0-9]+$')); insert into t values ('77')").await;
    ruled(&mut house, &[("public.t.code", "hash")], &[]);
    let (_, said) = refusal(house.build("checked", DataCloneMode::FullClone).await);
    assert!(said.contains("code_shape") && said.contains("masked") && said.contains("code as hash"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_to_be_left_out_that_is_not_there_stops_the_clone() {
    let mut house = House::new(Admin::Superuser, "create table secrets (id int)").await;
    house.settings.excluded_tables.push(domain::table::QualifiedName::new("Public", "Secrets"));
    let (_, said) = refusal(house.build("slip", DataCloneMode::FullClone).await);
    assert!(said.contains("Public.Secrets (there is public.secrets)"), "{said}");
    house.settings.excluded_tables[0] = domain::table::QualifiedName::new("public", "secret");
    let (code, said) = refusal(house.build("slip", DataCloneMode::FullClone).await);
    assert!(code == "excluded_table_missing" && said.contains("public.secret"), "{said}");
    house.build("definitions", DataCloneMode::SchemaOnly).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_may_have_renamed_a_table_that_is_left_out() {
    let mut house = House::new(Admin::Superuser, "create table secrets (id int); insert into secrets values (1)").await;
    house.settings.excluded_tables.push(domain::table::QualifiedName::new("public", "secrets"));
    house.build("cut", DataCloneMode::FullClone).await.unwrap();
    let parent = house.target("cut").database;
    execute(&mut house.look_into(&parent).await, "alter table public.secrets rename to secrets_of_old").await;
    let request = ports::driven::BuildRequest { parent, parent_is_main: false, ..house.request("again", DataCloneMode::FullClone) };
    ports::driven::BranchBuilder::build(&house.builder(), &request, std::sync::Arc::new(super::Quiet)).await.unwrap();
    assert_eq!(house.count(&request.target.database, "public.secrets_of_old").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_on_what_no_mask_stands_on_is_told_and_not_passed_over() {
    let sql = "
        create table t (id int primary key, mail text);
        create table gone (id int);
        create view v as select mail as who from t;
        create materialized view m as select mail from t;
        create domain mail as text;
        create type pair as (a text);
        create function f() returns int language sql as 'select 1';
        comment on table t is 'People. @pii';
        comment on table gone is '@pii: all of it';
        comment on view v is '@PII Email';
        comment on column v.who is '@pii email';
        comment on materialized view m is '@pii: hash';
        comment on column m.mail is '@pii null';
        comment on domain mail is '@piiemail';
        comment on type pair is 'not nobody@pii.example, but @pii emial';
        comment on column pair.a is '@pii text';
        comment on function f() is 'nobody@pii.example';
        comment on constraint t_pkey on t is '@pii';
        comment on schema public is '@pii'";
    let mut house = House::new(Admin::Superuser, sql).await;
    house.settings.excluded_tables.push(domain::table::QualifiedName::new("public", "gone"));
    ruled(&mut house, &[("public.t.nothing", "hash")], &[]);
    let (code, said) = refusal(house.build("tags", DataCloneMode::FullClone).await);
    assert_eq!(code, "masking_refused");
    for part in [
        "table public.t ('@pii')",
        "view public.v ('@PII Email')",
        "view column public.v.who ('@pii email')",
        "materialized view public.m ('@pii: hash')",
        "materialized view column public.m.mail ('@pii null')",
        "type public.mail ('@piiemail')",
        "type public.pair ('@pii emial')",
        "public.pair.a ('@pii text')",
        "constraint t_pkey on public.t ('@pii')",
        "schema public ('@pii')",
        "comment on column schema.table.column is '@pii email'",
        "a rule names public.t.nothing",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("public.gone") && !said.contains("function"), "{said}");
    house.build("definitions", DataCloneMode::SchemaOnly).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_that_makes_values_collide_is_named_before_the_copy_where_it_can_be_and_after_it_else() {
    let sql = "
        create table t (id int primary key, mail text, born date, country text, town text,
            domain text generated always as (split_part(mail, '@', 2)) stored unique,
            year int generated always as (extract(year from born)) stored, constraint t_year exclude (year with =));
        create unique index t_town on t ((lower(country) || town));
        create table u (id int primary key, mail text, other text);
        create unique index u_begin on u (left(mail, 2));
        insert into u values (1, 'abc@x.example', 'x'), (2, 'def@x.example', 'y')";
    let mut house = House::new(Admin::Superuser, sql).await;
    ruled(&mut house, &[("public.t.mail", "text"), ("public.t.born", "date"), ("public.t.country", "name"), ("public.t.town", "keep")], &[]);
    let (code, said) = refusal(house.build("planned", DataCloneMode::FullClone).await);
    assert_eq!(code, "masking_refused");
    for part in [
        "public.t.mail as text: key t_domain_key of domain, which is computed from it,",
        "public.t.born as date: key t_year of year, which is computed from it,",
        "public.t.country as name: key t_town",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("t.town as"), "{said}");
    ruled(&mut house, &[("public.t.mail", "email"), ("public.u.mail", "email"), ("public.u.other", "hash")], &["public.t.*"]);
    let (code, said) = refusal(house.build("built", DataCloneMode::FullClone).await);
    assert_eq!(code, "masking_refused", "{said}");
    for part in ["u_begin", "public.u", "mail as email", "choose masks whose values hold there"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("other as hash") && !said.contains("@example.invalid") && !said.contains("u_1"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn masked_numbers_have_room_where_the_numbers_had_it() {
    let sql = "
        create table t (id int primary key, tiny numeric(2, 4), rounded numeric(1, -4), exact numeric(5, 5), free numeric, r real, d float8);
        insert into t select n, 0.0012 + n * 0.0001, case when n % 2 = 0 then 90000 else 10000 end, 0.99990 - n * 0.00001,
            n * 0.000000000001, ('3.' || 10 + n % 24 || 'e38')::real, ('1.' || 10 + n % 60 || 'e308')::float8 from generate_series(1, 80) n;
        insert into t values (101, 0, 0, 0, 'NaN', 'NaN', 'NaN'), (102, -0.0012, -90000, -0.5, 'Infinity', 'Infinity', '-Infinity'),
            (103, null, null, null, '-Infinity', '-3.4e38', '-1.7e308'), (104, null, null, null, 0.000, '1e-45', '5e-324'),
            (105, null, null, null, -1e400, '-0', '-0'), (106, null, null, null, 1234567890123456789012.0001230, 0.1, 1e-300)";
    let mut house = House::new(Admin::Superuser, sql).await;
    let rules: Vec<_> = ["tiny", "rounded", "exact", "free", "r", "d"].map(|column| (format!("public.t.{column}"), "number")).into();
    ruled(&mut house, &rules.iter().map(|(column, mask)| (column.as_str(), *mask)).collect::<Vec<_>>(), &[]);
    house.build("numbers", DataCloneMode::FullClone).await.unwrap();
    let checks = [
        "bool_and(tiny between 0.0010 and 0.0095 and rounded % 10000 = 0 and rounded between 10000 and 90000 and exact between 0.1 and 0.95) from t \
         where id < 101",
        "bool_and(scale(free) = 12 and length(trunc(free * 1e12)::text) = length(id::text)) from t where id < 101",
        "bool_and(r between 1e38 and 3.4e38 and d between 1e308 and 1.79e308) and count(distinct r) > 20 from t where id < 101",
        "tiny = 0 and rounded = 0 and exact = 0 and free = 'NaN' and r = 'NaN' and d = 'NaN' from t where id = 101",
        "tiny < 0 and rounded <= -10000 and exact < -0.1 and free = 'Infinity' and r = 'Infinity' and d = '-Infinity' from t where id = 102",
        "free = '-Infinity' and r < -1e38 and d < -1e308 from t where id = 103",
        "free::text = '0.000' and r > 0 and d > 0 from t where id = 104",
        "free < -1e400 / 10 and r = 0 and d = 0 from t where id = 105",
        "free between 1e21 and 1e22 and scale(free) = 7 and r between 0.1 and 1 and d between 1e-300 and 1e-299 from t where id = 106",
    ];
    holds(&house, &house.target("numbers").database, &checks).await;
    let same = "select count(*) from t where d = -1.7e308 or r = 0.1::real or free in (-1e400, 1234567890123456789012.0001230)";
    assert_eq!(house.value::<i64>(&house.target("numbers").database, same).await, 0);
}
