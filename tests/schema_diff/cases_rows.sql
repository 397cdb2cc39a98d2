-- case: partition stays, its table goes
-- before
create table app.log (id bigint not null, at date not null, kind text default 'x', primary key (id, at)) partition by range (at); create table app.log_1 partition of app.log for values from ('2026-01-01') to ('2026-02-01'); create table app.log_2 partition of app.log for values from ('2026-02-01') to ('2026-03-01'); create index log_kind on app.log (kind); insert into app.log values (1, '2026-01-05'), (2, '2026-02-05');
-- change
alter table app.log detach partition app.log_1; drop table app.log;
-- case: partitions stay, their table goes, with all that they have of it
-- before
create table app.log (id bigint not null, owner_id bigint references app.owners (id), at date not null check (at > '2000-01-01'), kind text default 'x' not null, primary key (id, at), unique (kind, at)) partition by range (at); create table app.log_1 partition of app.log for values from ('2026-01-01') to ('2026-02-01'); create table app.log_2 partition of app.log default; create index log_kind on app.log (kind) where kind <> 'y'; create trigger touch before update on app.log for each row execute function app.touch(); comment on table app.log is 'all'; grant select on app.log to anon; insert into app.log (id, at) values (1, '2026-01-05'), (2, '2026-02-05');
-- change
alter table app.log detach partition app.log_1; alter table app.log detach partition app.log_2; drop table app.log; alter table app.log_1 drop constraint log_owner_id_fkey, drop constraint log_1_pkey, drop constraint log_at_check; drop index app.log_1_kind_idx; create trigger touch before update on app.log_2 for each row execute function app.touch();
-- case: partitions stay under another table while their own goes
-- before
create table app.log (id bigint not null, owner_id bigint references app.owners (id), at date not null check (at > '2000-01-01'), primary key (id, at)) partition by range (at); create table app.log_1 partition of app.log for values from ('2026-01-01') to ('2026-02-01'); create table app.log_2 partition of app.log default; create index log_owner on app.log (owner_id); create trigger touch before update on app.log for each row execute function app.touch(); insert into app.log (id, at) values (1, '2026-01-05'), (2, '2026-02-05');
-- change
create table app.journal (id bigint not null, owner_id bigint references app.owners (id), at date not null check (at > '2000-01-01'), primary key (id, at)) partition by range (at); create index journal_owner on app.journal (owner_id); alter table app.log detach partition app.log_1; alter table app.log detach partition app.log_2; drop table app.log; alter table app.log_1 rename constraint log_at_check to journal_at_check; alter table app.log_2 rename constraint log_at_check to journal_at_check; alter table app.journal attach partition app.log_1 for values from ('2026-01-01') to ('2026-02-01'); alter table app.journal attach partition app.log_2 for values from ('2026-02-01') to ('2026-03-01');
-- case: partitioned table renamed
-- before
create table app.log (id bigint not null, owner_id bigint references app.owners (id), at date not null check (at > '2000-01-01'), primary key (id, at)) partition by range (at); create table app.log_1 partition of app.log for values from ('2026-01-01') to ('2026-02-01'); create table app.log_2 partition of app.log default; create index log_owner on app.log (owner_id); create trigger touch before update on app.log for each row execute function app.touch(); insert into app.log (id, at) values (1, '2026-01-05'), (2, '2026-02-05');
-- change
alter table app.log rename to journal;
-- case: partition split
-- before
create table app.log (id bigint not null, at date not null, primary key (id, at)) partition by range (at); create table app.log_1 partition of app.log for values from ('2026-01-01') to ('2026-03-01'); create index log_at on app.log (at); insert into app.log (id, at) values (1, '2026-01-05');
-- change
alter table app.log detach partition app.log_1; alter table app.log attach partition app.log_1 for values from ('2026-01-01') to ('2026-02-01'); create table app.log_2 partition of app.log for values from ('2026-02-01') to ('2026-03-01');
-- case: partition replaced by two others
-- before
create table app.log (id bigint not null, at date not null, primary key (id, at)) partition by range (at); create table app.log_1 partition of app.log for values from ('2026-01-01') to ('2026-03-01');
-- change
drop table app.log_1; create table app.log_a partition of app.log for values from ('2026-01-01') to ('2026-02-01'); create table app.log_b partition of app.log for values from ('2026-02-01') to ('2026-03-01');
-- case: bounds of two partitions swapped
-- before
create table app.log (n integer not null, kind text) partition by list (n); create table app.log_1 partition of app.log for values in (1); create table app.log_2 partition of app.log for values in (2);
-- change
alter table app.log detach partition app.log_1; alter table app.log detach partition app.log_2; alter table app.log attach partition app.log_1 for values in (2); alter table app.log attach partition app.log_2 for values in (1);
-- case: partition with another bound, and a column and a check more
-- before
create table app.log (n integer not null, kind text, owner_id bigint references app.owners) partition by list (n); create table app.log_1 partition of app.log for values in (1); create table app.log_2 partition of app.log for values in (2); create index on app.log (kind); insert into app.log (n, kind) values (1, 'a'), (2, 'b');
-- change
alter table app.log detach partition app.log_1; alter table app.log add column extra integer default 5, add constraint short check (length(kind) < 9), drop column owner_id; alter table app.log_1 add column extra integer default 5, add constraint short check (length(kind) < 9), drop column owner_id; alter table app.log attach partition app.log_1 for values in (1, 3);
-- case: partition detached, and its table has a column less and a key otherwise
-- before
create table app.log (n integer not null, kind text, owner_id bigint references app.owners) partition by list (n); create table app.log_1 partition of app.log for values in (1); create table app.log_2 partition of app.log for values in (2); insert into app.log (n, kind) values (1, 'a'), (2, 'b');
-- change
alter table app.log detach partition app.log_1; alter table app.log drop column owner_id, add column more text, alter column kind type varchar(30); alter table app.log_1 alter column n drop not null;
-- case: partition of a partition goes a level up
-- before
create table app.geo (area text not null, at date not null, owner_id bigint references app.owners, primary key (area, at)) partition by list (area); create table app.geo_x partition of app.geo for values in ('x') partition by range (at); create table app.geo_x0 partition of app.geo_x for values from ('2026-01-01') to ('2026-02-01'); create index geo_at on app.geo (at); insert into app.geo values ('x', '2026-01-03');
-- change
alter table app.geo detach partition app.geo_x; alter table app.geo_x detach partition app.geo_x0; drop table app.geo_x; alter table app.geo attach partition app.geo_x0 for values in ('x');
-- case: partition of a partition stays, both its tables go
-- before
create table app.geo (area text not null, at date not null, owner_id bigint references app.owners, primary key (area, at)) partition by list (area); create table app.geo_x partition of app.geo for values in ('x') partition by range (at); create table app.geo_x0 partition of app.geo_x for values from ('2026-01-01') to ('2026-02-01'); create index geo_at on app.geo (at); insert into app.geo values ('x', '2026-01-03');
-- change
alter table app.geo_x detach partition app.geo_x0; drop table app.geo;
-- case: partitioned partition detached with its own
-- before
create table app.geo (area text not null, at date not null, owner_id bigint references app.owners, primary key (area, at)) partition by list (area); create table app.geo_x partition of app.geo for values in ('x') partition by range (at); create table app.geo_x0 partition of app.geo_x for values from ('2026-01-01') to ('2026-02-01'); create index geo_at on app.geo (at); create trigger touch before update on app.geo for each row execute function app.touch(); insert into app.geo values ('x', '2026-01-03');
-- change
alter table app.geo detach partition app.geo_x; alter table app.geo_x drop constraint geo_owner_id_fkey;
-- case: partition detached whose trigger is off
-- before
create trigger touch before update on app.events for each row execute function app.touch(); alter table app.events_1 disable trigger touch; insert into app.events values (1, '2026-01-02');
-- change
alter table app.events detach partition app.events_1;
-- case: partition detached from a table that others refer to
-- before
create table app.of_events (id bigint, at date, foreign key (id, at) references app.events (id, at)); insert into app.events values (1, '2026-01-02'), (2, '2026-02-02'); insert into app.of_events values (2, '2026-02-02');
-- change
alter table app.events detach partition app.events_1;
-- case: table of partitions becomes a view
-- before
create table app.log (n integer not null, kind text) partition by list (n); create table app.log_1 partition of app.log for values in (1); insert into app.log values (1, 'a');
-- change
alter table app.log detach partition app.log_1; drop table app.log; create view app.log as select * from app.log_1;
-- case: table of partitions becomes plain
-- before
create table app.log (n integer not null, kind text) partition by list (n); create table app.log_1 partition of app.log for values in (1); insert into app.log values (1, 'a');
-- change
alter table app.log detach partition app.log_1; drop table app.log; create table app.log (n integer not null, kind text);
-- case: identity of a partition that leaves (18)
-- before
create table app.numbered (id bigint generated always as identity, n integer) partition by list (n); create table app.numbered_1 partition of app.numbered for values in (1); insert into app.numbered (n) values (1);
-- change
alter table app.numbered detach partition app.numbered_1; alter table app.numbered_1 alter column id add generated always as identity;
-- case: heir stays, its parent goes
-- before
create table app.beasts (id integer primary key, legs integer not null default 4 check (legs > 0)); create table app.dogs (name text) inherits (app.beasts); insert into app.dogs values (1, 4, 'rex'); insert into app.beasts values (2);
-- change
alter table app.dogs no inherit app.beasts; drop table app.beasts;
-- case: heir stays, and its parent becomes a view
-- before
create table app.beasts (id integer, legs integer not null default 4 check (legs > 0)); create table app.dogs (name text) inherits (app.beasts); insert into app.dogs values (1, 4, 'rex');
-- change
alter table app.dogs no inherit app.beasts; drop table app.beasts; create view app.beasts as select id, legs from app.dogs;
-- case: heir leaves while its parent loses a column and a check
-- before
create table app.beasts (id integer, legs integer not null default 4, constraint legged check (legs > 0)); create table app.dogs (name text) inherits (app.beasts); insert into app.dogs values (1, 4, 'rex');
-- change
alter table app.dogs no inherit app.beasts; alter table app.beasts drop column legs;
-- case: heir leaves while its parent's column gets another type
-- before
create table app.beasts (id integer, legs integer not null default 4); create table app.dogs (name text) inherits (app.beasts); insert into app.dogs values (1, 4, 'rex');
-- change
alter table app.dogs no inherit app.beasts; alter table app.beasts alter column legs type text; alter table app.dogs alter column legs type bigint;
-- case: heir keeps the column that its parent loses
-- before
create table app.beasts (id integer, legs integer not null default 4, constraint legged check (legs > 0)); create table app.dogs (name text) inherits (app.beasts); create table app.cats (name text) inherits (app.beasts); insert into app.dogs values (1, 4, 'rex'); insert into app.cats values (1, 4, 'tom');
-- change
alter table only app.beasts drop column legs; alter table app.cats drop column legs;
-- case: heir keeps the check that its parent loses
-- before
create table app.beasts (id integer, legs integer not null default 4, constraint legged check (legs > 0), constraint few check (legs < 9)); create table app.dogs (name text) inherits (app.beasts);
-- change
alter table only app.beasts drop constraint legged; alter table app.beasts drop constraint few;
-- case: heir has a column of its own that its parent gets
-- before
create table app.beasts (id integer); create table app.dogs (legs integer default 4, name text) inherits (app.beasts); insert into app.dogs values (1, 4, 'rex');
-- change
alter table app.beasts add column legs integer default 4;
-- case: heir has a check of its own that its parent gets
-- before
create table app.beasts (id integer, legs integer); create table app.dogs (name text, constraint legged check (legs > 0)) inherits (app.beasts); insert into app.dogs values (1, 4, 'rex');
-- change
alter table app.beasts add constraint legged check (legs > 0);
-- case: heir of two tables of which one goes
-- before
create table app.beasts (id integer, legs integer); create table app.pets (id integer, name text); create table app.dogs (bark text) inherits (app.beasts, app.pets); insert into app.dogs values (1, 4, 'rex', 'wuff');
-- change
alter table app.dogs no inherit app.pets; drop table app.pets;
-- case: heir moves to another parent of the same columns
-- before
create table app.beasts (id integer, legs integer); create table app.dogs (bark text) inherits (app.beasts); insert into app.dogs values (1, 4, 'wuff');
-- change
create table app.animals (id integer, legs integer); alter table app.dogs no inherit app.beasts; alter table app.dogs inherit app.animals; drop table app.beasts;
-- case: parent of heirs renamed
-- before
create table app.beasts (id integer, legs integer); create table app.dogs (bark text) inherits (app.beasts); insert into app.dogs values (1, 4, 'wuff');
-- change
alter table app.beasts rename to animals;
-- case: heir of an heir stays, both its parents go
-- before
create table app.beasts (id integer, legs integer check (legs > 0)); create table app.dogs (bark text not null) inherits (app.beasts); create table app.puppies (age integer) inherits (app.dogs); insert into app.puppies values (1, 4, 'wuff', 1);
-- change
alter table app.puppies no inherit app.dogs; drop table app.dogs; drop table app.beasts;
