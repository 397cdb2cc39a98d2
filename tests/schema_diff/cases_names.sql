-- case: operators of one name
-- before
create function app.same(int, int) returns boolean language sql immutable as 'select $1 = $2'; create function app.same(text, text) returns boolean language sql immutable as 'select $1 = $2'; create operator app.=== (leftarg = text, rightarg = text, function = app.same); create view app.v as select 'a'::text operator(app.===) 'b'::text as x; comment on operator app.=== (text, text) is 'of texts';
-- change
create operator app.=== (leftarg = int, rightarg = int, function = app.same, commutator = operator(app.===)); comment on operator app.=== (int, int) is 'of numbers';
-- case: operators of one name, one of which changes
-- before
create function app.same(int, int) returns boolean language sql immutable as 'select $1 = $2'; create function app.same(text, text) returns boolean language sql immutable as 'select $1 = $2'; create function app.none(int) returns boolean language sql immutable as 'select false'; create operator app.=== (leftarg = int, rightarg = int, function = app.same); create operator app.=== (leftarg = text, rightarg = text, function = app.same); create operator app.=== (rightarg = int, function = app.none); create view app.v as select 'a'::text operator(app.===) 'b'::text as x;
-- change
drop operator app.=== (int, int); drop view app.v; drop operator app.=== (text, text); create operator app.=== (leftarg = text, rightarg = text, function = app.same, commutator = operator(app.===)); create view app.v as select 'a'::text operator(app.===) 'b'::text as x;
-- case: operator classes and families of one name for two access methods
-- before
create operator class app.oc for type int using hash as operator 1 =, function 1 hashint4(int); create operator class app.oc for type int using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(int, int); create operator family app.fam using hash; create operator family app.fam using btree; create table app.t (a int); create index i on app.t (a app.oc);
-- change
drop operator family app.oc using hash; drop operator family app.fam using hash; comment on operator family app.fam using btree is 'sorted'; comment on operator class app.oc using btree is 'sorted';
-- case: function that an extension brings from now on
-- before
create function app.soundex(text) returns text language sql immutable as 'select $1'; create view app.v as select app.soundex('x') as s; create table app.t (a text, b text generated always as (app.soundex(a)) stored); create index i on app.t (app.soundex(a)); create function app.calls() returns text language sql return app.soundex('a');
-- change
drop function app.calls; drop view app.v; drop table app.t; drop function app.soundex; create extension fuzzystrmatch schema app; create view app.v as select app.soundex('x') as s; create table app.t (a text, b text generated always as (app.soundex(a)) stored); create index i on app.t (app.soundex(a)); create function app.calls() returns text language sql return app.soundex('a');
-- case: type that an extension brings from now on
-- before
create domain app.citext as text; create table app.t (a app.citext, b int); insert into app.t values ('x', 1); create view app.v as select a from app.t;
-- change
drop view app.v; drop table app.t; drop domain app.citext; create extension citext schema app; create table app.t (a app.citext, b int); create view app.v as select a from app.t;
-- case: types with long names and names that are taken step aside
-- before
create type app.a_label_that_has_a_name_of_more_than_forty_letters_1 as enum ('a', 'b'); create type app.a_label_that_has_a_name_of_more_than_forty_letters_2 as enum ('a', 'b'); create type app."it""s" as enum ('a', 'b'); create type app.some as enum ('a', 'b'); create type app.some__replaced as enum ('x'); create table app.t (x app.a_label_that_has_a_name_of_more_than_forty_letters_1, y app.a_label_that_has_a_name_of_more_than_forty_letters_2, z app."it""s", m app.some); insert into app.t values ('a', 'a', 'a', 'a');
-- change
drop table app.t; drop type app.a_label_that_has_a_name_of_more_than_forty_letters_1, app.a_label_that_has_a_name_of_more_than_forty_letters_2, app."it""s", app.some; create type app.some as enum ('a', 'c'); create type app.a_label_that_has_a_name_of_more_than_forty_letters_1 as enum ('a', 'c'); create type app.a_label_that_has_a_name_of_more_than_forty_letters_2 as enum ('a', 'c'); create type app."it""s" as enum ('a', 'c'); create table app.t (x app.a_label_that_has_a_name_of_more_than_forty_letters_1, y app.a_label_that_has_a_name_of_more_than_forty_letters_2, z app."it""s", m app.some);
