-- Views and routines of extensions that show the server's statements, each as `kind name`. $1: the extensions.
with brought as materialized (
    select d.classid, d.objid, e.extname from pg_depend d join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid
     where d.deptype = 'e' and e.extname = any($1)
)
select 'table ' || c.oid::regclass::text from pg_class c join brought b on b.classid = 'pg_class'::regclass and b.objid = c.oid
 where c.relkind in ('r', 'v') and starts_with(c.relname, b.extname)
union all
select 'routine ' || p.oid::regprocedure::text from pg_proc p join brought b on b.classid = 'pg_proc'::regclass and b.objid = p.oid
 where starts_with(p.proname, b.extname)
