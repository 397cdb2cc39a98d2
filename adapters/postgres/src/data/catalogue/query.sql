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
      -- A column without a default takes that of its domain.
      when a.attgenerated = '' then coalesce(pg_get_expr(d.adbin, d.adrelid), pg_get_expr(t.typdefaultbin, 0))
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
-- What stands under which number in a view's own select list, straight: the view's rule tells it, in entries that stand two braces deep. A brace behind a
-- backslash belongs to a name.
shown as materialized (
  select view, split_part(entry, ' ', 1)::int2 as attnum,
    split_part(split_part(entry, ' :resorigtbl ', 2), ' ', 1)::oid as source, split_part(split_part(entry, ' :resorigcol ', 2), ' ', 1)::int2 as source_attnum
  from (
    select view, entry, sum(opened) over (partition by view order by position rows between unbounded preceding and 1 preceding) as depth
    from (
      select rule.ev_class as view, position, left(piece, 300) as entry,
        octet_length(replace(piece, '}', '')) - octet_length(replace(piece, '{', '')) as opened
      from pg_rewrite rule
      cross join lateral replace(replace(replace(rule.ev_action::text, e'\\\\', ''), e'\\{', ''), e'\\}', '') as braced
      cross join lateral string_to_table(braced, ' :resno ') with ordinality as part(piece, position)
      where rule.ev_type = '1' and rule.ev_class >= 16384 and rule.ev_class in (select reader from edge)
    ) pieces
  ) entries
  where depth = 2 and entry ~ '^[0-9]+ :resname .* :resorigtbl [1-9][0-9]* :resorigcol [1-9][0-9]* '
),
-- The columns of tables that the columns of exposed views are, straight or through other views; `place` numbers those of a view that are the same one.
lineage as materialized (
  with recursive line(view, attnum, source, source_attnum) as (
    select shown.* from shown join rel on rel.oid = shown.view
    union select line.view, line.attnum, shown.source, shown.source_attnum
    from line join shown on shown.view = line.source and shown.attnum = line.source_attnum
  )
  select line.*, row_number() over (partition by view, source, source_attnum order by attnum) as place from line
),
-- The primary keys that an exposed view shows whole.
view_key as (
  select shown_key.view, json_agg(a.attname order by a.attnum) as list
  from (
    select lineage.view, unnest(array_agg(lineage.attnum)) as attnum
    from lineage join unique_index u on u.indrelid = lineage.source and u.indisprimary and lineage.source_attnum = any(u.attnums)
    where lineage.place = 1
    group by lineage.view, lineage.source, u.attnums
    having count(*) = cardinality(u.attnums)
  ) shown_key
  join pg_attribute a on a.attrelid = shown_key.view and a.attnum = shown_key.attnum
  group by shown_key.view
),
relation as (
  select json_build_array(
    rel.oid::int8, rel.nspname, rel.relname, rel.relkind::text, rel.relrowsecurity, comment.description,
    case when rel.relkind in ('v', 'f') then pg_relation_is_updatable(rel.oid, true) <> 0 else rel.relkind <> 'm' end, coalesce(seen.list, '[]'),
    case when rel.reltuples >= 0 then rel.reltuples::int8 end,
    coalesce(col.list, '[]'), coalesce(key.primary_key, view_key.list, '[]'), coalesce(key.others, '[]'), coalesce(reading.list, '[]')) as item
  from rel
  left join col on col.attrelid = rel.oid
  left join key on key.indrelid = rel.oid
  left join view_key on view_key.view = rel.oid
  left join reading on reading.reader = rel.oid
  left join pg_description comment on comment.objoid = rel.oid and comment.objsubid = 0 and comment.classoid = 'pg_class'::regclass
  left join lateral (
    select json_agg(role.position order by role.position) as list
    from role
    where has_schema_privilege(role.oid, rel.relnamespace, 'usage')
      and (has_table_privilege(role.oid, rel.oid, 'select, insert, update, delete') or has_any_column_privilege(role.oid, rel.oid, 'select, insert, update'))
  ) seen on true
),
foreign_key_end as (
  select oid as key, true as is_near, conrelid as source, conkey as attnums from pg_constraint where contype = 'f' and conparentid = 0
  union all select oid, false, confrelid, confkey from pg_constraint where contype = 'f' and conparentid = 0
),
-- Where a foreign key is seen to begin or end: its table, and the views that show all of its columns.
seen_end as materialized (
  select seen.key, seen.is_near, rel.oid, json_build_array(rel.nspname, rel.relname) as name, json_agg(a.attname order by seen.position) as list
  from (
    select key, is_near, source as oid, 0 as place, k.attnum, k.position
    from foreign_key_end cross join lateral unnest(attnums) with ordinality as k(attnum, position)
    union all
    select key, is_near, lineage.view, lineage.place, lineage.attnum, k.position
    from foreign_key_end e cross join lateral unnest(e.attnums) with ordinality as k(attnum, position)
    join lineage on lineage.source = e.source and lineage.source_attnum = k.attnum
  ) seen
  join pg_constraint c on c.oid = seen.key
  join rel on rel.oid = seen.oid
  join pg_attribute a on a.attrelid = seen.oid and a.attnum = seen.attnum
  group by seen.key, seen.is_near, rel.oid, rel.nspname, rel.relname, seen.place
  having count(*) = min(cardinality(c.conkey))
),
foreign_key as (
  select json_build_array(
    c.conname, near.name -> 0, near.name -> 1, near.list, far.name -> 0, far.name -> 1, far.list,
    exists (select from unique_index u where u.indrelid = c.conrelid and u.attnums @> c.conkey and c.conkey @> u.attnums)) as item
  from pg_constraint c
  join seen_end near on near.key = c.oid and near.is_near
  join seen_end far on far.key = c.oid and not far.is_near
  -- A view that joins both tables is no relation of itself.
  where near.oid <> far.oid or c.conrelid = c.confrelid
)
select
  /*token*/,
  json_build_array(coalesce((select json_agg(item) from relation), '[]'), coalesce((select json_agg(item) from foreign_key), '[]'))::text
