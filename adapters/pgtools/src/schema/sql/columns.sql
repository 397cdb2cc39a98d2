-- Columns of relations and attributes of composite types.
select a.attrelid as relation, a.attnum as number, a.attname::text as name,
       concat_ws(' collate ', format_type(a.atttypid, a.atttypmod), nullif(a.attcollation, 0)::regcollation::text) as type_name,
       case t.typstorage when 'p' then 'PLAIN' when 'e' then 'EXTERNAL' when 'm' then 'MAIN' else 'EXTENDED' end as type_storage,
       a.attinhcount > 0 as inherited
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_type t on t.oid = a.atttypid
 where c.oid >= 16384 and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c') and c.relpersistence <> 't' and a.attnum > 0 and not a.attisdropped
 order by a.attrelid, a.attnum
