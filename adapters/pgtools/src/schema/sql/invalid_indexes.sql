-- Indexes that CREATE INDEX CONCURRENTLY left when it failed. Of a partitioned table it is invalid until each partition has its own, and a dump has it.
select n.nspname::text, c.relname::text
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
 where not i.indisvalid and c.relkind = 'i' and c.oid >= 16384 and not exists (select from pg_inherits where inhrelid = c.oid)
