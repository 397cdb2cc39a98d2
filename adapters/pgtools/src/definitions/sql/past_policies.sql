-- What reads rows by the rights of a role that their tables' policies bind here, and would read them past those in a copy, where all is one owner's:
-- (class, object, kind, word, identity, privileges, tables). $1: schemas left out; $2: the owner of branch objects. Without privileges whatever use of it does; with
-- some, a rule of it does, which acts for nothing but what they allow.
--
-- A view that acts for its owner reads as that owner what it names itself; what it reads by way of another view counts by that one's owner. Where policies are
-- forced they bind a copy's owner too, but for those that restrict other roles only.
with recursive space as materialized (
    select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' and nspname <> all($1)
), guarded as materialized (
    select c.oid, c.relowner, c.relforcerowsecurity as forced,
           exists (select from pg_policy p where p.polrelid = c.oid and not p.polpermissive and p.polroles <> '{0}') as particular
      from pg_class c where c.relkind in ('r', 'p') and c.relrowsecurity and c.relnamespace in (select oid from space)
), bound as materialized (
    -- What a branch's owner reads there it reads in a copy of that.
    select oid from pg_roles where not rolsuper and not rolbypassrls and rolname <> $2
), reader as materialized (
    select distinct c.oid, c.relowner, c.relkind, d.refobjid as source,
           case r.ev_type when '2' then 'update' when '3' then 'insert' when '4' then 'delete' else 'any' end as event
      from pg_rewrite r join pg_class c on c.oid = r.ev_class and c.relnamespace in (select oid from space)
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> c.oid
     where r.rulename <> '_RETURN' or c.relkind = 'm'
        or not exists (select from pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker' and o.option_value::bool)
), found (oid, event, source) as (
    select r.oid, r.event, g.oid from reader r join bound b on b.oid = r.relowner join guarded g on g.oid = r.source
     -- A copy fills its materialised views before there are policies.
     where case when r.relkind <> 'm' and g.forced then g.particular else g.forced or not pg_has_role(r.relowner, g.relowner, 'usage') end
    union
    -- To read a table is no event of its rules. What changes rows by way of a view changes those of the view's table.
    select r.oid, case r.event when 'any' then f.event else r.event end, f.source from found f join reader r on r.source = f.oid
     where f.event = 'any' or r.relkind <> 'm'
), routine as (
    -- What a body in SQL or PL/pgSQL reads it names, but for statements that it puts together.
    select p.oid, p.prosrc, p.proowner, l.lanname not in ('sql', 'plpgsql') or p.prosrc ~* '\mexecute\M' as untold, p.prosqlbody is not null as parsed
      from pg_proc p join pg_language l on l.oid = p.prolang
     where p.prosecdef and p.pronamespace in (select oid from space)
       -- Nobody is asked who may execute those.
       and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
), names (oid, named) as (
    select p.oid, c.oid from routine p cross join (select oid from guarded union select oid from found) known join pg_class c on c.oid = known.oid
     -- What is quick to tell first: there may be many routines and many names.
     where (strpos(lower(p.prosrc), lower(c.relname)) > 0 and p.prosrc ~* ('\m' || regexp_replace(c.relname, '([^[:alnum:]_])', '\\\1', 'g') || '\M'))
        or exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid)
), called (oid, source) as (
    select p.oid, g.oid from routine p join bound b on b.oid = p.proowner cross join guarded g
     where (p.untold or (p.oid, g.oid) in (select oid, named from names))
       and case when g.forced then g.particular else not pg_has_role(p.proowner, g.relowner, 'usage') end
       and (has_table_privilege(p.proowner, g.oid, 'select, insert, update, delete') or has_any_column_privilege(p.proowner, g.oid, 'select, insert, update'))
    union
    -- Whose it may be: it reads such a view, or writes to such a table, as far as can be told.
    select n.oid, f.source from names n join found f on f.oid = n.named join routine p on p.oid = n.oid
     where f.event = 'any' or p.untold or p.parsed or p.prosrc ~* ('\m' || f.event || '\M')
)
select 'pg_class'::regclass::int8 as class, c.oid::int8 as object, 'table' as kind,
       case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as word, c.oid::regclass::text as identity,
       array(select distinct f.event from found f where f.oid = c.oid and not exists (select from found a where a.oid = c.oid and a.event = 'any') order by 1) as privileges,
       array(select distinct f.source::regclass::text from found f where f.oid = c.oid order by 1) as tables
  from pg_class c where c.oid in (select oid from found)
union all
select 'pg_proc'::regclass::int8, p.oid::int8, 'routine', 'routine', p.oid::regprocedure::text, '{}',
       array(select distinct c.source::regclass::text from called c where c.oid = p.oid order by 1)
  from routine p where p.oid in (select oid from called)
 order by kind, identity
