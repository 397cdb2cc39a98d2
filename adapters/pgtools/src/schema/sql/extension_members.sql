-- What extensions brought, by the names that nothing else can have: as a dump calls a routine, or whatever is a relation or a type.
select d.refobjid as extension, true as is_routine, n.nspname::text as schema,
       p.proname || '(' || case when p.prokind = 'a' and p.pronargs = 0 then '*'
                                else array_to_string(array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as a(t, at) order by at), ', ') end || ')' as name
  from pg_depend d
  join pg_proc p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
  join pg_namespace n on n.oid = p.pronamespace
 where d.deptype = 'e' and d.refobjid >= 16384
union all
select d.refobjid, false, n.nspname::text, coalesce(c.relname, t.typname)::text
  from pg_depend d
  left join pg_class c on d.classid = 'pg_class'::regclass and c.oid = d.objid
  left join pg_type t on d.classid = 'pg_type'::regclass and t.oid = d.objid
  join pg_namespace n on n.oid in (c.relnamespace, t.typnamespace)
 where d.deptype = 'e' and d.refobjid >= 16384
