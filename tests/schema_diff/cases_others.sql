-- case: schema added
create schema extra; create table extra.t (id integer); grant usage on schema extra to anon;
-- case: extension added
create extension hstore schema app;
-- case: extension in another schema
-- before
create extension hstore schema app;
-- change
alter extension hstore set schema public;
-- case: column of an extension's type
create extension hstore schema app; alter table app.tags add column attributes app.hstore; create index tags_attributes on app.tags using gin (attributes);
-- case: enum added and used
create type app.level as enum ('low', 'high'); alter table app.notes add column level app.level default 'low';
-- case: enum value last
alter type app.mood add value 'great';
-- case: enum value in the middle
alter type app.mood add value 'fine' after 'ok';
-- case: enum value first
alter type app.mood add value 'awful' before 'sad';
-- case: enum value and a default that is it
alter type app.mood add value 'great';
-- case: enum value renamed
alter type app.mood rename value 'ok' to 'okay';
-- case: enum values in another order
-- before
create type app.size as enum ('s', 'm'); create table app.shirts (size app.size default 's', sizes app.size[]); create view app.small as select * from app.shirts where size = 's'; create function app.is_small(s app.size) returns boolean language sql as 'select true';
-- change
drop view app.small; drop function app.is_small(app.size); drop table app.shirts; drop type app.size; create type app.size as enum ('m', 's', 'l'); create table app.shirts (size app.size default 's', sizes app.size[]); create view app.small as select * from app.shirts where size = 's'; create function app.is_small(s app.size) returns boolean language sql as 'select true';
-- case: enum renamed
alter type app.mood rename to feeling;
-- case: composite type attribute added
alter type app.address add attribute city text;
-- case: composite type attribute type
-- before
create type app.point as (x integer, y integer);
-- change
alter type app.point alter attribute y type numeric;
-- case: composite type in use changed
-- before
create type app.point as (x integer, y integer); create table app.points (p app.point);
-- change
drop table app.points; drop type app.point; create type app.point as (x integer, z text); create table app.points (p app.point);
-- case: domain check
alter domain app.email add constraint not_long check (length(value) < 99);
-- case: domain check changed
alter domain app.email drop constraint email_check; alter domain app.email add constraint email_check check (value like '%@%.%');
-- case: domain default and not null
alter domain app.email set default 'a@b'; alter domain app.email set not null;
-- case: domain on another type
alter table app.owners alter column email type text; drop domain app.email; create domain app.email as varchar(90) check (value like '%@%'); alter table app.owners alter column email type app.email;
-- case: range type added
create type app.floats as range (subtype = float8, subtype_diff = float8mi);
-- case: range type changed
drop type app.span; create type app.span as range (subtype = bigint);
-- case: function added
create function app.twice(n integer, out r integer) language sql as 'select n * 2';
-- case: function body
create or replace function app.slug(name text) returns text language sql immutable as 'select upper(name)';
-- case: function volatility and settings
alter function app.is_owner(bigint) volatile security definer set search_path = app;
-- case: function result under others
drop rule quiet on app.happy; drop view app.happy_notes; drop index app.notes_slug; alter table app.notes drop constraint has_slug; drop function app.slug(text); create function app.slug(name text) returns varchar language sql immutable as 'select lower(name)'; create view app.happy_notes as select n.id, n.title, app.slug(n.title) as slug, h.name from app.notes n join app.happy h on h.id = n.owner_id; create index notes_slug on app.notes (app.slug(title)); alter table app.notes add constraint has_slug check (app.slug(title) <> ''); create rule quiet as on delete to app.happy do instead nothing;
-- case: function of a default with another result
alter table app.notes alter column id drop default; drop function app.next_id(); create function app.next_id() returns integer language sql as 'select 7'; alter table app.notes alter column id set default app.next_id();
-- case: function argument renamed under a policy
drop policy own on app.notes; drop function app.is_owner(bigint); create function app.is_owner(owner bigint) returns boolean language sql stable as 'select true'; revoke all on function app.is_owner(bigint) from public; create policy own on app.notes for all to authenticated using (app.is_owner(owner_id)) with check (true);
-- case: function default argument
create or replace function app.slug(name text, sep text default '-') returns text language sql immutable as 'select lower(name)';
-- case: function default argument taken away
-- before
create function app.pad(t text, n integer default 3) returns text language sql as 'select t';
-- change
drop function app.pad(text, integer); create function app.pad(t text, n integer) returns text language sql as 'select t';
-- case: function with a body that reads like a dump
create function app.odd() returns text language plpgsql as $f$ begin
--
-- Name: t; Type: TABLE; Schema: app; Owner: x
--
return 'CREATE TABLE x (); $$ ;'; end $f$;
-- case: function with a standard body
create function app.std(a integer) returns bigint language sql begin atomic select a; select count(*) from app.notes where owner_id = a; end;
-- case: function returning a table
create function app.all_notes() returns setof app.notes language sql as 'select * from app.notes'; create function app.pairs() returns table (a integer, b text) language sql as 'select 1, ''x''::text';
-- case: procedure
create procedure app.run(inout n integer) language plpgsql as 'begin n := n + 1; end';
-- case: aggregate
create aggregate app.total (integer) (sfunc = int4pl, stype = integer, initcond = '0');
-- case: operator
create operator app.=== (leftarg = text, rightarg = text, function = texteq);
-- case: operator class
create operator class app.odd_ops for type integer using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(integer, integer);
-- case: cast
create function app.to_mood(integer) returns app.mood language sql as 'select ''ok''::app.mood'; create cast (integer as app.mood) with function app.to_mood(integer) as assignment;
-- case: collation
create collation app.german (provider = libc, locale = 'C');
-- case: text search
create text search dictionary app.simple_dict (template = simple, stopwords = 'english'); create text search configuration app.conf (copy = simple); alter text search configuration app.conf alter mapping for word with app.simple_dict;
-- case: view added
create view app.titles with (security_barrier) as select title from app.notes;
-- case: view with further columns
create or replace view app.happy as select id, name, mood, note, score from app.owners where mood = 'happy';
-- case: view condition
create or replace view app.happy as select id, name, mood, note from app.owners where mood <> 'sad';
-- case: view with other columns under another
drop view app.happy_notes; drop rule quiet on app.happy; drop view app.happy; create view app.happy as select id, upper(name) as name, note from app.owners where mood = 'happy'; create view app.happy_notes as select n.id, n.title, app.slug(n.title) as slug, h.name from app.notes n join app.happy h on h.id = n.owner_id; create rule quiet as on delete to app.happy do instead nothing;
-- case: view options
alter view app.happy set (security_barrier = true, check_option = local);
-- case: view dropped
drop view app.happy_notes;
-- case: view becomes a table
drop view app.happy_notes; create table app.happy_notes (id integer);
-- case: view with triggers
create trigger instead instead of insert on app.happy for each row execute function app.touch();
-- case: view default
alter view app.happy alter column note set default 'n';
-- case: materialised view changed
drop materialized view app.counts; create materialized view app.counts as select owner_id, count(*) as notes, max(id) as last from app.notes group by owner_id; create unique index counts_owner on app.counts (owner_id);
-- case: materialised view over another
create materialized view app.busy as select owner_id from app.counts where notes > 9; create index busy_owner on app.busy (owner_id);
-- case: trigger added
create trigger after_touch after insert or update of title on app.notes for each row when (new.title <> '') execute function app.touch();
-- case: trigger disabled
alter table app.notes disable trigger touch;
-- case: constraint trigger
create constraint trigger late after insert on app.notes deferrable initially deferred for each row execute function app.touch();
-- case: event trigger
create function app.ddl() returns event_trigger language plpgsql as 'begin end'; create event trigger watch on ddl_command_end when tag in ('CREATE TABLE') execute function app.ddl(); alter event trigger watch disable;
-- case: rule
create rule no_delete as on delete to app.tags do instead nothing;
-- case: policy added
create policy readable on app.notes for select to anon using (true);
-- case: policy changed
alter policy own on app.notes to anon using (owner_id > 0);
-- case: row security on and forced
alter table app.owners enable row level security; alter table app.owners force row level security;
-- case: row security off
alter table app.notes disable row level security;
-- case: sequence added
create sequence app.numbers as smallint start 5 increment 2 maxvalue 99 cycle;
-- case: sequence changed
alter sequence app.counter increment 10 maxvalue 10000 cycle;
-- case: sequence type
alter sequence app.counter as integer;
-- case: sequence owner
alter sequence app.counter owned by app.notes.id;
-- case: statistics added
create statistics app.note_stats (ndistinct, mcv) on title, body from app.notes;
-- case: statistics changed
drop statistics app.owner_stats; create statistics app.owner_stats (mcv) on name, note from app.owners;
-- case: comment added
comment on function app.slug(text) is 'a slug'; comment on constraint title_is_short on app.notes is 'c'; comment on index app.notes_owner is 'i'; comment on trigger touch on app.notes is 't'; comment on policy own on app.notes is 'p';
-- case: comment changed
comment on table app.owners is 'who owns IS ''all''';
-- case: comment taken away
comment on column app.owners.note is null;
-- case: grant added
grant insert, delete on app.owners to authenticated with grant option;
-- case: grant changed
revoke select on app.owners from anon; grant insert on app.owners to anon;
-- case: grant on columns
grant update (body) on app.notes to authenticated;
-- case: grant on a table and columns
-- before
grant select on app.notes to authenticated;
-- change
revoke select on app.notes from authenticated; grant select (id, title), update (title) on app.notes to authenticated;
-- case: grant on a function
grant execute on function app.is_owner(bigint) to authenticated; revoke all on function app.slug(text) from public;
-- case: grant on a type and a sequence
revoke usage on type app.mood from public; grant usage on sequence app.counter to anon; grant create on schema app to authenticated;
-- case: default grants
alter default privileges in schema app grant select on tables to anon; alter default privileges revoke execute on functions from public;
-- case: table made under default grants
-- before
alter default privileges in schema app grant select, insert on tables to anon; alter default privileges in schema app grant usage on sequences to anon;
-- change
create table app.secret (id serial primary key); revoke all on app.secret from anon;
-- case: view made again keeps its grants
-- before
grant select on app.happy to anon; comment on view app.happy is 'kept';
-- change
drop rule quiet on app.happy; drop view app.happy_notes; drop view app.happy; alter table app.owners alter column note type text; create view app.happy as select id, name, mood, note from app.owners where mood = 'happy'; create view app.happy_notes as select n.id, n.title, app.slug(n.title) as slug, h.name from app.notes n join app.happy h on h.id = n.owner_id; create rule quiet as on delete to app.happy do instead nothing; grant select on app.happy to anon; comment on view app.happy is 'kept';
-- case: foreign table
create foreign data wrapper files; create server here foreign data wrapper files options (a 'b'); create foreign table app.far (id integer not null, v text options (c 'd')) server here options (e 'f');
-- case: foreign table changed
-- before
create foreign data wrapper files; create server here foreign data wrapper files; create foreign table app.far (id integer) server here; create view app.near as select id from app.far;
-- change
alter foreign table app.far add column v text;
-- case: public schema gone
drop schema public;
-- case: many at once
alter table app.owners add column role text default 'x'; create type app.kind as enum ('a'); alter table app.notes add column kind app.kind; alter type app.mood add value 'great'; drop view app.happy_notes; create view app.happy_notes as select n.id, n.kind, h.name from app.notes n join app.happy h on h.id = n.owner_id; alter table app.notes drop column body; drop table app.tags; create or replace function app.touch() returns trigger language plpgsql as 'begin return old; end'; grant select on app.happy_notes to anon;
