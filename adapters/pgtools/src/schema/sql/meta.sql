-- What tells ours from theirs; behind `definitions/sql/owners.sql`. $1: schemas that are ours.
select current_setting('server_version_num')::int / 10000 as server_major,
       exists (select from pg_namespace where nspname = 'public') as has_public,
       -- The same as of the clone's default grants.
       array(select r.rolname::text from owner join pg_roles r on r.oid = owner.oid) as owners,
       -- In a branch some of them have other grants, and another owner.
       array(select p.oid::int8 from pg_proc p join pg_language l on l.oid = p.prolang
              where not l.lanpltrusted and p.oid >= 16384 and p.prokind <> 'a') as untrusted_routines,
       array(select extname::text from pg_extension order by oid) as extension_names,
       array(select extversion from pg_extension order by oid) as extension_versions
