-- Foreign keys that partitions have of their parents. Those that a partition has as the referenced one are its referrers'.
select k.conrelid as partition, k.conname::text as name
  from pg_constraint k join pg_constraint p on p.oid = k.conparentid
 where k.contype = 'f' and k.conrelid <> p.conrelid
 order by k.conrelid, k.conname
