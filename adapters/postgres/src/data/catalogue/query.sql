-- One row: the change token, and the exposed relations with all that belongs to them, as JSON.
-- $1: exposed schemas; $2: names of the roles anon, authenticated and service, in this order.
with
role as (
  select r.oid, wanted.position - 1 as position
  from unnest($2::text[]) with ordinality as wanted(name, position) join pg_roles r on r.rolname = wanted.name
),
rel as materialized (
  select c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity, c.reltuples, c.relnamespace
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any($1::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
),
-- Roles with rights on some columns only.
partly as materialized (
  select rel.oid, role.oid as role, role.position
  from rel cross join role
  where has_any_column_privilege(role.oid, rel.oid, 'select, insert, update') and not has_table_privilege(role.oid, rel.oid, 'select, insert, update')
),
label as (select enumtypid, json_agg(enumlabel order by enumsortorder) as list from pg_enum group by enumtypid),
col as (
  select a.attrelid, json_agg(json_build_array(
    a.attname, format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, -1), not (a.attnotnull or t.typnotnull),
    case
      when a.attidentity = 'd' then sequence.next
      when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid)
    end,
    a.attgenerated <> '' or a.attidentity = 'a', coalesce(label.list, '[]'), comment.description,
    coalesce(hidden.list, '[]')) order by a.attnum) as list
  from rel join pg_attribute a on a.attrelid = rel.oid
  join pg_type t on t.oid = a.atttypid
  left join label on label.enumtypid = coalesce(nullif(t.typbasetype, 0), t.oid)
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  left join lateral (
    select format('nextval(%L::regclass)', format('%I.%I', n.nspname, s.relname)) as next
    from pg_depend owned join pg_class s on s.oid = owned.objid and s.relkind = 'S' join pg_namespace n on n.oid = s.relnamespace
    where a.attidentity = 'd' and owned.classid = 'pg_class'::regclass and owned.deptype = 'i'
      and owned.refclassid = 'pg_class'::regclass and owned.refobjid = a.attrelid and owned.refobjsubid = a.attnum
  ) sequence on true
  left join pg_description comment on comment.objoid = a.attrelid and comment.objsubid = a.attnum and comment.classoid = 'pg_class'::regclass
  left join lateral (
    select json_agg(partly.position) as list
    from partly
    where partly.oid = a.attrelid and not has_column_privilege(partly.role, a.attrelid, a.attnum, 'select, insert, update')
  ) hidden on true
  where a.attnum > 0 and not a.attisdropped
  group by a.attrelid
),
unique_index as not materialized (
  select i.indrelid, i.indisprimary, (i.indkey::int2[])[0:i.indnkeyatts - 1] as attnums
  from pg_index i
  where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
),
key as (
  select u.indrelid, json_agg(named.list) filter (where u.indisprimary) -> 0 as primary_key, json_agg(named.list) filter (where not u.indisprimary) as others
  from rel join unique_index u on u.indrelid = rel.oid cross join lateral (
    select json_agg(a.attname order by k.position) as list
    from unnest(u.attnums) with ordinality as k(attnum, position) join pg_attribute a on a.attrelid = u.indrelid and a.attnum = k.attnum
  ) named
  group by u.indrelid
),
edge as materialized (
  select distinct r.ev_class as reader, d.refobjid as read
  from pg_rewrite r
  join pg_class v on v.oid = r.ev_class and v.relkind in ('v', 'm')
  join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
  join pg_class c on c.oid = d.refobjid and c.relkind in ('r', 'p', 'v', 'm', 'f')
),
reading as (
  with recursive closure(reader, read) as (
    select reader, read from edge
    union select c.reader, e.read from closure c join edge e on e.reader = c.read
  )
  select closure.reader, json_agg(json_build_array(n.nspname, c.relname)) as list
  from closure join pg_class c on c.oid = closure.read join pg_namespace n on n.oid = c.relnamespace
  group by closure.reader
),
relation as (
  select json_build_array(
    rel.oid::int8, rel.nspname, rel.relname, rel.relkind::text, rel.relrowsecurity, comment.description,
    case when rel.relkind in ('v', 'f') then pg_relation_is_updatable(rel.oid, true) <> 0 else rel.relkind <> 'm' end, coalesce(seen.list, '[]'),
    case when rel.reltuples >= 0 then rel.reltuples::int8 end,
    coalesce(col.list, '[]'), coalesce(key.primary_key, '[]'), coalesce(key.others, '[]'), coalesce(reading.list, '[]')) as item
  from rel
  left join col on col.attrelid = rel.oid
  left join key on key.indrelid = rel.oid
  left join reading on reading.reader = rel.oid
  left join pg_description comment on comment.objoid = rel.oid and comment.objsubid = 0 and comment.classoid = 'pg_class'::regclass
  left join lateral (
    select json_agg(role.position order by role.position) as list
    from role
    where has_schema_privilege(role.oid, rel.relnamespace, 'usage')
      and (has_table_privilege(role.oid, rel.oid, 'select, insert, update, delete') or has_any_column_privilege(role.oid, rel.oid, 'select, insert, update'))
  ) seen on true
),
foreign_key as (
  select json_build_array(
    c.conname, origin.nspname, origin.relname, near.list, target.nspname, target.relname, far.list,
    exists (select from unique_index u where u.indrelid = c.conrelid and u.attnums @> c.conkey and c.conkey @> u.attnums)) as item
  from pg_constraint c
  join rel origin on origin.oid = c.conrelid
  join rel target on target.oid = c.confrelid
  cross join lateral (
    select json_agg(a.attname order by k.position) as list
    from unnest(c.conkey) with ordinality as k(attnum, position) join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum
  ) near
  cross join lateral (
    select json_agg(a.attname order by k.position) as list
    from unnest(c.confkey) with ordinality as k(attnum, position) join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.attnum
  ) far
  where c.contype = 'f' and c.conparentid = 0
)
select
  /*token*/,
  json_build_array(coalesce((select json_agg(item) from relation), '[]'), coalesce((select json_agg(item) from foreign_key), '[]'))::text
