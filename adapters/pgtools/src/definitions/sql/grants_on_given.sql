-- Grants on objects that PostgreSQL or an extension brought, and on languages and foreign data wrappers, as in grants.sql. $1: the owner of branch objects;
-- $2: extensions left out; $3: kind and name of the objects to look at, or null for those whose grants are not those that they came with. Then each such
-- object has a row without a privilege too: all grants may have been taken away. $4: names of logins that go with a branch.
with brought as materialized (
    select d.classid, d.objid, e.extname from pg_depend d
      join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid where d.deptype = 'e'
), system as materialized (
    select oid from pg_namespace where nspname = 'pg_catalog'
), thing (class, oid, sub, kind, owner, letter, acl, free) as (
    select 'pg_class'::regclass, c.oid, 0, case c.relkind when 'S' then 'sequence' else 'table' end, c.relowner,
           case c.relkind when 'S' then 's' else 'r' end::"char", c.relacl, false
      from pg_class c where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relacl is not null
    union all
    select 'pg_class'::regclass, c.oid, a.attnum, 'table', c.relowner, 'c', a.attacl, false
      from pg_attribute a join pg_class c on c.oid = a.attrelid where a.attacl is not null and a.attnum > 0 and not a.attisdropped
    union all
    select 'pg_proc'::regclass, p.oid, 0, 'routine', p.proowner, 'f', p.proacl, false from pg_proc p where p.proacl is not null or $3 is not null
    union all
    select 'pg_type'::regclass, t.oid, 0, 'type', t.typowner, 'T', t.typacl, false from pg_type t where t.typacl is not null or $3 is not null
    union all
    select 'pg_namespace'::regclass, n.oid, 0, 'schema', n.nspowner, 'n', n.nspacl, false from pg_namespace n where n.nspacl is not null or $3 is not null
    union all
    select 'pg_language'::regclass, l.oid, 0, 'language', l.lanowner, 'l', l.lanacl, true from pg_language l where l.lanacl is not null or $3 is not null
    union all
    select 'pg_foreign_data_wrapper'::regclass, w.oid, 0, 'foreign data wrapper', w.fdwowner, 'F', w.fdwacl, true from pg_foreign_data_wrapper w
    union all
    select 'pg_foreign_server'::regclass, s.oid, 0, 'foreign server', s.srvowner, 'S', s.srvacl, false from pg_foreign_server s
), given as materialized (
    select t.*, coalesce(i.initprivs, acldefault(t.letter, t.owner)) as came_with
      from thing t left join brought b on b.classid = t.class and b.objid = t.oid
      left join pg_init_privs i on i.classoid = t.class and i.objoid = t.oid and i.objsubid = t.sub
      left join pg_class c on t.class = 'pg_class'::regclass and c.oid = t.oid
      left join pg_proc p on t.class = 'pg_proc'::regclass and p.oid = t.oid
      left join pg_type k on t.class = 'pg_type'::regclass and k.oid = t.oid
     where (b.extname is not null or t.free or coalesce(c.relnamespace, p.pronamespace, k.typnamespace, t.oid) in (select oid from system))
       and (b.extname is null or b.extname <> all($2))
), differing as materialized (
    -- A grant on a column makes the whole of its table's be compared, and so be read.
    select class, oid from given where acl is not null and (not (acl @> came_with) or not (came_with @> acl))
), named as materialized (
    select g.*, case class when 'pg_class'::regclass then oid::regclass::text
                           when 'pg_proc'::regclass then oid::regprocedure::text
                           when 'pg_type'::regclass then oid::regtype::text
                           when 'pg_namespace'::regclass then (select quote_ident(nspname) from pg_namespace n where n.oid = g.oid)
                           when 'pg_language'::regclass then (select quote_ident(lanname) from pg_language l where l.oid = g.oid)
                           when 'pg_foreign_server'::regclass then (select quote_ident(srvname) from pg_foreign_server s where s.oid = g.oid)
                           else (select quote_ident(fdwname) from pg_foreign_data_wrapper w where w.oid = g.oid) end as object,
           case when sub > 0 then (select quote_ident(attname) from pg_attribute a where a.attrelid = g.oid and a.attnum = g.sub) end as of_column
      from given g
     where $3 is not null or (class, oid) in (select class, oid from differing)
)
select n.kind, n.object, n.of_column, case x.grantee when 0 then 'public' else quote_ident(r.rolname) end as grantee,
       lower(x.privilege_type collate "C") as privilege, bool_or(x.is_grantable) as grantable, false as denied
  from named n, aclexplode(coalesce(n.acl, acldefault(n.letter, n.owner))) x left join pg_roles r on r.oid = x.grantee
 where ($3 is null or n.kind || ' ' || n.object = any($3)) and x.grantee <> n.owner and (x.grantee = 0 or r.rolname <> $1 and r.rolname !~ $4)
 group by 1, 2, 3, 4, 5
union all
select kind, object, null, '', '', false, false from named where $3 is null
