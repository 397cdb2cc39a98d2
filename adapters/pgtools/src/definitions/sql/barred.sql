-- What no owner of a branch can make, nor be lent: (class, object, reason). $1: schemas left out; $2: the owner of branch objects; $3: the admin, who lends
-- wrappers.
with wrapper as materialized (
    select w.oid, quote_ident(w.fdwname) as name,
           exists (select from pg_proc p where p.oid in (w.fdwhandler, w.fdwvalidator)
                      and p.prosrc in ('file_fdw_handler', 'file_fdw_validator')) as reads_files,
           coalesce((select not r.rolsuper and not has_foreign_data_wrapper_privilege(r.oid, w.oid, 'usage with grant option')
                       from pg_roles r where r.rolname = $3), false) as kept
      from pg_foreign_data_wrapper w
), member as materialized (
    select classid, objid from pg_depend where deptype = 'e'
)
select 'pg_foreign_server'::regclass::int8 as class, s.oid::int8 as object,
       format('the server''s login may not lend foreign data wrapper %s: grant usage on it to %I with grant option', w.name, $3) as reason
  from pg_foreign_server s join wrapper w on w.oid = s.srvfdw
 where w.kept and not exists (select from member m where m.classid = 'pg_foreign_server'::regclass and m.objid = s.oid)
union all
select 'pg_class'::regclass::int8, c.oid::int8,
       format('it reads %s, which only a superuser may let somebody do: grant %s to %I if whoever has a branch may', r.what, r.role, $2)
  from pg_foreign_table t join pg_class c on c.oid = t.ftrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_foreign_server s on s.oid = t.ftserver join wrapper w on w.oid = s.srvfdw
 cross join lateral (
       select case when runs then 'what a program of the server prints' else 'a file of the server' end as what,
              case when runs then 'pg_execute_server_program' else 'pg_read_server_files' end as role
         from (select exists (select from unnest(t.ftoptions) o where starts_with(o, 'program=')) as runs) p) r
 where w.reads_files and n.nspname <> all($1) and not pg_has_role($2::name, r.role, 'usage')
   and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = c.oid)
