-- The database's own event triggers, by name, except those that an extension made. $1: schemas left out, with the triggers whose functions lie there.
select t.evtname::text as name, t.evtevent::text as event, coalesce(t.evttags, '{}') as tags, t.evtenabled::text as enabled,
       n.nspname::text as schema, format('%I.%I', n.nspname, p.proname) as function, p.prosecdef as runs_as_owner,
       n.nspname ~ '^pg_' or exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e') as given,
       obj_description(t.oid, 'pg_event_trigger') as comment
  from pg_event_trigger t join pg_proc p on p.oid = t.evtfoid join pg_namespace n on n.oid = p.pronamespace
 where n.nspname <> all($1)
   and not exists (select from pg_depend d where d.classid = 'pg_event_trigger'::regclass and d.objid = t.oid and d.deptype = 'e')
 order by t.evtname
