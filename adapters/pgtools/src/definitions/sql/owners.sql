-- Who owns something that a clone holds, whatever that is, and the reader itself. What extensions brought along is whoever's that made them. What asks for `owner`
-- goes on behind this. $1: schemas that are left out.
with space as (
    select n.oid, n.nspowner from pg_namespace n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1)
), brought as (
    select e.classid, e.objid from pg_depend e where e.deptype = 'e'
), owner as (
    select c.relowner as oid from pg_class c join space n on n.oid = c.relnamespace
    union select p.proowner from pg_proc p join space n on n.oid = p.pronamespace
           where not exists (select from brought b where b.classid = 'pg_proc'::regclass and b.objid = p.oid)
    union select t.typowner from pg_type t join space n on n.oid = t.typnamespace
           where not exists (select from brought b where b.classid = 'pg_type'::regclass and b.objid = t.oid)
    union select n.nspowner from space n
           where not exists (select from brought b where b.classid = 'pg_namespace'::regclass and b.objid = n.oid)
    union select r.oid from pg_roles r where r.rolname = current_user
)
