-- Who depends on whom, between objects that initdb did not make.
select classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype in ('a', 'i', 'P', 'S') as automatic
  from pg_depend
 where objid >= 16384 and refobjid >= 16384 and deptype in ('n', 'a', 'i', 'P', 'S')
