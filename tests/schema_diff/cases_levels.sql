-- case: indexes of partitions on two levels renamed
-- before
create table app.p (k int, j int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1) partition by list (j); create table app.p11 partition of app.p1 for values in (1); create table app.p12 partition of app.p1 for values in (2); create index pi on app.p (c); comment on index app.p11_c_idx is 'a part'; comment on index app.p1_c_idx is 'parts';
-- change
alter index app.p1_c_idx rename to zz; alter index app.p11_c_idx rename to "Aa"; comment on index app."Aa" is 'another';
-- case: indexes of partitions of the first level renamed
-- before
create table app.p (k int, j int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1) partition by list (j); create table app.p11 partition of app.p1 for values in (1); create index pi on app.p (c);
-- change
alter index app.p1_c_idx rename to zz;
-- case: options of indexes of partitions on two levels
-- before
create table app.p (k int, j int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1) partition by list (j); create table app.p11 partition of app.p1 for values in (1); create index pi on app.p (c); alter index app.p1_c_idx rename to z; alter index app.p11_c_idx rename to a;
-- change
alter index app.a set (fillfactor = 70);
-- case: statistics of indexes of partitions on two levels
-- before
create table app.p (k int, j int, c int) partition by list (k); create table app.p1 partition of app.p for values in (1) partition by list (j); create table app.p11 partition of app.p1 for values in (1); create index pi on app.p ((c + 1)); alter index app.p1_expr_idx rename to z; alter index app.p11_expr_idx rename to a;
-- change
alter index app.z alter column 1 set statistics 100; alter index app.a alter column 1 set statistics 200; alter index app.a set (fillfactor = 70);
-- case: keys of partitions on two levels renamed, with other options
-- before
create table app.p (k int, j int, c int, primary key (k, j)) partition by list (k); create table app.p1 partition of app.p for values in (1) partition by list (j); create table app.p11 partition of app.p1 for values in (1); comment on constraint p11_pkey on app.p11 is 'the key';
-- change
alter table app.p1 rename constraint p1_pkey to zz; alter table app.p11 rename constraint p11_pkey to aa; alter index app.aa set (fillfactor = 70);
