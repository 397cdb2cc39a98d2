-- Schemas that extensions made and in which others have objects, and whether a role may make some there: (name, makes). $1: schemas left out; $2: the role;
-- $3: extensions left out.
with brought as materialized (
    select d.classid, d.objid, e.extname from pg_depend d
      join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid where d.deptype = 'e'
)
select n.nspname::text, has_schema_privilege($2::name, n.oid, 'create')
  from pg_namespace n join brought b on b.classid = 'pg_namespace'::regclass and b.objid = n.oid
 where n.nspname <> all($1) and b.extname <> all($3)
   and exists (select from pg_depend d where d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid and d.deptype = 'n'
                  and not exists (select from brought o where o.classid = d.classid and o.objid = d.objid))
