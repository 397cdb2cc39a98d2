-- Every grant to somebody else than the object's owner, and what an owner took from itself: (kind, object, of_column, grantee, privilege, grantable, denied).
-- $1: schemas left out; $2: the owner of branch objects, who needs none; $3, $4: catalogues and numbers of objects that stay behind; $5: names of logins that
-- go with a branch: a grant to one would keep it for as long as the copy lives.
with space as materialized (
    select n.oid, n.nspname, n.nspowner, n.nspacl from pg_namespace n
     where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1)
), member as materialized (
    select classid, objid from pg_depend where deptype = 'e'
    union all select class::oid, object::oid from unnest($3::int8[], $4::int8[]) gone (class, object)
), rel as materialized (
    select c.oid, c.oid::regclass::text as ident, c.relkind, c.relowner, c.relacl from pg_class c join space s on s.oid = c.relnamespace
     where c.relpersistence <> 't' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
       and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = c.oid)
), object (kind, object, of_column, owner, letter, acl) as (
    select case relkind when 'S' then 'sequence' else 'table' end, ident, null::text, relowner, case relkind when 'S' then 's' else 'r' end::"char", relacl
      from rel
    union all
    select 'table', r.ident, quote_ident(a.attname), r.relowner, 'c', a.attacl
      from rel r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped and a.attacl is not null
    union all
    select 'routine', p.oid::regprocedure::text, null, p.proowner, 'f', p.proacl
      from pg_proc p join space s on s.oid = p.pronamespace
     where not exists (select from member m where m.classid = 'pg_proc'::regclass and m.objid = p.oid)
       -- The constructors of a range type are PostgreSQL's own, whoever makes the type.
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i')
    union all
    select 'type', t.oid::regtype::text, null, t.typowner, 'T', t.typacl
      from pg_type t join space s on s.oid = t.typnamespace
     where t.typtype in ('e', 'd', 'r', 'b', 'c') and t.typelem = 0
       and (t.typrelid = 0 or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
       and not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = t.oid)
    union all
    select 'schema', quote_ident(s.nspname), null, s.nspowner, 'n', s.nspacl from space s
     where not exists (select from member m where m.classid = 'pg_namespace'::regclass and m.objid = s.oid)
    union all
    select 'foreign server', quote_ident(f.srvname), null, f.srvowner, 'S', f.srvacl
      from pg_foreign_server f
     where not exists (select from member m where m.classid = 'pg_foreign_server'::regclass and m.objid = f.oid)
)
select o.kind, o.object, o.of_column, case x.grantee when 0 then 'public' else quote_ident(r.rolname) end as grantee,
       lower(x.privilege_type collate "C") as privilege, bool_or(x.is_grantable) as grantable, false as denied
  from object o, aclexplode(coalesce(o.acl, acldefault(o.letter, o.owner))) x left join pg_roles r on r.oid = x.grantee
 where x.grantee <> o.owner and (x.grantee = 0 or r.rolname <> $2 and r.rolname !~ $5)
 group by 1, 2, 3, 4, 5
union all
select o.kind, o.object, null, quote_ident($2), lower(x.privilege_type collate "C"), false, true
  from object o, aclexplode(acldefault(o.letter, o.owner)) x
 where o.acl is not null and o.of_column is null and x.grantee = o.owner
   and not exists (select from aclexplode(o.acl) y where y.grantee = o.owner and y.privilege_type = x.privilege_type)
