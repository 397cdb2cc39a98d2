-- Databases under this instance's names for templates, spares and trials ($1), and the server's clock.
select d.datname::text as database, shobj_description(d.oid, 'pg_database') as comment, d.datconnlimit = -2 as half_gone,
       extract(epoch from clock_timestamp())::int8 as now
  from pg_database d
 where exists (select from unnest($1::text[]) prefix where starts_with(d.datname, prefix))
 order by d.datname
