-- What tells ours from theirs. $1: schemas that are ours.
select current_setting('server_version_num')::int / 10000 as server_major,
       exists (select from pg_namespace where nspname = 'public') as has_public,
       -- The same as of the clone's default grants: who owns something, and the reader.
       array(with space as (
                 select n.oid, n.nspowner from pg_namespace n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1)
             ), brought as (
                 select e.classid, e.objid from pg_depend e where e.deptype = 'e'
             ), owner as (
                 select c.relowner as oid from pg_class c join space n on n.oid = c.relnamespace
                 union select p.proowner from pg_proc p join space n on n.oid = p.pronamespace
                        where not exists (select from brought b where b.classid = 'pg_proc'::regclass and b.objid = p.oid)
                 union select t.typowner from pg_type t join space n on n.oid = t.typnamespace
                        where not exists (select from brought b where b.classid = 'pg_type'::regclass and b.objid = t.oid)
                 union select n.nspowner from space n
                        where not exists (select from brought b where b.classid = 'pg_namespace'::regclass and b.objid = n.oid)
             )
             select r.rolname::text from owner join pg_roles r on r.oid = owner.oid union select current_user::text) as owners,
       -- In a branch some of them have other grants, and another owner.
       array(select p.oid::int8 from pg_proc p join pg_language l on l.oid = p.prolang
              where not l.lanpltrusted and p.oid >= 16384 and p.prokind <> 'a') as untrusted_routines,
       array(select extname::text from pg_extension order by oid) as extension_names,
       array(select extversion from pg_extension order by oid) as extension_versions
