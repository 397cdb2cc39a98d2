-- Indexes that CREATE INDEX CONCURRENTLY left when it failed, and the one that it is building: who builds holds the table against other builders, which anybody
-- may see, while what is built is for them alone to know: it is the table's newest. Of a partitioned table it is invalid until each partition has its own, and
-- a dump has it.
select n.nspname::text, c.relname::text,
       i.indexrelid = (select max(indexrelid) from pg_index where indrelid = i.indrelid)
       and exists (select from pg_locks l
                     join pg_stat_progress_create_index p on p.pid = l.pid and p.datname = current_database()
                    where l.relation = i.indrelid and l.database = (select oid from pg_database where datname = current_database())
                      and l.mode = 'ShareUpdateExclusiveLock' and l.granted)
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
 where not i.indisvalid and c.relkind = 'i' and c.oid >= 16384 and not exists (select from pg_inherits where inhrelid = c.oid)
