-- Databases under this instance's names for templates, spares and trials ($1), and the server's clock, in
-- microseconds since 1970.
select d.datname::text as database, shobj_description(d.oid, 'pg_database') as comment, d.datconnlimit = -2 as half_gone,
       (extract(epoch from clock_timestamp()) * 1000000)::int8 as moment
  from pg_database d
 where exists (select from unnest($1::text[]) prefix where starts_with(d.datname, prefix))
 order by d.datname
