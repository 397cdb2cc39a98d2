-- What asks other servers: foreign tables, whatever they are parts of, functions of extensions ($1) that connect, and routines that call or read one of those, by
-- way of views and of other routines too, as far as their text names them: (class, object).
with recursive body as materialized (
    select p.oid, p.prosrc as text, lower(p.prosrc) as lower from pg_proc p join pg_language l on l.oid = p.prolang
     where l.lanname not in ('c', 'internal') and p.oid >= 16384
), asked (class, oid) as (
    (select 'pg_class'::regclass::oid, oid from pg_class where relkind = 'f'
     union
     select d.classid, d.objid from pg_depend d join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid
      where d.deptype = 'e' and d.classid = 'pg_proc'::regclass and e.extname = any($1))
    union
    select o.class, o.oid
      from asked a left join pg_class c on a.class = 'pg_class'::regclass and c.oid = a.oid left join pg_proc p on a.class = 'pg_proc'::regclass and p.oid = a.oid
      cross join lateral (
            select a.class, i.inhparent as oid from pg_inherits i where c.oid is not null and i.inhrelid = a.oid
            union all
            -- Views, and bodies that PostgreSQL has parsed.
            select case when r.oid is null then d.classid else 'pg_class'::regclass end, coalesce(r.ev_class, d.objid)
              from pg_depend d left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid and r.rulename = '_RETURN'
             where d.refclassid = a.class and d.refobjid = a.oid and d.deptype = 'n' and (r.oid is not null or d.classid = 'pg_proc'::regclass)
            union all
            -- What is quick to tell first: there may be many routines and many names. A function's name is one with what it is called with: `http` is in every
            -- address.
            select 'pg_proc'::regclass, b.oid from body b
             where strpos(b.lower, lower(coalesce(c.relname, p.proname))) > 0
               and b.text ~* ('\m' || regexp_replace(coalesce(c.relname, p.proname), '([^[:alnum:]_])', '\\\1', 'g') || '\M' || case when c.oid is null then '"?\s*\(' else '' end)
          ) o (class, oid)
)
-- What stands on a view stands on what the view does.
select class::int8, oid::int8 from asked
 where class = 'pg_proc'::regclass or exists (select from pg_class c where c.oid = asked.oid and c.relkind not in ('v', 'm'))
