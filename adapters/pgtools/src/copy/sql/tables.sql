-- Tables that hold rows of their own (leaf partitions are among them), and partitioned tables. Not those of extensions.
select c.oid::int8 as oid, n.nspname::text as schema, c.relname::text as name, c.relkind = 'p' as partitioned,
       coalesce((select array_agg(a.attname::text order by a.attnum) from pg_attribute a
                  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '{}') as columns,
       coalesce((select array_agg(a.attname::text order by a.attnum) from pg_attribute a
                  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attnotnull), '{}') as required,
       c.relforcerowsecurity and c.relrowsecurity as forced_policies,
       exists (select from unnest(c.reloptions) option where starts_with(option, 'autovacuum_enabled=')) as own_autovacuum,
       current_setting('server_encoding') = 'UTF8' and coalesce((select bool_and(a.atttypid = any(array[
                   'bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'text', 'varchar', 'bpchar', 'bytea', 'uuid', 'date', 'time', 'timetz',
                   'timestamp', 'timestamptz', 'interval', 'json', 'jsonb', 'bool[]', 'int2[]', 'int4[]', 'int8[]', 'float4[]', 'float8[]', 'numeric[]',
                   'text[]', 'varchar[]', 'uuid[]', 'date[]', 'timestamp[]', 'timestamptz[]', 'json[]', 'jsonb[]']::regtype[]))
                  from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), false) as in_binary
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and c.relpersistence <> 't'
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1)
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
 order by c.oid
