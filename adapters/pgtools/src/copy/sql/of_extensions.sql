-- Tables whose rows extensions want to come along, and which of them; columns as in tables.sql. $1: extensions that are never copied.
select c.oid::int8 as oid, n.nspname::text as schema, c.relname::text as name, false as partitioned,
       coalesce((select array_agg(a.attname::text order by a.attnum) from pg_attribute a
                  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '{}') as columns,
       coalesce((select array_agg(a.attname::text order by a.attnum) from pg_attribute a
                  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attnotnull), '{}') as required,
       c.relforcerowsecurity and c.relrowsecurity as forced_policies, true as own_autovacuum, false as in_binary,
       e.extname::text as extension, coalesce(marked.condition, '') as condition,
       has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and not row_security_active(c.oid) as readable
  from pg_extension e, unnest(e.extconfig, e.extcondition) with ordinality marked(relation, condition, place)
  join pg_class c on c.oid = marked.relation and c.relkind = 'r' and c.relpersistence <> 't' join pg_namespace n on n.oid = c.relnamespace
 where e.extname <> all($1)
 order by e.oid, marked.place
