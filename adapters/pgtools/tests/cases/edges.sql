create table plain (
    b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(20, 4), t text, v varchar(40), c char(8), y bytea, u uuid, d date,
    ti time, tz timetz, ts timestamp, tstz timestamptz(3), iv interval, j json, jb jsonb, ba bool[], ia int[], na numeric[], ta text[], jba jsonb[],
    tsa timestamptz[]
);
insert into plain values
    (true, -32768, -2147483648, -9223372036854775808, 'NaN', '-Infinity', 'NaN', -1234567890123456.7890, E'tab\tnew\nline \\ \u00e9\U0001F600', '', 'ab',
     '\x00ff0a5c', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '-infinity', '24:00', '23:59:59.999999-15:59', 'infinity', '4713-01-01 00:00 BC',
     '-178000000 years', '{ "a" :  1, "a": 2 }', '{"a": [1.50, null, "\u00e9"]}', '{}', '[2:3]={7,NULL}', '{NaN,1e-20}', '{"",NULL,"NULL","a,b"}',
     array['1'::jsonb, '{"x": {}}'], '{infinity,2001-01-01 00:00+00}'),
    (false, 32767, 2147483647, 9223372036854775807, '1e-45', '5e-324', '0.00000000000000000000', 0, repeat('x', 300000), repeat('y', 40), '', '', null,
     '5874897-12-31', '00:00:00.000001', '00:00+14', '0001-01-01', 'now', '1 mon -3 days 00:00:00.000001', 'null', 'null', '{t,f,NULL}', '{{1,2},{3,4}}',
     null, null, null, null);
insert into plain select * from plain;
create type mood as enum ('fine');
create domain short as text check (length(value) < 9);
create table with_enum (like plain, own mood default 'fine');
create table with_domain (like plain, own short default 'x');
create table generated (like plain, g int generated always as (i4 / 2) stored);
insert into with_enum select * from plain;
insert into with_domain select * from plain;
insert into generated select * from plain;
create table empty (id int);
create table no_columns ();
insert into no_columns default values;
insert into no_columns default values;
