-- Columns that the row filters and column lists of publications speak of.
select d.refclassid, d.refobjid, d.refobjsubid, p.pubname::text
  from pg_depend d
  join pg_publication_rel r on r.oid = d.objid
  join pg_publication p on p.oid = r.prpubid
 where d.classid = 'pg_publication_rel'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0
