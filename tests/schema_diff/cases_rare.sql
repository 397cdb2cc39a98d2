-- case: two columns swap names
alter table app.notes rename column body to spare; alter table app.notes rename column position to body; alter table app.notes rename column spare to position;
-- case: two indexes swap names
alter index app.notes_owner rename to spare; alter index app.notes_slug rename to notes_owner; alter index app.spare rename to notes_slug;
-- case: two tables swap names
-- before
create table app.one (id integer primary key, a text); create table app.two (id bigint primary key, b text); create view app.of_one as select id from app.one;
-- change
drop view app.of_one; alter table app.one rename to spare; alter table app.two rename to one; alter table app.spare rename to two; create view app.of_one as select id from app.one;
-- case: two functions swap bodies and results
create or replace function app.is_owner(id bigint) returns boolean language plpgsql stable as 'begin return false; end'; create or replace function app.touch() returns trigger language plpgsql as 'begin return null; end';
-- case: unique index becomes a constraint of its name
-- before
create unique index owners_name on app.owners (name);
-- change
alter table app.owners add constraint owners_name unique using index owners_name;
-- case: unique nulls not distinct
alter table app.tags add constraint tags_name unique nulls not distinct (name); create unique index notes_body on app.notes (body) nulls not distinct;
-- case: index uniqueness
drop index app.notes_position; create index notes_position on app.notes (owner_id, position) where position is not null;
-- case: index operator class and collation
create index notes_like on app.notes (body text_pattern_ops, title collate "C" desc);
-- case: index only on the partitioned table
create index events_only on only app.events (id);
-- case: index of one partition
create index events_1_id on app.events_1 (id);
-- case: index of one partition attached
-- before
create index events_only on only app.events (id); create index events_1_id on app.events_1 (id);
-- change
alter index app.events_only attach partition app.events_1_id;
-- case: foreign key of some columns set null
-- before
create table app.pairs (a bigint, b bigint, unique (a, b)); create table app.of_pairs (a bigint, b bigint, foreign key (a, b) references app.pairs (a, b));
-- change
alter table app.of_pairs drop constraint of_pairs_a_b_fkey; alter table app.of_pairs add constraint of_pairs_a_b_fkey foreign key (a, b) references app.pairs (a, b) match full on delete set null (b) deferrable initially deferred;
-- case: foreign key to itself
alter table app.tags add column parent integer references app.tags (id) on update cascade;
-- case: foreign key to a partitioned table
create table app.of_events (id bigint, at date, foreign key (id, at) references app.events (id, at));
-- case: foreign key validated
-- before
alter table app.notes drop constraint notes_owner_id_fkey; alter table app.notes add constraint notes_owner_id_fkey foreign key (owner_id) references app.owners (id) not valid;
-- change
alter table app.notes validate constraint notes_owner_id_fkey;
-- case: check validated
-- before
alter table app.owners add constraint late check (score < 1000) not valid;
-- change
alter table app.owners validate constraint late;
-- case: check without heirs
alter table app.vehicles add constraint few check (wheels < 9) no inherit;
-- case: constraint renamed
alter table app.notes rename constraint title_is_short to short_title; alter table app.owners rename constraint owners_pkey to owners_key;
-- case: exclusion constraint with a condition
create table app.slots (room integer, during int4range, exclude using gist (during with &&) where (room > 1) deferrable);
-- case: trigger with transition tables
create trigger changes after update on app.notes referencing old table as before new table as after for each statement execute function app.touch();
-- case: trigger always and for replicas
-- before
create trigger second before insert on app.notes for each row execute function app.touch();
-- change
alter table app.notes enable always trigger touch; alter table app.notes enable replica trigger second;
-- case: trigger condition and columns
drop trigger touch on app.notes; create trigger touch before update of title, body on app.notes for each row when (old.title is distinct from new.title) execute function app.touch();
-- case: trigger disabled on one partition
-- before
create trigger touch before update on app.events for each row execute function app.touch();
-- change
alter table app.events_1 disable trigger touch;
-- case: trigger with arguments
create trigger with_words before insert on app.tags for each row execute function app.touch('it''s', 'b');
-- case: column that a trigger watches gets another type
-- before
create trigger watches before update of position on app.notes for each row when (new.position > 1) execute function app.touch();
-- change
drop trigger watches on app.notes; alter table app.notes alter column position type bigint; create trigger watches before update of position on app.notes for each row when (new.position > 1) execute function app.touch();
-- case: rule always
-- before
create rule log as on update to app.tags do also select 1;
-- change
alter table app.tags disable rule log;
-- case: view column renamed
alter view app.happy_notes rename column name to owner_name;
-- case: view over a key
create view app.grouped as select o.id, o.name, count(*) as n from app.owners o join app.notes n on n.owner_id = o.id group by o.id;
-- case: key under a view over it
-- before
create view app.grouped as select o.id, o.name, count(*) as n from app.owners o join app.notes n on n.owner_id = o.id group by o.id;
-- change
drop view app.grouped; alter table app.notes drop constraint notes_owner_id_fkey; alter table app.owners drop constraint owners_pkey; alter table app.owners add constraint owners_pkey primary key (id) include (name); alter table app.notes add constraint notes_owner_id_fkey foreign key (owner_id) references app.owners (id) on delete cascade; create view app.grouped as select o.id, o.name, count(*) as n from app.owners o join app.notes n on n.owner_id = o.id group by o.id;
-- case: view with the caller's rights
create or replace view app.happy_notes with (security_invoker = true) as select n.id, n.title, app.slug(n.title) as slug, h.name from app.notes n join app.happy h on h.id = n.owner_id;
-- case: recursive view
create recursive view app.chain (n) as values (1) union all select n + 1 from chain where n < 9;
-- case: view of whole rows
-- before
create view app.rows as select n, n.id from app.notes n;
-- change
drop view app.rows; alter table app.notes add column extra text; create view app.rows as select n, n.id, n.extra from app.notes n;
-- case: function with a standard body over a view that is made again
-- before
create function app.std() returns bigint language sql begin atomic select count(*) from app.happy where note is null; end;
-- change
drop function app.std(); drop rule quiet on app.happy; drop view app.happy_notes; drop view app.happy; create view app.happy as select id, name, note from app.owners; create view app.happy_notes as select n.id, n.title, app.slug(n.title) as slug, h.name from app.notes n join app.happy h on h.id = n.owner_id; create rule quiet as on delete to app.happy do instead nothing; create function app.std() returns bigint language sql begin atomic select count(*) from app.happy where note is null; end;
-- case: function with a standard body over a column that gets another type
-- before
create function app.std(a integer) returns bigint language sql begin atomic select count(*) from app.notes where position = a; end;
-- change
drop function app.std(integer); alter table app.notes alter column position type bigint; create function app.std(a integer) returns bigint language sql begin atomic select count(*) from app.notes where position = a; end;
-- case: materialised view without rows
refresh materialized view app.counts with no data;
-- case: materialised view options and column settings
alter materialized view app.counts set (fillfactor = 70, autovacuum_enabled = false); alter materialized view app.counts alter column notes set statistics 50; alter materialized view app.counts cluster on counts_owner;
-- case: enum label gone
-- before
create type app.size as enum ('s', 'm', 'l'); create domain app.sized as app.size check (value <> 'l'); create type app.box as (size app.size); create table app.boxes (size app.size default 's' check (size <> 'l'), sized app.sized, box app.box, primary key (size)); create index boxes_small on app.boxes (size) where size = 's'; create function app.next(size app.size) returns app.size language sql as 'select size';
-- change
drop function app.next(app.size); drop table app.boxes; drop type app.box; drop domain app.sized; drop type app.size; create type app.size as enum ('s', 'm'); create domain app.sized as app.size check (value <> 'm'); create type app.box as (size app.size); create table app.boxes (size app.size default 's' check (size <> 'm'), sized app.sized, box app.box, primary key (size)); create index boxes_small on app.boxes (size) where size = 's'; create function app.next(size app.size) returns app.size language sql as 'select size';
-- case: enum label gone from a partition key
-- before
create type app.size as enum ('s', 'm', 'l'); create table app.boxes (size app.size) partition by list (size); create table app.boxes_s partition of app.boxes for values in ('s');
-- change
drop table app.boxes; drop type app.size; create type app.size as enum ('s', 'm'); create table app.boxes (size app.size) partition by list (size); create table app.boxes_s partition of app.boxes for values in ('s');
-- case: enum becomes text
drop rule quiet on app.happy; drop view app.happy_notes; drop view app.happy; alter table app.owners alter column mood drop default; alter table app.owners alter column mood type text; alter table app.owners alter column mood set default 'ok'; drop type app.mood; create view app.happy as select id, name, mood, note from app.owners where mood = 'happy'; create view app.happy_notes as select n.id, n.title, app.slug(n.title) as slug, h.name from app.notes n join app.happy h on h.id = n.owner_id; create rule quiet as on delete to app.happy do instead nothing;
-- case: text becomes an enum
create type app.state as enum ('new', 'old'); alter table app.events alter column kind drop default; alter table app.tags alter column name type app.state using name::app.state;
-- case: domain over a domain
-- before
create domain app.short as app.email check (length(value) < 30); create table app.mails (mail app.short);
-- change
drop table app.mails; drop domain app.short; create domain app.short as text check (length(value) < 20); create table app.mails (mail app.short);
-- case: domain constraint renamed and not valid
alter domain app.email rename constraint email_check to looks_like_mail; alter domain app.email add constraint no_space check (value not like '% %') not valid;
-- case: domain's column becomes its base type
alter table app.owners alter column email type text; drop domain app.email;
-- case: composite attribute dropped and renamed
alter type app.address drop attribute zip; alter type app.address rename attribute street to road;
-- case: row type of a table in another
-- before
create table app.holders (tag app.tags);
-- change
drop table app.holders; alter table app.tags add column extra text; create table app.holders (tag app.tags);
-- case: row type of a table whose column gets another type
-- before
create table app.kinds (k integer); create table app.holders (kind app.kinds);
-- change
drop table app.holders; alter table app.kinds alter column k type bigint; create table app.holders (kind app.kinds);
-- case: function over a table's row made again
-- before
create table app.kinds (k integer) partition by list (k); create function app.label(r app.kinds) returns text language sql as 'select r.k::text';
-- change
drop function app.label(app.kinds); drop table app.kinds; create table app.kinds (k integer) partition by range (k); create function app.label(r app.kinds) returns text language sql as 'select r.k::text';
-- case: range type with a multirange of its own name
create type app.times as range (subtype = time, multirange_type_name = app.many_times); create table app.hours (open app.many_times default '{}');
-- case: range type in a column
-- before
create table app.spans (s app.span);
-- change
drop table app.spans; drop type app.span; create type app.span as range (subtype = bigint); create table app.spans (s app.span);
-- case: function in another language
create or replace function app.slug(name text) returns text language plpgsql immutable as 'begin return lower(name); end';
-- case: function becomes a procedure
drop function app.next_id() cascade; create procedure app.next_id() language sql as 'select 1'; alter table app.notes alter column id set default 1;
-- case: function costs
alter function app.slug(text) cost 7 parallel safe strict leakproof; alter function app.next_id() volatile cost 3;
-- case: function settings
alter function app.slug(text) set work_mem = '8MB'; alter function app.slug(text) set search_path = app, pg_temp; alter function app.next_id() set "app.x" = 'it''s';
-- case: overloads
create function app.slug(name text, n integer) returns text language sql as 'select name'; create function app.slug(variadic names text[]) returns text language sql as 'select names[1]';
-- case: function out parameters
-- before
create function app.parts(a text, out b text, out c integer) language sql as 'select a, 1';
-- change
drop function app.parts(text); create function app.parts(a text, out b text, out d bigint) language sql as 'select a, 1::bigint';
-- case: function of a generated column with another result
-- before
create function app.rank(n integer) returns integer language sql immutable as 'select n'; create table app.ranked (n integer, r integer generated always as (app.rank(n)) stored); create index ranked_r on app.ranked (r);
-- change
drop table app.ranked; drop function app.rank(integer); create function app.rank(n integer) returns bigint language sql immutable as 'select n::bigint'; create table app.ranked (n integer, r integer generated always as (app.rank(n)) stored); create index ranked_r on app.ranked (r);
-- case: function of a domain's check made again
-- before
create function app.fine(t text) returns boolean language sql immutable as 'select true'; create domain app.fined as text check (app.fine(value)); create table app.fines (f app.fined);
-- change
drop table app.fines; drop domain app.fined; drop function app.fine(text); create function app.fine(word text) returns boolean language sql immutable as 'select true'; create domain app.fined as text check (app.fine(value)); create table app.fines (f app.fined);
-- case: function of a partition key made again
-- before
create function app.bucket(n integer) returns integer language sql immutable as 'select n % 7'; create table app.buckets (n integer) partition by list (app.bucket(n)); create table app.buckets_0 partition of app.buckets for values in (0);
-- change
drop table app.buckets; drop function app.bucket(integer); create function app.bucket(x integer) returns integer language sql immutable as 'select x % 7'; create table app.buckets (n integer) partition by list (app.bucket(n)); create table app.buckets_0 partition of app.buckets for values in (0);
-- case: function that a trigger calls, with another owner of rights
alter function app.touch() security definer set search_path = app;
-- case: aggregate changed under a view
-- before
create aggregate app.total (integer) (sfunc = int4pl, stype = integer, initcond = '0'); create view app.totals as select app.total(position) as t from app.notes;
-- change
drop view app.totals; drop aggregate app.total (integer); create aggregate app.total (integer) (sfunc = int4pl, stype = integer, initcond = '1', parallel = safe); create view app.totals as select app.total(position) as t from app.notes;
-- case: aggregates of other kinds
create aggregate app.nothing (*) (sfunc = int8inc, stype = int8, initcond = '0'); create aggregate app.middle (double precision order by anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra); comment on aggregate app.nothing (*) is 'counts'; grant execute on function app.nothing() to anon;
-- case: operator changed
-- before
create operator app.=== (leftarg = text, rightarg = text, function = texteq, restrict = eqsel);
-- change
drop operator app.=== (text, text); create operator app.=== (leftarg = text, rightarg = text, function = texteq, commutator = operator(app.===), restrict = eqsel, join = eqjoinsel, merges);
-- case: operator family with more members
-- before
create operator family app.fam using btree; create operator class app.odd_ops for type integer using btree family app.fam as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(integer, integer);
-- change
alter operator family app.fam using btree add operator 1 < (integer, bigint), operator 3 = (integer, bigint), function 1 (integer, bigint) btint48cmp(integer, bigint);
-- case: operator class of an index changed
-- before
create operator class app.odd_ops for type integer using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(integer, integer); create index notes_odd on app.notes (position app.odd_ops);
-- change
drop index app.notes_odd; drop operator class app.odd_ops using btree; drop operator family app.odd_ops using btree; create operator class app.odd_ops for type integer using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(integer, integer), function 4 btequalimage(oid); create index notes_odd on app.notes (position app.odd_ops);
-- case: cast changed
-- before
create function app.to_mood(integer) returns app.mood language sql as 'select ''ok''::app.mood'; create cast (integer as app.mood) with function app.to_mood(integer) as assignment; create cast (app.mood as varchar) with inout;
-- change
drop cast (integer as app.mood); create cast (integer as app.mood) with function app.to_mood(integer); drop cast (app.mood as varchar); create cast (app.mood as varchar) with inout as implicit;
-- case: collation of a column changed
-- before
create collation app.words (provider = libc, locale = 'POSIX'); create table app.worded (w text collate app.words); create index worded_w on app.worded (w);
-- change
drop table app.worded; drop collation app.words; create collation app.words (provider = libc, locale = 'C'); create table app.worded (w text collate app.words); create index worded_w on app.worded (w);
-- case: text search changed
-- before
create text search dictionary app.plain (template = simple); create text search configuration app.conf (copy = simple); create table app.texts (t text, v tsvector generated always as (to_tsvector('app.conf', t)) stored);
-- change
alter text search configuration app.conf alter mapping for word, asciiword with app.plain, simple; alter text search configuration app.conf drop mapping for url; alter text search dictionary app.plain (stopwords = 'english', accept = false);
-- case: text search configuration under an index
-- before
create text search configuration app.conf (copy = simple); create index notes_words on app.notes using gin (to_tsvector('app.conf', body));
-- change
drop index app.notes_words; drop text search configuration app.conf; create text search configuration app.conf (copy = english); create index notes_words on app.notes using gin (to_tsvector('app.conf', body));
-- case: extension dropped with a column of its type
-- before
create extension hstore schema app; alter table app.tags add column attributes app.hstore; create index tags_attributes on app.tags using gin (attributes);
-- change
alter table app.tags drop column attributes; drop extension hstore;
-- case: serial becomes an identity
alter table app.tags alter column id drop default; drop sequence app.tags_id_seq; alter table app.tags alter column id add generated always as identity (start with 100);
-- case: sequence shared by two columns
alter table app.vehicles alter column id set default nextval('app.counter'); alter table app.notes alter column position set default nextval('app.counter');
-- case: sequence owned by another table
-- before
alter sequence app.counter owned by app.notes.position;
-- change
alter sequence app.counter owned by app.vehicles.wheels;
-- case: sequence dropped with its column
-- before
create sequence app.position_seq owned by app.notes.position; alter table app.notes alter column position set default nextval('app.position_seq');
-- change
alter table app.notes drop column position;
-- case: sequence unlogged
alter sequence app.counter set unlogged;
-- case: identity of another type
alter table app.notes drop constraint notes_owner_id_fkey; drop rule quiet on app.happy; drop view app.happy_notes; drop view app.happy; alter table app.owners alter column id type integer; create view app.happy as select id, name, mood, note from app.owners where mood = 'happy'; create view app.happy_notes as select n.id, n.title, app.slug(n.title) as slug, h.name from app.notes n join app.happy h on h.id = n.owner_id; create rule quiet as on delete to app.happy do instead nothing; alter table app.notes add constraint notes_owner_id_fkey foreign key (owner_id) references app.owners (id) on delete cascade;
-- case: table in another schema
create schema other; alter table app.tags set schema other; alter type app.span set schema other; alter function app.next_id() set schema other;
-- case: schema renamed
-- before
create schema small; create table small.t (id serial primary key, at date default now()); create view small.v as select * from small.t; create index on small.t (at);
-- change
alter schema small rename to tiny;
-- case: grants of many kinds
grant usage on language plpgsql to anon; grant references (id), select on app.owners to authenticated with grant option; revoke usage on schema public from public; grant references (title) on app.notes to anon;
-- case: grants on a language and a server
-- before
create foreign data wrapper files; create server here foreign data wrapper files;
-- change
grant usage on language plpgsql to anon; grant usage on foreign server here to anon; grant usage on foreign data wrapper files to authenticated;
-- case: grants of the public schema
revoke usage on schema public from public; grant usage on schema public to anon; grant create on schema public to authenticated;
-- case: grant option taken back
-- before
grant select, insert on app.owners to authenticated with grant option;
-- change
revoke grant option for insert on app.owners from authenticated;
-- case: grants passed on
grant select on app.owners to authenticated with grant option; set role authenticated; grant select on app.owners to service_role;
-- case: default grants of every kind
alter default privileges in schema app grant all on tables to anon with grant option; alter default privileges in schema app grant usage on types to anon; alter default privileges in schema app grant execute on functions to anon; alter default privileges grant usage on schemas to authenticated; alter default privileges revoke usage on types from public;
-- case: many kinds made under default grants
-- before
alter default privileges in schema app grant all on tables to anon; alter default privileges in schema app grant usage on types to anon; alter default privileges in schema app grant execute on functions to anon; alter default privileges in schema app grant all on sequences to anon with grant option; alter default privileges grant usage on schemas to authenticated; alter default privileges revoke usage on types from public; alter default privileges revoke execute on functions from public;
-- change
create schema made; create table app.kept (id bigint generated always as identity); create table app.closed (id serial); revoke all on app.closed, app.closed_id_seq from anon; create view app.shown as select 1 as one; revoke insert on app.shown from anon; create type app.opened as enum ('a'); grant usage on type app.opened to public; create type app.shut as (a integer); create function app.open() returns integer language sql as 'select 1'; grant execute on function app.open() to public; create function app.shut() returns integer language sql as 'select 1'; revoke execute on function app.shut() from anon; create aggregate app.sum2 (integer) (sfunc = int4pl, stype = integer); grant execute on function app.sum2(integer) to public; create schema bare; revoke usage on schema bare from authenticated; create procedure app.p(a integer, b text) language sql as 'select 1'; grant execute on procedure app.p(integer, text) to public;
-- case: default grants taken away while things are made
-- before
alter default privileges in schema app grant select on tables to anon;
-- change
alter default privileges in schema app revoke select on tables from anon; create table app.made (id integer);
-- case: policy that restricts
create policy narrow on app.notes as restrictive for delete to public using (owner_id in (select id from app.owners where score > 1));
-- case: policy of a table whose column another policy reads gets another type
-- before
create policy narrow on app.notes for delete using (owner_id in (select id from app.owners where score > 1));
-- change
drop policy narrow on app.notes; alter table app.owners alter column score type bigint; create policy narrow on app.notes for delete using (owner_id in (select id from app.owners where score > 1));
-- case: policy renamed and its roles
alter policy own on app.notes rename to mine; alter policy mine on app.notes to anon, authenticated;
-- case: row security of one partition
alter table app.events_1 enable row level security; create policy p on app.events_1 using (id > 0);
-- case: table attached as a partition
-- before
create table app.loose (kind text default 'x', id bigint not null, at date not null);
-- change
alter table app.events attach partition app.loose for values from ('2027-01-01') to ('2027-02-01');
-- case: partition of another table
-- before
create table app.others (id bigint not null, at date not null, kind text default 'x') partition by range (at);
-- change
alter table app.events detach partition app.events_2; alter table app.others attach partition app.events_2 for values from ('2026-02-01') to ('2026-03-01');
-- case: plain table becomes partitioned
drop table app.tags; create table app.tags (id integer, name text) partition by list (name);
-- case: hash partitions
create table app.hashed (id bigint, v text) partition by hash (id); create table app.hashed_0 partition of app.hashed for values with (modulus 2, remainder 0); create table app.hashed_1 partition of app.hashed for values with (modulus 2, remainder 1) with (fillfactor = 70); alter table app.hashed add primary key (id);
-- case: key of a partitioned table dropped
alter table app.events drop constraint events_pkey;
-- case: column of a partitioned table not null and renamed
alter table app.events alter column kind set not null; alter table app.events rename column kind to sort;
-- case: inheritance begun
-- before
create table app.bikes (id integer not null, wheels integer not null, gears integer);
-- change
alter table app.bikes inherit app.vehicles;
-- case: heir of two
create table app.priced (price numeric default 1); create table app.boats (wheels integer default 0, length integer) inherits (app.vehicles, app.priced);
-- case: default of an heir
alter table app.cars alter column wheels set default 4;
-- case: column type of an inherited table
alter table app.vehicles alter column wheels type bigint;
-- case: inherited column dropped and kept by the heir
alter table only app.vehicles drop column wheels;
-- case: typed table let go
-- before
create table app.places of app.address (street not null);
-- change
alter table app.places not of;
-- case: replica identity nothing
alter table app.notes replica identity nothing; alter table app.notes set without cluster;
-- case: toast and column settings
-- before
alter table app.notes alter column body set storage main; alter table app.notes alter column body set (n_distinct = 7, n_distinct_inherited = 9);
-- change
alter table app.notes alter column body set storage plain; alter table app.notes alter column body reset (n_distinct); alter table app.notes set (toast.vacuum_truncate = false, toast_tuple_target = 200);
-- case: column settings and type at once
-- before
alter table app.notes alter column body set statistics 10; alter table app.notes alter column body set storage external;
-- change
alter table app.notes alter column body type varchar(30); alter table app.notes alter column body set statistics 20;
-- case: column type of many families
create table app.wide (a char(3), b interval day to second(2), c bit varying(9), d timestamptz(3), e numeric(9,3)[], f "char", g int4range); alter table app.wide alter column a type char(5), alter column b type interval, alter column c type bit varying(20), alter column e type numeric(12,3)[];
-- case: column types changed
-- before
create table app.wide (a char(3) default 'x', b interval day to second(2), c bit varying(9), d timestamptz(3) default now(), e numeric(9,3)[], f jsonb, g integer default 1, h boolean);
-- change
alter table app.wide alter column a type char(5), alter column b type interval, alter column c type bit varying(20), alter column d type timestamp using d at time zone 'utc', alter column e type numeric(12,2)[], alter column f type text using f::text, alter column g drop default, alter column g type boolean using g <> 0, alter column g set default true, alter column h type integer using h::integer;
-- case: column of arrays
alter table app.notes alter column tags drop default; alter table app.notes alter column tags type text using tags::text; alter table app.notes alter column position type integer[] using array[position];
-- case: column dropped with all that stands on it
alter table app.notes drop column title cascade;
-- case: generated column made plain and another generated
alter table app.notes alter column slug drop expression; alter table app.notes add column slug2 text generated always as (lower(body) || 'x') stored; create index notes_slug2 on app.notes (slug2);
-- case: statistics on expressions
create statistics app.lengths on (length(title)), owner_id from app.notes; alter statistics app.lengths set statistics 300; alter statistics app.owner_stats set statistics 50;
-- case: column under statistics and an index gets another type
-- before
create statistics app.lengths on (position + 1), owner_id from app.notes; create index notes_next on app.notes ((position + 1));
-- change
drop statistics app.lengths; drop index app.notes_next; alter table app.notes alter column position type bigint; create statistics app.lengths on (position + 1), owner_id from app.notes; create index notes_next on app.notes ((position + 1));
-- case: comments on everything
comment on schema app is 'a'; comment on type app.mood is 'b'; comment on domain app.email is 'c'; comment on constraint email_check on domain app.email is 'd'; comment on column app.address.street is 'e'; comment on view app.happy is 'f'; comment on column app.happy.name is 'g'; comment on materialized view app.counts is 'h'; comment on column app.counts.notes is 'i'; comment on rule quiet on app.happy is 'j'; comment on statistics app.owner_stats is 'k'; comment on sequence app.counter is 'l'; comment on language plpgsql is 'm'; comment on constraint owners_pkey on app.owners is 'n'; comment on function app.next_id() is 'o'; comment on type app.span is 'p'; comment on schema public is 'q'; comment on column app.events_1.id is 'r';
-- case: comment on a domain's check that changes
-- before
comment on constraint email_check on domain app.email is 'mail'; alter domain app.email add constraint gone check (value <> 'x'); comment on constraint gone on domain app.email is 'gone';
-- change
alter domain app.email drop constraint email_check; alter domain app.email drop constraint gone; alter domain app.email add constraint email_check check (value like '%@%.%'); comment on constraint email_check on domain app.email is 'mail';
-- case: comment on a check that goes
-- before
comment on constraint title_is_short on app.notes is 'short';
-- change
alter table app.notes drop constraint title_is_short;
-- case: comments on what is made again
-- before
comment on constraint title_is_short on app.notes is 'short'; comment on index app.notes_owner is 'owner'; comment on policy own on app.notes is 'own'; comment on trigger touch on app.notes is 'touch'; comment on column app.happy.name is 'g'; comment on rule quiet on app.happy is 'j'; grant select (name) on app.happy to anon; alter view app.happy alter column note set default 'x';
-- change
alter table app.notes drop constraint title_is_short; alter table app.notes add constraint title_is_short check (length(title) < 100); comment on constraint title_is_short on app.notes is 'short'; drop index app.notes_owner; create index notes_owner on app.notes using hash (owner_id); comment on index app.notes_owner is 'owner'; drop rule quiet on app.happy; drop view app.happy_notes; drop view app.happy; alter table app.owners alter column name type varchar(50); create view app.happy as select id, name, mood, note from app.owners where mood = 'happy'; create view app.happy_notes as select n.id, n.title, app.slug(n.title) as slug, h.name from app.notes n join app.happy h on h.id = n.owner_id; create rule quiet as on delete to app.happy do instead nothing; comment on column app.happy.name is 'g'; comment on rule quiet on app.happy is 'j'; grant select (name) on app.happy to anon; alter view app.happy alter column note set default 'x'; drop trigger touch on app.notes; create trigger touch after update on app.notes for each row execute function app.touch(); comment on trigger touch on app.notes is 'touch';
-- case: event trigger changed
-- before
create function app.ddl() returns event_trigger language plpgsql as 'begin end'; create event trigger watch on ddl_command_end when tag in ('CREATE TABLE') execute function app.ddl(); comment on event trigger watch is 'w';
-- change
drop event trigger watch; create event trigger watch on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function app.ddl(); alter event trigger watch enable always; comment on event trigger watch is 'w';
-- case: foreign server and wrapper changed
-- before
create foreign data wrapper files; create server here foreign data wrapper files options (a 'b'); create foreign table app.far (id integer, v text) server here options (e 'f');
-- change
alter foreign data wrapper files options (add x 'y'); alter server here version '2' options (set a 'c', add d 'it''s'); alter foreign table app.far options (set e 'g'), alter column v options (add c 'd'), alter column id set not null; comment on foreign table app.far is 'far'; grant select on app.far to anon;
-- case: foreign table as a partition
create foreign data wrapper files; create server here foreign data wrapper files; create table app.days (at date, n integer) partition by range (at); create foreign table app.days_far partition of app.days for values from ('2030-01-01') to ('2030-02-01') server here;
-- case: trusted language and its functions
create function app.body() returns text language plpgsql as $x$ begin return $y$ a'b "c" \ $y$; end $x$;
-- case: conversion
create conversion app.conv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
-- case: odd names everywhere
create schema "S p.a"; create type "S p.a"."T ""y" as enum ('a''b', 'c;d', 'ü'); create domain "S p.a"."d d" as integer check (value > 0); create function "S p.a"."f f"("a b" integer) returns integer language sql as 'select 1'; create table "S p.a"."t;t" ("c.c" "S p.a"."T ""y" default 'c;d', "d d" "S p.a"."d d" constraint "k ON k" check ("d d" < 9)); create policy "p ON p" on "S p.a"."t;t" using (true); create trigger "tr ON tr" before insert on "S p.a"."t;t" for each row execute function app.touch(); create view "S p.a"."v v" as select * from "S p.a"."t;t"; create sequence "S p.a"."s s"; comment on policy "p ON p" on "S p.a"."t;t" is 'x'; comment on trigger "tr ON tr" on "S p.a"."t;t" is 'y'; comment on column "S p.a"."t;t"."c.c" is 'z'; grant select ("c.c") on "S p.a"."t;t" to anon; grant usage on schema "S p.a" to anon; grant execute on function "S p.a"."f f"(integer) to anon; comment on constraint "k ON k" on "S p.a"."t;t" is 'k';
-- case: odd names made again
-- before
create table app."t t" ("a.b" integer default 1 constraint "k k" check ("a.b" > 0), "c" text); create view app."v v" as select "a.b" from app."t t"; grant select on app."v v" to anon; comment on column app."v v"."a.b" is 'x'; create index "i;i" on app."t t" ("a.b");
-- change
drop view app."v v"; alter table app."t t" alter column "a.b" type bigint; create view app."v v" as select "a.b" from app."t t"; grant select on app."v v" to anon; comment on column app."v v"."a.b" is 'x';
-- case: names of one object in two kinds
drop view app.happy_notes; create materialized view app.happy_notes as select 1 as one; drop type app.span; create domain app.span as integer; drop sequence app.counter cascade; create table app.counter (id integer); 
-- case: table becomes a view
drop table app.tags; create view app.tags as select 1 as id, 'x'::text as name;
-- case: table becomes a type
drop table app.tags; create type app.tags as (id integer);
-- case: check without enforcement (18)
alter table app.owners add constraint loose check (score < 1000) not enforced; alter table app.notes drop constraint notes_owner_id_fkey; alter table app.notes add constraint notes_owner_id_fkey foreign key (owner_id) references app.owners (id) not enforced;
-- case: not null that is not valid (18)
alter table app.notes add constraint body_there not null body not valid;
-- case: not null validated (18)
-- before
alter table app.notes add constraint body_there not null body not valid;
-- change
alter table app.notes validate constraint body_there;
-- case: not null renamed and without heirs (18)
alter table app.vehicles rename constraint vehicles_wheels_not_null to wheels_there; alter table app.tags add constraint name_there not null name no inherit;
-- case: not null of an heir (18)
alter table app.cars alter column doors set not null; alter table app.vehicles alter column wheels drop not null;
-- case: generated when read (18)
alter table app.notes add column twice integer generated always as (position * 2) virtual;
-- case: generated when read instead of stored (18)
-- before
alter table app.notes add column twice integer generated always as (position * 2) stored;
-- change
alter table app.notes drop column twice; alter table app.notes add column twice integer generated always as (position * 2) virtual;
-- case: key over time (18)
create table app.stays (room int4range, during daterange, primary key (room, during without overlaps)); create table app.bills (room int4range, during daterange, foreign key (room, period during) references app.stays (room, period during));
-- case: identity of a partitioned table (18)
create table app.numbered (id bigint generated always as identity, n integer) partition by list (n); create table app.numbered_1 partition of app.numbered for values in (1);
-- case: right to maintain (18)
grant maintain on app.owners to authenticated;
