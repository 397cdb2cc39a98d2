-- case: not null named anew (18)
-- before
create table app.named (a integer constraint there not null, b integer not null, c integer primary key); insert into app.named values (1, 2, 3);
-- change
alter table app.named rename constraint there to named_a_not_null; alter table app.named rename constraint named_b_not_null to b_there; alter table app.named rename constraint named_c_not_null to c_there;
-- case: not null no more its heirs' (18)
-- before
create table app.kin (a integer constraint there not null, b integer not null); create table app.kin_of (c integer) inherits (app.kin); insert into app.kin_of values (1, 2, 3);
-- change
alter table app.kin alter constraint there no inherit; alter table app.kin alter constraint kin_b_not_null no inherit;
-- case: not null of one table that its heirs get (18)
-- before
create table app.kin (a integer, b integer); create table app.kin_of (c integer) inherits (app.kin); alter table app.kin add not null a no inherit, add constraint b_there not null b no inherit; insert into app.kin_of values (1, 2, 3);
-- change
alter table app.kin alter constraint kin_a_not_null inherit; alter table app.kin alter constraint b_there inherit;
-- case: not null of one table comes and goes (18)
-- before
create table app.kin (a integer, b integer, c integer not null); create table app.kin_of (d integer) inherits (app.kin); alter table app.kin add not null a no inherit;
-- change
alter table app.kin alter column a drop not null; alter table app.kin add constraint b_there not null b no inherit;
-- case: not null of an inherited column, by a name and by none (18)
-- before
create table app.kin (a integer, b integer); create table app.kin_of (c integer) inherits (app.kin); insert into app.kin_of values (1, 2, 3);
-- change
alter table app.kin_of add constraint there not null a; alter table app.kin_of alter column b set not null;
-- case: not null not valid of a partitioned table (18)
-- before
create table app.parted (n integer, a integer) partition by list (n); create table app.parted_1 partition of app.parted for values in (1); insert into app.parted values (1, 2);
-- change
alter table app.parted add constraint there not null a not valid;
-- case: not null of a partitioned table named anew (18)
-- before
create table app.parted (n integer, a integer not null) partition by list (n); create table app.parted_1 partition of app.parted for values in (1); insert into app.parted values (1, 2);
-- change
alter table app.parted rename constraint parted_a_not_null to there;
-- case: not null validated, of a column that gets another type (18)
-- before
create table app.checked (a integer, b text); alter table app.checked add constraint there not null a not valid; insert into app.checked values (1, 'x');
-- change
alter table app.checked validate constraint there; alter table app.checked alter column a type bigint;
-- case: names that hold the end of a line
do $$ begin create role "a
role"; exception when others then null; end $$; create schema "s
s"; create table "s
s"."t
t" ("c
c" integer generated always as identity primary key, "d
d" text not null default 'x
y'); create sequence "s
s"."q
q"; create view "s
s"."v
v" as select "c
c" from "s
s"."t
t"; create function "s
s"."f
f"("a
a" integer) returns integer language sql as 'select 1'; grant select on "s
s"."t
t" to "a
role"; grant select ("c
c"), update ("d
d") on "s
s"."t
t" to anon; grant execute on function "s
s"."f
f"(integer) to "a
role"; grant usage on sequence "s
s"."q
q" to "a
role" with grant option; revoke all on function "s
s"."f
f"(integer) from public; alter default privileges in schema "s
s" grant select on tables to "a
role"; comment on column "s
s"."t
t"."d
d" is 'd
d';
-- case: grants on names that hold the end of a line
-- before
do $$ begin create role "a
role"; exception when others then null; end $$; create table app."t
  t" ("c
  c" integer, "d" text); grant select on app."t
  t" to "a
role"; create materialized view app."m
m" as select 1 as one;
-- change
revoke select on app."t
  t" from "a
role"; grant insert on app."t
  t" to "a
role" with grant option; grant select ("c
  c") on app."t
  t" to anon; alter table app."t
  t" alter column "c
  c" type bigint; drop materialized view app."m
m"; create materialized view app."m
m" as select 2::bigint as two;
-- case: attribute of a composite type that a column has gets another type
-- before
create type app.point as (x integer, y integer); create domain app.spot as app.point check ((value).x > 0); create table app.points (id integer primary key, p app.point not null default row(1, 2), ps app.point[], s app.spot); create view app.shown as select (p).x as x from app.points; create function app.of_point(p app.point) returns integer language sql as 'select p.x'; insert into app.points values (1, row(1, 2), array[row(3, 4)::app.point], row(5, 6));
-- change
drop function app.of_point; drop view app.shown; drop table app.points; drop domain app.spot; drop type app.point; create type app.point as (x integer, y numeric); create domain app.spot as app.point check ((value).x > 0); create table app.points (id integer primary key, p app.point not null default row(1, 2), ps app.point[], s app.spot); create view app.shown as select (p).x as x from app.points; create function app.of_point(p app.point) returns integer language sql as 'select p.x';
-- case: attribute added to a composite type that columns have
-- before
create type app.point as (x integer, y integer); create table app.points (id integer primary key, p app.point, ps app.point[]); insert into app.points values (1, row(1, 2), array[row(3, 4)::app.point]);
-- change
alter type app.point add attribute z text collate "C";
-- case: attributes of a composite type that a column has change places
-- before
create type app.point as (x text, y text); create table app.points (id integer primary key, p app.point); insert into app.points values (1, row('x', 'y'));
-- change
drop table app.points; drop type app.point; create type app.point as (y text, x text); create table app.points (id integer primary key, p app.point);
-- case: composite type of typed tables
-- before
create type app.place as (street text, zip text); create table app.places of app.place (street with options not null); insert into app.places values ('a', 'b');
-- change
alter type app.place add attribute city text cascade; alter type app.place alter attribute zip type varchar(9) cascade;
-- case: composite type within a composite type
-- before
create type app.inner_one as (a integer); create type app.outer_one as (i app.inner_one, n integer); create table app.of_outer (o app.outer_one); insert into app.of_outer values (row(row(1), 2));
-- change
drop table app.of_outer; drop type app.outer_one; drop type app.inner_one; create type app.inner_one as (a bigint); create type app.outer_one as (i app.inner_one, n integer); create table app.of_outer (o app.outer_one);
-- case: logged and unlogged over foreign keys
-- before
create table app.a_first (id integer primary key); create table app.b_second (id integer primary key, a integer references app.a_first); create table app.c_third (id integer, b integer references app.b_second, a integer references app.a_first); insert into app.a_first values (1); insert into app.b_second values (1, 1); insert into app.c_third values (1, 1, 1);
-- change
alter table app.c_third set unlogged; alter table app.b_second set unlogged; alter table app.a_first set unlogged;
-- case: logged and unlogged over foreign keys the other way
-- before
create table app.z_first (id integer primary key, up integer references app.z_first); create table app.y_second (id integer primary key, z integer references app.z_first); insert into app.z_first values (1, 1); insert into app.y_second values (1, 1);
-- change
alter table app.y_second set unlogged; alter table app.z_first set unlogged;
-- case: logged and unlogged around a circle
-- before
create table app.one (id integer primary key, two integer); create table app.two (id integer primary key, one integer references app.one); alter table app.one add constraint one_two foreign key (two) references app.two; insert into app.one values (1); insert into app.two values (1, 1); update app.one set two = 1;
-- change
alter table app.one drop constraint one_two; alter table app.two set unlogged; alter table app.one set unlogged; alter table app.one add constraint one_two foreign key (two) references app.two;
-- case: check of a partitioned table that changes
-- before
create table app.parted (n integer, a integer, constraint small check (a < 10), constraint big check (a > 0)) partition by list (n); create table app.parted_1 partition of app.parted for values in (1); insert into app.parted values (1, 2);
-- change
alter table app.parted drop constraint small; alter table app.parted add constraint small check (a < 100); alter table app.parted_1 add constraint own check (a < 50);
-- case: check of a partitioned table validated
-- before
create table app.parted (n integer, a integer) partition by list (n); create table app.parted_1 partition of app.parted for values in (1); insert into app.parted values (1, 2); alter table app.parted add constraint small check (a < 10) not valid;
-- change
alter table app.parted validate constraint small;
-- case: check of heirs that changes
-- before
create table app.kin (a integer, constraint small check (a < 10), constraint big check (a > 0)); create table app.kin_of (c integer) inherits (app.kin); insert into app.kin_of values (1, 2);
-- change
alter table app.kin drop constraint small; alter table app.kin add constraint small check (a < 100); alter table app.kin drop constraint big; alter table app.kin add constraint big check (a > 0) no inherit;
-- case: check of heirs validated
-- before
create table app.kin (a integer, b integer); create table app.kin_of (c integer) inherits (app.kin); insert into app.kin_of values (1, 2, 3); alter table app.kin add constraint small check (a < 10) not valid; comment on constraint small on app.kin is 's'; create function app.low(integer) returns bool immutable language sql as 'select true'; alter table app.kin add constraint low check (app.low(b)) not valid;
-- change
alter table app.kin validate constraint small; alter table app.kin validate constraint low; create or replace function app.low(integer) returns bool immutable language sql as 'select $1 < 100';
-- case: check validated whose function is made again
-- before
create table app.checked (a integer, b integer); create function app.low(n integer) returns bool immutable language sql as 'select true'; alter table app.checked add constraint low check (app.low(b)) not valid; insert into app.checked values (1, 2);
-- change
alter table app.checked drop constraint low; drop function app.low; create function app.low(m integer) returns bool immutable language sql as 'select true'; alter table app.checked add constraint low check (app.low(b));
-- case: check validated and changed
-- before
create table app.checked (a integer, b integer); alter table app.checked add constraint low check (b < 10) not valid; insert into app.checked values (1, 2);
-- change
alter table app.checked drop constraint low; alter table app.checked add constraint low check (b < 11);
-- case: enum value renamed that no row has
-- before
create type app.state as enum ('new', 'open', 'done'); create table app.states (id integer primary key, s app.state not null default 'new', ss app.state[]); create index on app.states (s) where s <> 'done'; create view app.of_states as select id from app.states where s = 'new'; insert into app.states values (1, 'new', '{done,new}');
-- change
alter type app.state rename value 'open' to 'doing';
-- case: extension of an older version
-- before
create extension hstore schema app version '1.4';
-- change
alter extension hstore update to '1.8';
-- case: extension of an older version made
create extension hstore schema app version '1.6';
