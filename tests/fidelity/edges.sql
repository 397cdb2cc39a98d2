-- The further corners of what an owner can make: names, orders, dependencies, and states that a dump writes in two parts.
create schema "a schema of 63 bytes, which is all that a name may have in here";
create schema "new
line	and tab %s \ ' ü €";
create table "new
line	and tab %s \ ' ü €"."table
too" ("column
too" int check ("column
too" > 0), "%I" text default 'a
b');
insert into "new
line	and tab %s \ ' ü €"."table
too" values (1, E'\\N'), (2, ''), (3, null);
comment on column "new
line	and tab %s \ ' ü €"."table
too"."%I" is 'of a
name';
create table "a schema of 63 bytes, which is all that a name may have in here"."a table of 63 bytes, the same as its schema and as its column  "
    ("a column of 63 bytes, the same as its table and as its schema  " int primary key);

-- Types upon types.
create type app.nothing as enum ();
create type app.renamed as enum ('a', 'it''s', 'c');
alter type app.renamed rename value 'a' to 'first';
create function app.is_fine(text) returns bool language plpgsql immutable as $$ begin return length($1) < 100; end $$;
create domain app.fine as text constraint fine_is_fine check (app.is_fine(value));
create domain app.finer as app.fine not null default 'fine' check (value <> '');
create domain app.moods as app.mood[] check (cardinality(value) < 9);
create domain app.anywhere as app.place check ((value).number is null or (value).number > 0);
create domain app.later as int;
alter domain app.later add constraint later_is_positive check (value > 0) not valid;
create type app.spans as range (subtype = app.positive, multirange_type_name = app."Many Spans");
create type app.words_range as range (subtype = text, collation = "C");
create type app.deep as (fine app.finer, places app.place[], moods app.moods, span app."Many Spans");
comment on type app.deep is 'deep';
comment on column app.deep.places is 'of a type';
alter type app."Odd Type" add attribute d int cascade;
create table app.typed_too of app."Odd Type" (primary key ("a b"), check (d > 0));
create table app.deep_rows (id int primary key, deep app.deep, many int4multirange default '{[1,3),[5,7)}', word app.words_range, at app.anywhere);
insert into app.deep_rows values
    (1, row('x', array[row('s', 1, point(1, 2))::app.place], array['ok', 'sad']::app.moods, '{[1,3),[7,9)}'), default, '[a,c)', row('s', 1, null)),
    (2, null, '{}', 'empty', null);

-- Functions: SQL-standard bodies, in each direction.
create function app.atomic(a int, b int default 2) returns int language sql immutable begin atomic select a + b; end;
create procedure app.write_row(x int) language sql begin atomic insert into app.no_rows values (x, x); delete from app.no_rows where a = x; end;
create function app."odd ""function"""("odd ""argument""" int, out "odd out" text) language sql return 'it''s ' || "odd ""argument""";
create function app.returns_table(n int) returns table (id int, name text) language sql stable rows 3
    as $$ select id, full_name from app.people where id < n $$;
create function app.only_of_people(p app.people) returns text language sql stable return p.full_name || app.atomic(p.id);
create function app.configured() returns text language plpgsql set search_path = app, "Odd ""Schema""", pg_temp set timezone = 'UTC'
    as 'begin return current_setting(''timezone''); end';
create function app.forward() returns bigint language sql as 'select count(*) from app.adults';
create function app.same(int) returns int language sql as 'select $1';
create function app.same(text) returns int language sql as 'select 1';
create function app.same(anyelement, anyelement) returns anyelement language sql as 'select $1';
create aggregate app.mean(float8)
    (sfunc = float8_accum, stype = float8[], finalfunc = float8_avg, combinefunc = float8_combine, initcond = '{0,0,0}', parallel = safe);
create aggregate app.running(int)
    (sfunc = int4pl, stype = int, initcond = '0', msfunc = int4pl, minvfunc = int4mi, mstype = int, minitcond = '0', sspace = 8);
create function app.middle_of(float8[]) returns float8 language sql immutable as 'select $1[1 + cardinality($1) / 2]';
create aggregate app.middle(order by float8) (sfunc = array_append, stype = float8[], finalfunc = app.middle_of, initcond = '{}');
create function app.other(app.mood, app.mood) returns bool language sql immutable as $$ select $1 <> $2 $$;
create operator app.!~~~ (leftarg = app.mood, rightarg = app.mood, function = app.other, commutator = operator(app.!~~~), negator = operator(app.~~~),
    restrict = neqsel, join = neqjoinsel);
create function app.upside(app.mood) returns app.mood language sql immutable as $$ select $1 $$;
create operator app.@@@ (rightarg = app.mood, function = app.upside);
create cast (app.place as text) with inout as implicit;
create default conversion app.from_latin_2 for 'LATIN2' to 'UTF8' from iso8859_to_utf8;
comment on conversion app.from_latin is 'from Latin';
comment on text search dictionary app.plain is 'plain';
create text search dictionary app.synonyms (template = pg_catalog.simple, accept = false);

-- Keys and constraints.
create table app.hens (id int primary key, egg int, name text);
create table app.eggs (id int primary key, hen int not null references app.hens initially deferred deferrable);
alter table app.hens add constraint hens_egg foreign key (egg) references app.eggs on delete set null (egg) deferrable;
begin; insert into app.hens values (1, null, 'hen'); insert into app.eggs values (2, 1); update app.hens set egg = 2; commit;
create table app.itself (id int primary key, parent int references app.itself match full on update restrict, depth int);
insert into app.itself values (1, null, 0), (2, 1, 1), (3, 3, 0);
alter table app.itself add constraint never_true check (depth > 5) not valid, add constraint nowhere foreign key (depth) references app.hens not valid;
create table app.keys (a int, b int, c int, during int4range,
    unique nulls not distinct (a, b), constraint keys_late unique (b) include (c) deferrable initially deferred,
    constraint keys_apart exclude using gist (during with &&) where (a > 0) deferrable);
insert into app.keys values (1, 2, 3, '[1,4)'), (null, 5, 6, null);
comment on constraint keys_apart on app.keys is 'apart';
create table app.computed (a int, b int generated always as (app.atomic(a)) stored, c app.fine generated always as (app."odd ""function"""(a)) stored);
insert into app.computed (a) select generate_series(1, 10);
create table app.only_computed (one int generated always as (1) stored);
insert into app.only_computed default values;
insert into app.empty default values;
insert into app.empty default values;
create table app.identified (id int generated always as identity (sequence name app."named sequence" start -5 increment -2 minvalue -1000 maxvalue -1 cycle),
    other bigint generated by default as identity, name text);
insert into app.identified (name) values ('a'), ('b');
create table app.stored (a text compression pglz, b text, c int, d bytea)
    with (toast_tuple_target = 256, toast.autovacuum_enabled = false, user_catalog_table = true, parallel_workers = 1);
alter table app.stored alter column a set storage main, alter column b set storage external, alter column a set (n_distinct_inherited = 7), alter column c set statistics 0;
create table app.marked (a int not null, b int);
create unique index marked_a on app.marked (a);
create unique index marked_b on app.marked (b) nulls not distinct;
alter table app.marked replica identity using index marked_a;
alter table app.marked cluster on marked_b;
create table app.unmarked (a int);
alter table app.unmarked replica identity nothing;

-- Indexes of all kinds.
create index keys_hash on app.keys using hash (c);
create index events_brin on app.events_rest using brin (at date_minmax_multi_ops(values_per_range = 16)) with (pages_per_range = 8, autosummarize = on);
create index places_spgist on app.people using spgist (((home).at));
create index people_trigrams on app.people using gist (nickname gist_trgm_ops(siglen = 32));
create index people_collated on app.people (full_name collate "C" text_pattern_ops, born desc nulls first) where mood is not null and app.is_fine(nickname);
create index people_computed on app.people (app.atomic(id), (id + 1));
alter index app.people_computed alter column 1 set statistics 77;
comment on index app.people_pkey is 'of the key';

-- Partitions that are not like their parents.
create table app.parted (id int not null, region text not null, amount numeric default 1, check (amount >= 0)) partition by list (region);
create table app.parted_eu (amount numeric default 2, extra int, region text not null, id int not null);
alter table app.parted_eu drop column extra;
alter table app.parted_eu add constraint parted_amount_check check (amount >= 0), add constraint eu_only check (id < 1000), add unique (id);
alter table app.parted attach partition app.parted_eu for values in ('de', 'fr');
create table app.parted_us partition of app.parted (amount default 3, constraint us_only check (id > 0)) for values in ('us', null) partition by range (id, amount);
create table app.parted_us_1 partition of app.parted_us for values from (minvalue, minvalue) to (500, 7);
create table app.parted_us_2 partition of app.parted_us for values from (500, 7) to (maxvalue, maxvalue);
create index parted_id on only app.parted (id);
create index parted_eu_id on app.parted_eu (id) with (fillfactor = 80);
alter index app.parted_id attach partition app.parted_eu_id;
create unique index parted_region on app.parted_us (id, amount);
insert into app.parted select n, case n % 3 when 0 then 'de' when 1 then 'us' else 'fr' end, n from generate_series(1, 900) n;
create trigger parted_each before insert on app.parted for each row execute function app.touch();
alter table app.parted_eu disable trigger parted_each;
create trigger parted_own after update on app.parted_us_1 for each row when (old.* is distinct from new.*) execute function app.touch('it''s', '\x');
create table app.by_expression (a int, b text) partition by range (lower(b), (a + 1));
create table app.by_expression_1 partition of app.by_expression for values from ('a', 1) to ('m', maxvalue);
create table app.refers (id int, person int references app.people) partition by hash (id);
create table app.refers_0 partition of app.refers for values with (modulus 1, remainder 0);
comment on table app.refers_0 is 'the only one';
create table app.to_parted (region text, at date, kind text, foreign key (at, kind) references app.events on delete cascade);

-- Heirs of several.
create table app.left_parent (id int default 1, note text not null check (note <> 'x'));
create table app.right_parent (id int default 1, extra text);
create table app.child_of_both (own int, id int default 3) inherits (app.left_parent, app.right_parent);
create table app.grandchild () inherits (app.child_of_both);
alter table app.grandchild alter column extra set default 'here only', add constraint own_check check (own > 0) no inherit;
insert into app.left_parent values (1, 'l'); insert into app.child_of_both (id, note, own) values (2, 'c', 3); insert into app.grandchild (id, note, own) values (4, 'g', 5);

-- Views that need more than what stands before them.
create view app.grouped as select p.id, p.full_name, count(o.id) as orders from app.people p left join app.orders o on o.person = p.id group by p.id;
create materialized view app.grouped_too as select p.id, p.full_name, count(o.id) as orders from app.people p left join app.orders o on o.person = p.id group by p.id;
create index grouped_too_id on app.grouped_too (id);
alter materialized view app.grouped_too cluster on grouped_too_id;
alter materialized view app.grouped_too alter column full_name set statistics 10;
create view app.over_grouped as select * from app.grouped where orders > 0;
create function app.of_grouped() returns setof app.grouped language sql begin atomic select * from app.grouped; end;
create view app.of_function as select * from app.of_grouped() with ordinality as f(id, name, orders, place);
create view app.of_columns as select * from app.slow() s(x, y), rows from (generate_series(1, 2), unnest(array['a', 'b'])) r(a, b);
create view app.invoker with (security_invoker = true, check_option = cascaded) as select * from app.people where id > 0;
create recursive view app.descent (id, depth) as select id, 0 from app.itself where parent is null union all select i.id, d.depth + 1 from app.itself i join descent d on i.parent = d.id;
create view app.round_1 as select 1 as one, 'x'::text as two;
create view app.round_2 as select one, two from app.round_1;
create function app.round_3() returns setof app.round_2 language sql as 'select * from app.round_2';
create view app.no_columns as select from app.hens;
create view app.windowed as select id, sum(id) over w as running, app.running(id) over w as own, first_value(name) over (w rows between 1 preceding and current row exclude ties) as f
    from app.hens window w as (partition by egg order by id);
create view app.odd_joins as select h.id, e.id as "e.id", l."inner" from app.hens h full join (app.eggs e cross join lateral (select e.id as "inner" limit 1) l) on e.hen = h.id
    where h.name <> all (array['a', null]) is not true and (h.id, h.egg) in (values (1, 2)) or exists (table app.empty);
alter view app.odd_joins set schema "Odd ""Schema""";
create materialized view app.of_checked as select app.is_fine('x') as fine with no data;
comment on column app.by_mood.people is 'how many';

-- Rules, triggers and policies in each of their states.
create rule writes as on insert to app.adults do instead (insert into app.no_rows values (new.id, 1); select 1 as done);
create rule told as on insert to app.hens do also notify hens;
alter table app.hens enable always rule told;
create rule replica_only as on delete to app.hens do also nothing;
alter table app.hens enable replica rule replica_only;
create trigger hens_truncate before truncate on app.hens for each statement execute function app.touch();
create constraint trigger hens_late after update of name, egg on app.hens from app.eggs not deferrable for each row execute function app.touch();
create trigger "odd trigger" after update on app.hens referencing old table as "old rows" new table as "new rows" for each statement execute function app.touch();
alter table app.hens disable trigger user;
alter table app.hens enable row level security;
create policy "odd policy" on app.hens for insert to public with check (exists (select from app.eggs e where e.hen = hens.id) and current_user <> 'nobody');
create policy for_writers on app.hens for update to writer, reader using (name is not null);
comment on rule told on app.hens is 'tells';
comment on trigger hens_truncate on app.hens is 'before all';

-- Sequences that were never called, or were set.
create sequence app.set_apart start 5;
select setval('app.set_apart', 77, false);
create sequence app.backwards increment -1;
select nextval('app.backwards');
create sequence app.owned owned by app.hens.id;
create unlogged sequence app.unlogged;

-- Grants in all their shades.
grant all on table app.hens to writer;
grant select on app.hens to reader with grant option;
grant references (id), insert (id, name) on app.hens to public;
grant trigger, truncate on app.eggs to reader;
grant create on schema app to writer with grant option;
grant usage on schema "Odd ""Schema""" to public;
grant execute on procedure app.tidy(int) to writer;
revoke all on function app.atomic(int, int) from public;
grant execute on function app.mean(float8) to writer with grant option;
revoke usage on type app.renamed from public;
grant usage on type app.fine to reader;
grant select on app.grouped_too, app.descent to reader;
grant update on sequence app.set_apart to writer;
revoke insert, delete on app.marked from current_user;
revoke execute on function app.same(text) from public, current_user;
alter default privileges in schema app grant execute on functions to reader;
alter default privileges grant all on schemas to writer;
alter default privileges revoke usage on types from public;

create statistics app.parted_stats (ndistinct) on id, amount from app.parted;
create statistics "Odd ""Schema"""."odd stats" on (app.atomic(id)), id from app.people;
