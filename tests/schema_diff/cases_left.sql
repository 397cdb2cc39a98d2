-- case: attribute in the middle of a type that columns have, and who reads it
-- before
create type app.a as (x text, y text); create table app.t (v app.a); insert into app.t values (row('1', '2')); create view app.w as select (v).x from app.t;
-- change
drop view app.w; drop table app.t; drop type app.a; create type app.a as (x text, m text, y text); create table app.t (v app.a); create view app.w as select (v).x, (v).m from app.t; create view app.ww as select w.m from app.w; comment on view app.ww is 'x'; comment on column app.ww.m is 'y'; grant select on app.ww to anon; create materialized view app.mv as select (v).m as m from app.t; create index on app.mv (m); create function app.f() returns text language sql return (select (v).m from app.t limit 1); create policy p on app.tags using (app.f() is not null); comment on column app.a.m is 'in the middle'; create table app.new (a app.a, b text default (row('1', '2', '3')::app.a).m); create table app.plain (a app.a); create view app.fine as select (v).x from app.t;
-- case: column of a table that is partitioned otherwise, and who reads it
-- before
create table app.p (k int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1); create view app.v as select c from app.p;
-- change
drop table app.p cascade; create table app.p (k int, c int, n int) partition by list (c); create table app.p1 partition of app.p for values in (1); create table app.p2 partition of app.p for values in (2); create view app.v as select c, n from app.p; create view app.other as select k, c from app.p; comment on column app.p.n is 'new'; comment on column app.p.c is 'old'; grant select (n) on app.p to anon; grant update (c) on app.p to anon; create function app.f() returns bigint language sql begin atomic select sum(n) from app.p; end; create rule r as on insert to app.tags do also insert into app.p (n) values (1); create sequence app.s owned by app.p.n;
-- case: result of a function that a key of partitions calls, and who calls it
-- before
create function app.key(a int) returns int language sql immutable as 'select a'; create table app.p (a int) partition by range (app.key(a)); create table app.p1 partition of app.p for values from (1) to (10); create view app.w as select 1 as one;
-- change
drop table app.p; drop function app.key; create function app.key(a int) returns bigint language sql immutable as 'select a::bigint'; create table app.p (a int) partition by range (app.key(a)); create table app.p1 partition of app.p for values from (1) to (10); create or replace view app.w as select 1 as one, app.key(2) as two; create view app.v as select app.key(1) as key; create table app.t (c int, b bigint default app.key(3), d bigint generated always as (app.key(4)) stored); alter table app.tags add column k bigint default app.key(1); create index on app.tags (app.key(id)); create function app.calls() returns bigint language sql as 'select app.key(1)';
-- case: domain of a key of partitions, and who computes by it
-- before
create domain app.d as int; create table app.p (k app.d, c int) partition by list (k); create table app.p1 partition of app.p for values in (1);
-- change
drop table app.p; drop domain app.d; create domain app.d as bigint; create table app.p (k app.d, c int) partition by list (k); create table app.p1 partition of app.p for values in (1); create view app.v as select k + 1 as n from app.p; create view app.w as select c from app.p; create table app.t (a app.d); create view app.vt as select a + 1 as n from app.t; create function app.f(a app.d) returns bigint language sql return a + 1;
-- case: label of an enum that is a key of partitions, and who says it
-- before
create type app.e as enum ('a', 'b', 'c'); create table app.p (k app.e, c int) partition by list (k); create table app.p1 partition of app.p for values in ('a');
-- change
drop table app.p; drop type app.e; create type app.e as enum ('d', 'a'); create table app.p (k app.e, c int) partition by list (k); create table app.p1 partition of app.p for values in ('a'); create view app.v as select k = 'd' as is_d from app.p; create table app.t (a app.e, b app.e default 'd'); create table app.u (a app.e); create view app.w as select k from app.p; alter table app.tags add column e app.e default 'd';
-- case: heir and partition of a table that is left
-- before
create table app.p (k int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1); create function app.key(a int) returns int language sql immutable as 'select a';
-- change
drop table app.p; create table app.p (k int, c int, n int) partition by list (c); create table app.p1 partition of app.p for values in (1); alter table app.p1 add constraint own check (k > 0); create view app.v as select n from app.p1;
-- case: what a view that is left reads goes
-- before
create type app.a as (x text, y text); create table app.t (v app.a); insert into app.t values (row('1', '2')); create function app.f() returns int language sql as 'select 1'; create table app.r (i int, j int); create view app.w as select (v).x, app.f() as f, r.i from app.t, app.r;
-- change
drop view app.w; drop table app.t; drop type app.a; create type app.a as (x text, m text, y text); create table app.t (v app.a); create view app.w as select (v).x, (v).m from app.t; drop function app.f; alter table app.r drop column i;
-- case: function made again beneath a trigger of a table that is left
-- before
create table app.p (k int, c int) partition by list (k); create function app.fire() returns trigger language plpgsql as 'begin return new; end'; create trigger tr before insert on app.p for each row execute function app.fire();
-- change
drop table app.p; drop function app.fire; create function app.fire() returns trigger language plpgsql as 'begin return new; end' cost 7; create table app.p (k int, c int) partition by list (c); create trigger tr before insert on app.p for each row execute function app.fire();
-- case: wrapper of a server that somebody has a mapping on goes with it
-- before
create foreign data wrapper w; create server s foreign data wrapper w; create user mapping for anon server s; create foreign table app.f (a int) server s;
-- change
drop server s cascade; drop foreign data wrapper w;
-- case: wrapper of a server that somebody has a mapping on
-- before
create foreign data wrapper w; create server s foreign data wrapper w; create user mapping for anon server s;
-- change
drop server s cascade; drop foreign data wrapper w; create foreign data wrapper w options (a 'b'); create server s foreign data wrapper w; create user mapping for anon server s;
