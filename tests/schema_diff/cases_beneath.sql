-- case: type beneath a generated column that a check speaks of
-- before
create table app.t (a int, c int, g text generated always as ('x' || a::text) stored, constraint k check (g <> ''), constraint two check (g <> c::text), constraint other check (c > 0)); insert into app.t (a, c) values (1, 2); comment on constraint k on app.t is 'x';
-- change
alter table app.t drop column g; alter table app.t alter column a type bigint; alter table app.t add column g text generated always as ('x' || a::text) stored, add constraint k check (g <> ''), add constraint two check (g <> c::text); comment on constraint k on app.t is 'x';
-- case: another expression of a generated column that a check speaks of
-- before
create table app.t (a int, g int generated always as (a + 1) stored, constraint k check (g > 0), constraint two check (g > a)); insert into app.t values (1);
-- change
alter table app.t drop column g; alter table app.t add column g int generated always as (a + 2) stored, add constraint k check (g > 1), add constraint two check (g > a);
-- case: function beneath a generated column that a check speaks of
-- before
create function app.twice(int) returns int language sql immutable as 'select $1 * 2'; create table app.t (a int, g int generated always as (app.twice(a)) stored, constraint k check (g > 0)); comment on constraint k on app.t is 'kept';
-- change
alter table app.t drop column g; drop function app.twice(int); create function app.twice(x int) returns int language sql immutable as 'select x * 2'; alter table app.t add column g int generated always as (app.twice(a)) stored, add constraint k check (g > 0); comment on constraint k on app.t is 'kept';
-- case: type beneath a generated column that checks of a partitioned table speak of
-- before
create table app.p (k int, a int, g text generated always as ('x' || a::text) stored, constraint k check (g <> '')) partition by list (k); create table app.p1 partition of app.p for values in (1); alter table app.p1 add constraint own check (g <> 'y'); insert into app.p (k, a) values (1, 2);
-- change
alter table app.p drop column g; alter table app.p alter column a type bigint; alter table app.p add column g text generated always as ('x' || a::text) stored, add constraint k check (g <> ''); alter table app.p1 add constraint own check (g <> 'y');
-- case: generated when read, beneath a check (18)
-- before
create table app.t (a int, g int generated always as (a * 2) virtual, constraint c check (g > 0)); create view app.v as select g from app.t;
-- change
drop view app.v; alter table app.t drop g; alter table app.t add g int generated always as (a * 3) virtual, add constraint c check (g > 0); create view app.v as select g from app.t;
-- case: check of a partitioned table becomes its partition's own
-- before
create table app.p (k int, a int, constraint kk check (a > 0)) partition by list (k); create table app.p1 partition of app.p for values in (1); create table app.p2 partition of app.p for values in (2); comment on constraint kk on app.p1 is 'own';
-- change
alter table app.p drop constraint kk; alter table app.p1 add constraint kk check (a > 0); comment on constraint kk on app.p1 is 'own';
-- case: function beneath a check of a partitioned table
-- before
create function app.fine(int) returns boolean language sql immutable as 'select true'; create table app.p (k int, a int, constraint kk check (app.fine(a))) partition by list (k); create table app.p1 partition of app.p for values in (1);
-- change
alter table app.p drop constraint kk; drop function app.fine(int); create function app.fine(x int) returns boolean language sql immutable as 'select true'; alter table app.p add constraint kk check (app.fine(a));
-- case: sequence that its dropped column owned
-- before
create table app.t (id serial, n int); insert into app.t (n) values (1), (2);
-- change
alter sequence app.t_id_seq owned by none; alter table app.t drop column id;
-- case: sequence that a table owned which becomes a view
-- before
create table app.t (id serial, n int);
-- change
alter sequence app.t_id_seq owned by none; drop table app.t; create view app.t as select id as n from app.tags;
-- case: sequence that a dropped table owned
-- before
create table app.t (id serial, n int);
-- change
alter sequence app.t_id_seq owned by none; drop table app.t;
-- case: options of an index of a partition
-- before
create table app.p (k int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1); create index pi on app.p (c);
-- change
alter index app.p1_c_idx set (fillfactor = 70);
-- case: index of a partition renamed, said of and marked
-- before
create table app.p (k int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1); create index pi on app.p (c); comment on index app.p1_c_idx is 'a part';
-- change
alter index app.p1_c_idx rename to "Other"; alter table app.p1 cluster on "Other"; alter index app."Other" set (fillfactor = 70); comment on index app."Other" is null;
-- case: options of a key of a partition, and another's name
-- before
create table app.p (k int primary key, c int) partition by list (k); create table app.p1 partition of app.p for values in (1); create table app.p2 partition of app.p for values in (2); comment on constraint p2_pkey on app.p2 is 'the key';
-- change
alter index app.p1_pkey set (fillfactor = 70); alter table app.p2 rename constraint p2_pkey to other; create table app.of_p (k int references app.p);
-- case: statistics of an index of a partition
-- before
create table app.p (k int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1); create index pi on app.p ((c + 1));
-- change
alter index app.p1_expr_idx alter column 1 set statistics 100;
-- case: indexes of two partitions swap names
-- before
create table app.p (k int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1); create table app.p2 partition of app.p for values in (2); create index pi on app.p (c);
-- change
alter index app.p1_c_idx rename to spare; alter index app.p2_c_idx rename to p1_c_idx; alter index app.spare rename to p2_c_idx;
-- case: comments on what forbids NULL, which goes (18)
-- before
create table app.t (a int constraint nn not null, b int not null, c int constraint cc not null); comment on constraint nn on app.t is 'x'; comment on constraint t_b_not_null on app.t is 'y'; comment on constraint cc on app.t is 'z';
-- change
alter table app.t alter a drop not null; alter table app.t alter b drop not null; alter table app.t drop c;
-- case: comments on what forbids NULL, which gets another name (18)
-- before
create table app.t (a int constraint nn not null, b int constraint bb not null); comment on constraint nn on app.t is 'x'; comment on constraint bb on app.t is 'y';
-- change
alter table app.t rename constraint nn to mm; alter table app.t rename constraint bb to aa; comment on constraint aa on app.t is null;
-- case: comment on what forbids NULL in a domain, which goes (18)
-- before
create domain app.d as int constraint dd not null; comment on constraint dd on domain app.d is 'x'; create table app.t (a app.d);
-- change
alter domain app.d drop not null;
-- case: comment on what forbids NULL in a column that is made again (18)
-- before
create table app.t (a int, g int constraint gg not null generated always as (a + 1) virtual); comment on constraint gg on app.t is 'x';
-- change
alter table app.t drop g; alter table app.t add g int constraint gg not null generated always as (a + 2) virtual; comment on constraint gg on app.t is 'x';
-- case: generated when read no more (18)
-- before
create table app.t (a int, g int generated always as (a * 2) virtual); insert into app.t values (1); create view app.v as select g from app.t;
-- change
drop view app.v; alter table app.t drop g; alter table app.t add g int; create view app.v as select g from app.t;
-- case: generated and kept instead of generated when read (18)
-- before
create table app.t (a int, g int generated always as (a * 2) virtual); insert into app.t values (1);
-- change
alter table app.t drop g; alter table app.t add g int generated always as (a * 2) stored;
-- case: type of an inherited column, and all that stands on it in the heir
-- before
create table app.p (c int, d int); create table app.h (g bigint generated always as (c * 2) stored, constraint hc check (g > 0)) inherits (app.p); create table app.hh () inherits (app.h); create view app.on_h as select c from app.h; create view app.on_hh as select c, g from app.hh; alter table app.h enable row level security; create policy q on app.h using (c > 0); create trigger tr before update of c on app.h for each row execute function app.touch(); insert into app.h (c) values (1); create index hi on app.h (c) where c > 3;
-- change
drop view app.on_h; drop view app.on_hh; drop policy q on app.h; drop trigger tr on app.h; alter table app.h drop column g; alter table app.p alter c type bigint; alter table app.h add g bigint generated always as (c * 2) stored, add constraint hc check (g > 0); create view app.on_h as select c from app.h; create view app.on_hh as select c, g from app.hh; create policy q on app.h using (c > 0); create trigger tr before update of c on app.h for each row execute function app.touch();
-- case: default of an heir that does not follow the type
-- before
create table app.p (a text); create table app.h () inherits (app.p); alter table app.h alter a set default '5';
-- change
alter table app.h alter a drop default; alter table app.p alter a type int using a::int; alter table app.h alter a set default 5;
-- case: inherited column dropped that a view of the heir spoke of
-- before
create table app.p (c int, e int); create table app.h (d int) inherits (app.p); create view app.w as select d from app.h where c > 0;
-- change
create or replace view app.w as select d from app.h; alter table app.p drop column c;
-- case: expression of an inherited column, with a view of the heir
-- before
create table app.p (a int, g int generated always as (a * 2) stored); create table app.h () inherits (app.p); create view app.w as select g from app.h;
-- change
drop view app.w; alter table app.p drop g; alter table app.p add g int generated always as (a * 3) stored; create view app.w as select g from app.h;
-- case: partition and heir go with their views, and a column of the parents changes
-- before
create table app.p (k int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1); create table app.p2 partition of app.p for values in (2); create view app.w2 as select c from app.p2; create table app.q (c int, d int); create table app.q2 () inherits (app.q); create view app.v2 as select c, d from app.q2;
-- change
drop view app.w2; drop table app.p2; alter table app.p alter c type bigint; drop view app.v2; drop table app.q2; alter table app.q alter c type bigint, drop column d;
-- case: column that an heir keeps as its own, with a view of that
-- before
create table app.p (c int, d int); create table app.h (c int) inherits (app.p); create view app.w as select c from app.h;
-- change
alter table app.p drop column c;
-- case: attribute dropped that views and bodies read
-- before
create type app.a as (x text, z text, y text); create table app.t (v app.a); insert into app.t values (row('1', '2', '3')); create view app.w as select (v).x, (v).y from app.t; create view app.other as select (v).z from app.t;
-- change
create or replace view app.w as select (v).x, null::text as y from app.t; alter type app.a drop attribute y;
-- case: type of an attribute that a view reads, and no column has
-- before
create type app.a as (x int, y int); create view app.w as select (row(1, 2)::app.a).y as y; create function app.f(a app.a) returns int language sql return (a).x;
-- change
drop view app.w; alter type app.a alter attribute y type bigint; create view app.w as select (row(1, 2)::app.a).y as y;
-- case: sequence and identity turned round
-- before
create sequence app.s; create table app.t (id int generated always as identity, n int); select nextval('app.s'); insert into app.t (n) values (1);
-- change
drop sequence app.s; create sequence app.s increment by -1; alter table app.t alter id drop identity; alter table app.t alter id add generated always as identity (increment by -1);
-- case: type beneath a materialized view of whole rows
-- before
create table app.t (c int, d text); insert into app.t values (1, 'x'); create materialized view app.mv as select t from app.t t;
-- change
drop materialized view app.mv; alter table app.t alter c type bigint; create materialized view app.mv as select t from app.t t;
-- case: new column of each row's own while another table has the row type
-- before
create table app.t (c int); create table app.u (x app.t); insert into app.t values (1); create table app.other (c int); create materialized view app.mv as select o from app.other o;
-- change
drop table app.u; alter table app.t add column k uuid default gen_random_uuid(); create table app.u (x app.t); drop materialized view app.mv; alter table app.other add column k uuid default gen_random_uuid(); create materialized view app.mv as select o from app.other o;
-- case: partition's own check of a column that its parent loses
-- before
create table app.p (k int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1); alter table app.p1 add constraint own check (c > 0);
-- change
alter table app.p drop column c;
-- case: new column with a value while others hold the row type
-- before
create table app.t (c int); insert into app.t values (1); create materialized view app.mv as select t from app.t t;
-- change
drop materialized view app.mv; alter table app.t add column n int default 0; create materialized view app.mv as select t from app.t t;
