-- Catalogue rows that are parts of others, or the same thing by another row.
select 'pg_rewrite'::regclass::oid as class, oid as object, 'pg_class'::regclass::oid as bearer_class, ev_class as bearer_object, 'whole' as part, '' as name
  from pg_rewrite where rulename = '_RETURN' and oid >= 16384
union all
select 'pg_attrdef'::regclass, d.oid, 'pg_class'::regclass, d.adrelid, 'default', a.attname::text
  from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
union all
select 'pg_constraint'::regclass, oid, 'pg_constraint'::regclass, conparentid, 'whole', '' from pg_constraint where conparentid <> 0
union all
select 'pg_constraint'::regclass, oid, 'pg_class'::regclass, conrelid, case contype when 'c' then 'check' else 'whole' end, conname::text
  from pg_constraint where conrelid <> 0 and conparentid = 0 and contype <> 't' and oid >= 16384
union all
select 'pg_constraint'::regclass, oid, 'pg_type'::regclass, contypid, 'whole', '' from pg_constraint where contypid <> 0 and oid >= 16384
union all
select 'pg_class'::regclass, conindid, 'pg_constraint'::regclass, oid, 'whole', '' from pg_constraint where contype in ('p', 'u', 'x') and oid >= 16384
union all
select 'pg_type'::regclass, t.oid, 'pg_class'::regclass, c.oid, 'whole', '' from pg_class c join pg_type t on t.typrelid = c.oid
 where c.relkind <> 'c' and c.oid >= 16384
union all
select 'pg_class'::regclass, c.oid, 'pg_type'::regclass, c.reltype, 'whole', '' from pg_class c where c.relkind = 'c' and c.oid >= 16384
union all
select 'pg_type'::regclass, typarray, 'pg_type'::regclass, oid, 'whole', '' from pg_type where typarray <> 0 and oid >= 16384
union all
select 'pg_type'::regclass, rngmultitypid, 'pg_type'::regclass, rngtypid, 'whole', '' from pg_range where rngtypid >= 16384
union all
select classid, objid, refclassid, refobjid, 'whole', '' from pg_depend where deptype = 'e' and refobjid >= 16384
