-- What came after PostgreSQL 15.
create table app.virtual (a int not null, b int generated always as (a * 2), c text generated always as ('v' || a) virtual, d int generated always as (a + 1) stored);
insert into app.virtual (a) select generate_series(1, 20);
create table app.virtual_only (a int generated always as (7) virtual);
insert into app.virtual_only default values;
create table app.named_not_null (a int constraint a_is_there not null, b int constraint "b is there" not null no inherit, c int, d int);
alter table app.named_not_null add constraint c_later not null c not valid;
comment on constraint a_is_there on app.named_not_null is 'named';
create table app.named_heir (b int constraint heirs_own not null) inherits (app.named_not_null);
create table app.not_enforced (id int primary key, parent int, n int constraint n_positive check (n > 0) not enforced,
    constraint no_parent foreign key (parent) references app.not_enforced not enforced);
insert into app.not_enforced values (1, 77, -5);
create table app.stays (room int, during daterange, who text, constraint stays_key primary key (room, during without overlaps));
create table app.visits (id int, room int, during daterange, unique (id, during without overlaps),
    constraint during_stay foreign key (room, period during) references app.stays (room, period during));
insert into app.stays values (1, '[2024-01-01,2024-02-01)', 'a'), (1, '[2024-02-01,2024-03-01)', 'b');
insert into app.visits values (1, 1, '[2024-01-15,2024-02-15)');
create collation app.built_in (provider = builtin, locale = 'C.UTF-8');
create table app.parted_identity (id int generated always as identity, at date) partition by range (at);
create table app.parted_identity_1 partition of app.parted_identity for values from ('2024-01-01') to ('2025-01-01');
insert into app.parted_identity (at) values ('2024-05-05');
create table app.parted_virtual (a int, b int generated always as (a + 1)) partition by range (a);
create table app.parted_virtual_1 partition of app.parted_virtual for values from (0) to (100);
create table app.defaulted_storage (a text storage default, b int);
alter table app.defaulted_storage alter column b set statistics default;
grant maintain on app.virtual to writer;
alter default privileges grant select on large objects to reader;
create view app.merged as select * from json_table('[{"a": 1}]', '$[*]' columns (a int path '$.a', n for ordinality)) t;
create function app.returning_old() returns void language sql begin atomic
    merge into app.keys k using app.eggs e on k.a = e.hen when not matched by source then delete when matched then update set c = 7;
end;
