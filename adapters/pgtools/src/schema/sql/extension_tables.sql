-- Extensions that brought tables or sequences: what those hold goes with them.
select distinct d.refobjid
  from pg_depend d join pg_class c on c.oid = d.objid
 where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e' and c.relkind in ('r', 'p', 'S')
