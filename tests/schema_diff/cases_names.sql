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
