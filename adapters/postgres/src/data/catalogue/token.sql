-- A text that is another one after any DDL: what it is made of are the ids of all catalogue rows of this database's own objects and the transactions
-- that wrote them. ANALYZE and VACUUM do not change it. Temporary objects do not count.
with
temporary as (select oid from pg_namespace where nspname like 'pg\_temp\_%' or nspname like 'pg\_toast\_temp\_%'),
rel as materialized (select oid, xmin from pg_class where oid >= 16384 and relnamespace not in (select oid from temporary)),
mark(catalogue, id, sub, writer) as (
  select 1, oid, 0, xmin from pg_namespace where oid not in (select oid from temporary)
  union all select 2, oid, 0, xmin from rel
  union all select 3, a.attrelid, a.attnum, a.xmin from pg_attribute a join rel on rel.oid = a.attrelid
  union all select 4, d.oid, 0, d.xmin from pg_attrdef d join rel on rel.oid = d.adrelid
  union all select 5, i.indexrelid, 0, i.xmin from pg_index i join rel on rel.oid = i.indexrelid
  union all select 6, oid, 0, xmin from pg_constraint where oid >= 16384 and connamespace not in (select oid from temporary)
  union all select 7, r.oid, 0, r.xmin from pg_rewrite r join rel on rel.oid = r.ev_class
  union all select 8, p.oid, 0, p.xmin from pg_policy p
  union all select 9, oid, 0, xmin from pg_type where oid >= 16384 and typnamespace not in (select oid from temporary)
  union all select 10, oid, 0, xmin from pg_enum where oid >= 16384
  union all select 11, oid, 0, xmin from pg_proc where oid >= 16384 and pronamespace not in (select oid from temporary)
  union all select 12, objoid, objsubid, xmin from pg_description where objoid >= 16384
)
select md5(string_agg(concat_ws(' ', catalogue, rows, sum), ',' order by catalogue))
from (
  select catalogue, count(*) as rows, sum(hashint8extended((id::int8 << 32) | (sub::int8 & 65535), writer::text::int8)) as sum
  from mark group by catalogue
) catalogues
