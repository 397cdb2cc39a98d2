-- One of everything that an owner can make.
create schema app;
create schema "Odd ""Schema""";
comment on schema app is 'what''s all there';
create extension citext schema app;
create extension pg_trgm;
create extension btree_gist;
create extension hstore;

do $$ begin
    create collation app.numeric_order (provider = icu, locale = 'en-u-kn-true', deterministic = true);
    create collation app.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
exception when feature_not_supported then
    -- This PostgreSQL was built without ICU.
    create collation app.numeric_order (provider = libc, locale = 'POSIX');
end $$;
comment on collation app.numeric_order is '2 before 10';
create domain app.positive as int default 1 constraint is_positive check (value > 0);
create domain app.code as varchar(8) not null collate "C" check (value ~ '^[A-Z]+$');
comment on domain app.code is 'a code';
comment on constraint is_positive on domain app.positive is 'more than nothing';
create type app.mood as enum ('sad', 'ok', 'glad');
alter type app.mood add value 'so so' before 'ok';
-- The new value may be used from the next transaction on.
--;
create type app.place as (street text, number app.positive, at point);
create type app.float_range as range (subtype = float8, subtype_diff = float8mi);
create type app."Odd Type" as ("a b" int, c text collate "C");

create function app.add(a int, b int default 2) returns int language sql immutable parallel safe return a + b;
create function app.slow(out x int, out y text) returns setof record language plpgsql stable rows 7 cost 11 set work_mem = '8MB'
    as $f$ begin x := 1; y := 'a "quoted" $$ text'; return next; end $f$;
create procedure app.tidy(inout n int) language plpgsql security definer as $$ begin n := n + 1; end $$;
comment on procedure app.tidy(int) is 'tidies';
create function app.variadic(variadic anyarray) returns int language sql as 'select cardinality($1)';
create aggregate app.product(float8) (sfunc = float8mul, stype = float8, initcond = '1', parallel = safe);
comment on aggregate app.product(float8) is 'multiplies';
create function app.about(app.mood, app.mood) returns bool language sql immutable as $$ select $1 = $2 $$;
create operator app.~~~ (leftarg = app.mood, rightarg = app.mood, function = app.about, commutator = operator(app.~~~));
comment on operator app.~~~ (app.mood, app.mood) is 'about the same';
create function app.mood_to_int(app.mood) returns int language sql immutable as $$ select array_position(enum_range(null::app.mood), $1) $$;
create cast (app.mood as int) with function app.mood_to_int(app.mood) as assignment;
comment on cast (app.mood as int) is 'its rank';

create text search dictionary app.plain (template = pg_catalog.simple, stopwords = 'english');
create text search configuration app.words (copy = pg_catalog.english);
alter text search configuration app.words alter mapping for asciiword with app.plain, english_stem;
comment on text search configuration app.words is 'words';
create conversion app.from_latin for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;

create sequence app.counter as smallint increment by 3 minvalue -9 maxvalue 900 start 30 cache 5 cycle;
select nextval('app.counter'), nextval('app.counter');
create sequence app.untouched;
comment on sequence app.counter is 'counts by threes';

create table app.people (
    id int generated always as identity (start 100 increment 10) primary key,
    email app.citext not null constraint people_email_key unique,
    phone varchar(30) unique,
    full_name text not null collate app.numeric_order,
    handle text generated always as (lower(split_part(full_name, ' ', 1))) stored,
    born date,
    mood app.mood default 'ok',
    home app.place,
    tags text[] not null default '{}',
    facts jsonb,
    payload bytea,
    amounts app.float_range,
    attributes hstore,
    nickname text compression pglz,
    constraint people_born check (born > date '1900-01-01') no inherit,
    constraint odd_facts check (jsonb_typeof(facts) = 'object') not valid
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
alter table app.people alter column full_name set statistics 500, alter column nickname set storage external;
alter table app.people alter column born set (n_distinct = -0.5);
comment on table app.people is E'people\nover two lines, with a \\ in it';
comment on column app.people.email is 'how to reach them';
comment on constraint people_born on app.people is 'nobody is that old';
insert into app.people (email, phone, full_name, born, mood, home, tags, facts, payload, amounts, attributes, nickname)
    select 'Raw' || n || '.sentinel-8c1f@personal.example', '+49 170 ' || 55512340000 + n, 'Sentinela' || n || ' Quodlibet', date '1970-01-01' + n, (enum_range(null::app.mood))[1 + n % 4],
           row('sentinel street ' || n, n, point(n, n))::app.place, array['a', 'b,' || n], jsonb_build_object('n', n, 'text', E'tab\t"'),
           decode(md5(n::text), 'hex'), app.float_range(n, n + 1.5), hstore('k', n::text), case when n % 5 > 0 then 'Sentinelnick' || n end
      from generate_series(1, 3000) n;
create index people_name on app.people using gin (full_name gin_trgm_ops) with (fastupdate = off);
create index people_lower on app.people (lower(full_name) desc nulls last) include (born) where born is not null;
create index people_facts on app.people using gin (facts jsonb_path_ops);
create unique index people_facts_n on app.people ((facts ->> 'n'));
comment on index app.people_name is 'for searching';
alter table app.people cluster on people_pkey;
create statistics app.people_stats (ndistinct, dependencies, mcv) on born, mood from app.people;
create statistics app.people_expressions on (lower(full_name)), mood from app.people;
comment on statistics app.people_stats is 'they go together';
alter statistics app.people_stats set statistics 200;

create table app.orders (
    id bigserial primary key,
    person int not null references app.people on delete cascade deferrable initially deferred,
    ordered_by app.citext references app.people (email) on update cascade,
    total numeric(10, 2) not null default 0,
    code app.code default 'ABC',
    placed timestamptz not null default now(),
    exclude using gist (person with =, tstzrange(placed, placed, '[]') with &&)
);
insert into app.orders (person, ordered_by, total, placed)
    select id, upper(email::text), id * 1.5, timestamptz '2024-01-01 12:00:00+02' + make_interval(mins => id) from app.people;
create table app.secrets (id int primary key, person int references app.people, hidden text not null);
insert into app.secrets select n, 90 + n * 10, 'sentinel-secret-' || n from generate_series(1, 500) n;
create table app.uses (id int primary key, secret int references app.secrets, note text);
insert into app.uses select n, n, 'use ' || n from generate_series(1, 500) n;
alter table app.people replica identity full;
create unlogged table app.scratch (x int);
insert into app.scratch values (1);

create table app.events (at date not null, kind text not null, n int default 3, primary key (at, kind)) partition by range (at);
create table app.events_2023 partition of app.events for values from ('2023-01-01') to ('2024-01-01') with (fillfactor = 50);
create table app.events_2024 partition of app.events for values from ('2024-01-01') to ('2025-01-01') partition by list (kind);
create table app.events_2024_a partition of app.events_2024 for values in ('a', 'b');
create table app.events_2024_rest partition of app.events_2024 default;
create table app.events_rest partition of app.events default;
create table app.detached (at date not null, kind text not null, n int default 4, extra int);
alter table app.detached drop column extra;
alter table app.events attach partition app.detached for values from ('2025-01-01') to ('2026-01-01');
insert into app.events select date '2022-12-01' + n, chr(97 + n % 5), n from generate_series(0, 1400) n;
create index events_n on app.events (n);
create table app.hashed (id int not null, v text) partition by hash (id);
create table app.hashed_0 partition of app.hashed for values with (modulus 2, remainder 0);
create table app.hashed_1 partition of app.hashed for values with (modulus 2, remainder 1);
insert into app.hashed select n, 'v' || n from generate_series(1, 300) n;
create table app.points_at_events (at date, kind text, foreign key (at, kind) references app.events match full);
insert into app.points_at_events values ('2023-05-05', 'a'), (null, null);
delete from app.points_at_events where at is not null;

create table app.base (id int primary key, note text default 'base', check (id > 0));
create table app.heir (extra text not null default 'x') inherits (app.base);
alter table app.heir alter column note set default 'heir';
insert into app.base values (1, 'one'); insert into app.heir values (2, 'two', 'more');
create table "Odd ""Schema"""."Table ""x""" ("Column ""y""" int, "select" text, "a.b" int generated by default as identity);
insert into "Odd ""Schema"""."Table ""x""" values (1, E'line\nbreak\\.'), (2, '\.');
create table app.empty ();
create table app.no_rows (a int, b int, dropped int);
alter table app.no_rows drop column dropped;
create table app.typed of app."Odd Type" (c with options not null);

create view app.adults with (security_barrier) as select id, full_name from app.people where born < date '2000-01-01' with local check option;
create view app.cycle_a as select 1 as one;
create or replace view app.cycle_a as select one from (select 1 as one) x;
create view app.numbers as with recursive counted(n) as (values (1) union all select n + 1 from counted where n < 5) select n from counted;
alter view app.adults alter column full_name set default 'nobody';
comment on column app.adults.id is 'of a person';
create materialized view app.by_mood with (fillfactor = 90) as select mood, count(*) as people, min(full_name) as first from app.people group by mood;
create unique index by_mood_mood on app.by_mood (mood);
create materialized view app.over_by_mood as select sum(people) as people from app.by_mood;
create materialized view app.unfilled as select 1 as x with no data;
comment on materialized view app.by_mood is 'counted';

create function app.touch() returns trigger language plpgsql as $$ begin new.nickname := new.nickname; return new; end $$;
create trigger people_touch before insert or update of full_name on app.people for each row when (new.full_name is not null) execute function app.touch();
create trigger people_off after delete on app.people for each row execute function app.touch();
create trigger people_replica before update on app.people for each row execute function app.touch();
create trigger people_always before update on app.people for each row execute function app.touch('an argument');
create constraint trigger people_late after insert on app.people deferrable initially deferred for each row execute function app.touch();
create trigger events_each after insert on app.events referencing new table as fresh for each statement execute function app.touch();
alter table app.people disable trigger people_off;
alter table app.people enable replica trigger people_replica;
alter table app.people enable always trigger people_always;
comment on trigger people_touch on app.people is 'touches';
create trigger adults_instead instead of insert on app.adults for each row execute function app.touch();
create rule no_delete as on delete to app.base do instead nothing;
create rule log_update as on update to app.base where new.id <> old.id do also insert into app.no_rows values (old.id, new.id);
alter table app.base disable rule log_update;
comment on rule no_delete on app.base is 'kept';

alter table app.people enable row level security;
create policy own on app.people as permissive for select to reader, writer using (id > 0);
create policy restrict_all on app.people as restrictive to public using (true) with check (mood is not null);
comment on policy own on app.people is 'of each';
create table app.forced (id int);
alter table app.forced enable row level security, force row level security;
create policy forced_all on app.forced using (true);

grant usage on schema app to reader, writer;
grant select on app.people to reader;
grant select (id, full_name), update (nickname) on app.people to writer;
grant insert on app.orders to writer with grant option;
grant usage, select on sequence app.orders_id_seq to writer;
revoke execute on function app.add(int, int) from public;
grant execute on function app.add(int, int) to reader;
grant usage on type app.mood to reader;
revoke usage on type app.code from public;
alter default privileges in schema app grant select on tables to reader;
alter default privileges revoke execute on functions from public;
alter default privileges in schema app grant usage on sequences to writer with grant option;

create publication told for table app.orders;
select lo_from_bytea(4711, 'a large object'::bytea), lo_from_bytea(4712, convert_to(repeat('big', 300000), 'UTF8'));
comment on large object 4711 is 'it has a comment';
grant select on large object 4712 to reader;
