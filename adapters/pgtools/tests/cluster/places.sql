-- Of the rows that it makes, those of `known` are told from others by a condition, and those of `versions` are not.
create table known (id int primary key, name text not null);
insert into known values (1, 'one'), (2, 'two');
create table steps (id int primary key, plan int references known on delete cascade, config int);
create table config (id serial primary key, of regclass not null, kept interval, doubled int generated always as (2) stored);
alter table steps add foreign key (config) references config;
create table versions (key text primary key, value text);
insert into versions values ('version', '1.0');
create table kinds (n int primary key);
insert into kinds values (1);
select pg_catalog.pg_extension_config_dump('steps', '');
select pg_catalog.pg_extension_config_dump('known', 'where not (id in (1, 2))');
select pg_catalog.pg_extension_config_dump('config', '');
select pg_catalog.pg_extension_config_dump('config_id_seq', '');
select pg_catalog.pg_extension_config_dump('versions', '');
create schema place_data;
