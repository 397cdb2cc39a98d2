-- Behind the list of owners: their default grants: (schema, kind, grantee, privilege, grantable, taken_back, missing_from). $1: schemas left out; $2: the owner of
-- branch objects; $3: names of logins that go with a branch.
--
-- One role makes in a branch what several may make here. It grants only what each of them does: of those that own things of that kind there, or where there are
-- none, of those that say something of them. `missing_from`: those who do not. Who made our own schemas, and those of signing in and of files, makes nothing else.
, kind (code, word) as (
    values ('r'::"char", 'tables'), ('S', 'sequences'), ('f', 'routines'), ('T', 'types'), ('n', 'schemas'), ('L', 'large objects')
), peopled as materialized (
    select oid from pg_namespace where oid in (select oid from space) and nspname not in ('auth', 'storage', 'fluxbase_migrations')
), owned (namespace, code, role) as materialized (
    select c.relnamespace, case c.relkind when 'S' then 'S' else 'r' end::"char", c.relowner from pg_class c join peopled n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't'
       and not exists (select from brought b where b.classid = 'pg_class'::regclass and b.objid = c.oid)
    union
    select p.pronamespace, 'f', p.proowner from pg_proc p join peopled n on n.oid = p.pronamespace
     where not exists (select from brought b where b.classid = 'pg_proc'::regclass and b.objid = p.oid)
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i')
    union
    select t.typnamespace, 'T', t.typowner from pg_type t join peopled n on n.oid = t.typnamespace
     where t.typtype in ('e', 'd', 'r', 'b', 'c') and t.typelem = 0
       and (t.typrelid = 0 or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
       and not exists (select from brought b where b.classid = 'pg_type'::regclass and b.objid = t.oid)
), entry as materialized (
    select n.nspname, d.defaclrole as role, d.defaclobjtype as code, d.defaclacl as acl, d.defaclnamespace as namespace
      from pg_default_acl d join owner on owner.oid = d.defaclrole left join pg_namespace n on n.oid = d.defaclnamespace
     where n.nspname is null or n.nspname <> all($1)
), given as materialized (
    select e.nspname, e.namespace, e.role, e.code, x.grantee, x.privilege_type, x.is_grantable from entry e, aclexplode(e.acl) x where x.grantee <> e.role
    union all
    -- What PostgreSQL grants where nobody says anything.
    select null, 0, o.oid, k.code, x.grantee, x.privilege_type, x.is_grantable
      from owner o cross join kind k cross join aclexplode(acldefault(k.code, o.oid)) x
     where x.grantee <> o.oid and not exists (select from entry e where e.role = o.oid and e.code = k.code and e.namespace = 0)
), place as materialized (
    select distinct e.namespace, e.code from entry e
), maker (namespace, code, role) as materialized (
    select p.namespace, p.code, o.role from place p join owned o on o.code = p.code and p.namespace in (0, o.namespace)
    union
    select p.namespace, p.code, e.role from place p join entry e on e.code = p.code and e.namespace in (0, p.namespace)
     where not exists (select from owned o where o.code = p.code and p.namespace in (0, o.namespace))
)
select g.nspname::text as schema, k.word as kind, case g.grantee when 0 then 'public' else quote_ident(r.rolname) end as grantee,
       lower(g.privilege_type collate "C") as privilege, g.is_grantable as grantable, false as taken_back, without.makers as missing_from
  from given g join kind k on k.code = g.code left join pg_roles r on r.oid = g.grantee
 cross join lateral (
       select array(select distinct quote_ident(w.rolname) from maker m join pg_roles w on w.oid = m.role
                     where m.namespace = g.namespace and m.code = g.code
                       and not exists (select from given o where o.role = m.role and o.code = g.code and o.namespace in (0, g.namespace) and o.grantee = g.grantee
                                          and o.privilege_type = g.privilege_type and o.is_grantable >= g.is_grantable)
                     order by 1) as makers
       ) without
 where exists (select from entry e where e.role = g.role and e.code = g.code and e.namespace = g.namespace)
   and (g.grantee = 0 or r.rolname <> $2 and r.rolname !~ $3)
union
select null, k.word, 'public', lower(x.privilege_type collate "C"), false, true, '{}'
  from entry e join kind k on k.code = e.code, aclexplode(acldefault(e.code, e.role)) x
 where e.namespace = 0 and x.grantee = 0
   and not exists (select from aclexplode(e.acl) y where y.grantee = 0 and y.privilege_type = x.privilege_type)
