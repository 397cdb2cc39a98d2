-- Objects that only a superuser can make: (class, object, kind, identity, then, certain, evaluates). $1: schemas left out; $2: the owner of branch objects.
-- `then` gives it to that owner. `certain` is false where others than superusers may have been given the right. `evaluates`: to make it runs code of users.
-- `kept`: a routine whose code acts as the server, and which neither that owner nor the roles of requests may call here: it stays the admin's, and `then`
-- gives it the grants of those who may. `less`: who is granted it, too, but may not use its schema; in a branch that schema is its owner's.
with member as materialized (
    select classid, objid from pg_depend where deptype = 'e'
), space as materialized (
    select n.oid, n.nspname from pg_namespace n
     where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1)
), setting as materialized (
    select lower(name collate "C") as name, context from pg_settings
), caller as materialized (
    -- Whoever has a branch may make requests to the parent.
    select oid from pg_roles where rolname in ('anon', 'authenticated', $2)
), generated as materialized (
    -- Rows have values of it when they come, unlike a default.
    select f.oid from pg_attrdef f join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum where a.attgenerated <> ''
), routine as materialized (
    select p.*, l.lanpltrusted,
           exists (select from pg_proc v join pg_language w on w.oid = v.prolang
                    where v.oid = l.lanvalidator and w.lanname not in ('c', 'internal')) as checked_by_users,
           exists (select from unnest(p.proconfig) s left join setting g on g.name = lower(split_part(s, '=', 1) collate "C")
                    where g.context is distinct from 'user' and not has_parameter_privilege($2::name, split_part(s, '=', 1), 'SET')) as sets,
           (select a.aggtranstype = 'internal'::regtype or a.aggmtranstype = 'internal'::regtype from pg_aggregate a where a.aggfnoid = p.oid) as internal,
           p.prokind <> 'a' and not l.lanpltrusted
           and not exists (select from caller c where has_function_privilege(c.oid, p.oid, 'execute') and has_schema_privilege(c.oid, p.pronamespace, 'usage'))
           -- What operators, types, triggers and the like are made of: the owner makes those, and so must be allowed to call it.
           and not (exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x where x.grantee = 0)
                    and exists (select from pg_depend d where d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
                                   and d.classid <> all(array['pg_rewrite', 'pg_policy']::regclass[])
                                   and (d.classid <> 'pg_attrdef'::regclass or d.objid in (select oid from generated))
                                   and (d.classid <> 'pg_proc'::regclass or exists (select from pg_aggregate a where a.aggfnoid = d.objid)))) as kept
      from pg_proc p join space s on s.oid = p.pronamespace join pg_language l on l.oid = p.prolang
     where not exists (select from member m where m.classid = 'pg_proc'::regclass and m.objid = p.oid)
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i')
), kind as materialized (
    select t.*, r.rngcanonical from pg_type t join space s on s.oid = t.typnamespace left join pg_range r on r.rngtypid = t.oid
     where not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = t.oid)
), granted as materialized (
    select g.oid, g.grantee, r.rolname, bool_or(g.is_grantable) as grantable,
           g.grantee <> 0 and has_schema_privilege(nullif(g.grantee, 0), g.pronamespace, 'usage') as reaches
      from (select p.oid, p.pronamespace, p.proowner, x.grantee, x.is_grantable
              from routine p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x where p.kept
             union all
            -- What everybody may execute, those may call who may use its schema.
            select p.oid, p.pronamespace, p.proowner, u.grantee, false
              from routine p join pg_namespace s on s.oid = p.pronamespace, aclexplode(s.nspacl) u
             where p.kept and u.privilege_type = 'USAGE'
               and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x where x.grantee = 0)
           ) g left join pg_roles r on r.oid = g.grantee
     where g.grantee <> g.proowner and (g.grantee = 0 or r.rolname not in ($2, current_user))
     group by 1, 2, 3, 5
), object (class, object, kind, identity, made, certain, evaluates, kept, less) as (
    select 'pg_proc'::regclass::oid, oid, case prokind when 'a' then 'aggregate' when 'p' then 'procedure' else 'function' end, oid::regprocedure::text,
           case when kept
                then format('revoke all on routine %s from public', oid::regprocedure)
                     || coalesce((select string_agg(format('; grant execute on routine %s to %I%s', p.oid::regprocedure, g.rolname,
                                                           case when g.grantable then ' with grant option' end), '' order by g.rolname)
                                    from granted g where g.oid = p.oid and g.reaches), '')
                else format('alter routine %s owner to %I', oid::regprocedure, $2) end,
           coalesce(internal, proleakproof or prosupport <> 0 or not lanpltrusted),
           pronargdefaults > 0 or prosqlbody is not null or checked_by_users,
           kept, (select string_agg(case g.grantee when 0 then 'PUBLIC' else quote_ident(g.rolname) end, ', ' order by g.rolname)
                    from granted g where g.oid = p.oid and not g.reaches)
      from routine p
     where case when prokind = 'a' then internal else proleakproof or prosupport <> 0 or not lanpltrusted or sets end
    union all
    select 'pg_type'::regclass, oid, 'type', oid::regtype::text, format('alter type %s owner to %I', oid::regtype, $2), true, false, false, null
      from kind
     where rngcanonical <> 0 or (typtype = 'b' and not exists (select from pg_type e where e.typarray = kind.oid))
    union all
    -- Whoever makes them must be allowed to call what they are made of. One may have made another as a shell, which is whose it was then.
    select 'pg_operator'::regclass, o.oid, 'operator', o.oid::regoperator::text, format('alter operator %s owner to %I', o.oid::regoperator, $2), false, false,
           false, null
      from pg_operator o join space s on s.oid = o.oprnamespace
     where o.oprcode <> 0 and not exists (select from member m where m.classid = 'pg_operator'::regclass and m.objid = o.oid)
       and exists (select from pg_operator k join routine p on p.oid = k.oprcode where p.kept)
    union all
    -- A condition would be evaluated in part.
    select 'pg_trigger'::regclass, t.oid, 'trigger', quote_ident(t.tgname), null, false, false, false, null
      from pg_trigger t join routine p on p.oid = t.tgfoid
     where p.kept and not t.tgisinternal and t.tgqual is null
    union all
    select 'pg_opclass'::regclass, o.oid, 'operator class', format('%I.%I', s.nspname, o.opcname),
           format('alter operator class %I.%I using %I owner to %I', s.nspname, o.opcname, a.amname, $2), true, false, false, null
      from pg_opclass o join space s on s.oid = o.opcnamespace join pg_am a on a.oid = o.opcmethod
     where not exists (select from member m where m.classid = 'pg_opclass'::regclass and m.objid = o.oid)
    union all
    select 'pg_opfamily'::regclass, o.oid, 'operator family', format('%I.%I', s.nspname, o.opfname),
           format('alter operator family %I.%I using %I owner to %I', s.nspname, o.opfname, a.amname, $2), true, false, false, null
      from pg_opfamily o join space s on s.oid = o.opfnamespace join pg_am a on a.oid = o.opfmethod
     where not exists (select from member m where m.classid = 'pg_opfamily'::regclass and m.objid = o.oid)
    union all
    -- One without a function, or between types that the owner of branches does not own.
    select 'pg_cast'::regclass, c.oid, 'cast', format('(%s as %s)', c.castsource::regtype, c.casttarget::regtype), null, true, false, false, null
      from pg_cast c
     where c.oid >= 16384 and not exists (select from member m where m.classid = 'pg_cast'::regclass and m.objid = c.oid)
       and (c.castmethod = 'b' or not exists (select from kind k where k.oid in (c.castsource, c.casttarget)))
    union all
    select 'pg_transform'::regclass, t.oid, 'transform', format('for %s language %I', t.trftype::regtype, l.lanname), null, true, false, false, null
      from pg_transform t join pg_language l on l.oid = t.trflang
     where not exists (select from member m where m.classid = 'pg_transform'::regclass and m.objid = t.oid)
    union all
    select 'pg_am'::regclass, a.oid, 'access method', quote_ident(a.amname), null, true, false, false, null
      from pg_am a where a.oid >= 16384 and not exists (select from member m where m.classid = 'pg_am'::regclass and m.objid = a.oid)
    union all
    select 'pg_language'::regclass, l.oid, 'language', quote_ident(l.lanname), null, true, false, false, null
      from pg_language l where l.oid >= 16384 and not exists (select from member m where m.classid = 'pg_language'::regclass and m.objid = l.oid)
    union all
    -- Its validator runs when it is made.
    select 'pg_foreign_data_wrapper'::regclass, w.oid, 'foreign data wrapper', quote_ident(w.fdwname),
           format('grant usage on foreign data wrapper %I to %I', w.fdwname, $2), true,
           exists (select from pg_proc v join pg_language l on l.oid = v.prolang where v.oid = w.fdwvalidator and l.lanname not in ('c', 'internal')),
           false, null
      from pg_foreign_data_wrapper w
     where not exists (select from member m where m.classid = 'pg_foreign_data_wrapper'::regclass and m.objid = w.oid)
    union all
    select 'pg_ts_parser'::regclass, p.oid, 'text search parser', format('%I.%I', s.nspname, p.prsname), null, true, false, false, null
      from pg_ts_parser p join space s on s.oid = p.prsnamespace
     where not exists (select from member m where m.classid = 'pg_ts_parser'::regclass and m.objid = p.oid)
    union all
    select 'pg_ts_template'::regclass, t.oid, 'text search template', format('%I.%I', s.nspname, t.tmplname), null, true, false, false, null
      from pg_ts_template t join space s on s.oid = t.tmplnamespace
     where not exists (select from member m where m.classid = 'pg_ts_template'::regclass and m.objid = t.oid)
)
select class::int8, object::int8, kind, identity, made as "then", certain, evaluates, kept, less from object order by kind, identity
