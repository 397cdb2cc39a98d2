-- Definitions of a database without an encoding that hold what is no UTF-8: what each is, its own bytes beyond ASCII as numbers. $1: schemas left out.
with space as (
    select oid, nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' and nspname <> all($1)
), rel as (
    select c.oid, case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'i' then 'index' else 'table' end as word, c.relkind
      from pg_class c join space s on s.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'i')
), said (what, text) as (
    select 'schema ' || nspname, nspname from space
    union all select word || ' ' || oid::regclass, oid::regclass::text from rel
    union all select word || ' ' || oid::regclass, pg_get_viewdef(oid) from rel where relkind in ('v', 'm')
    union all select 'index ' || oid::regclass, pg_get_indexdef(oid) from rel where relkind = 'i'
    union all select 'column ' || quote_ident(a.attname) || ' of ' || r.word || ' ' || r.oid::regclass, a.attname
                from rel r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    union all select 'default of column ' || quote_ident(a.attname) || ' of ' || r.word || ' ' || r.oid::regclass, pg_get_expr(d.adbin, d.adrelid)
                from rel r join pg_attrdef d on d.adrelid = r.oid join pg_attribute a on a.attrelid = r.oid and a.attnum = d.adnum
    union all select 'constraint ' || quote_ident(k.conname) || coalesce(' of ' || nullif(k.conrelid, 0)::regclass, ''), k.conname || pg_get_constraintdef(k.oid)
                from pg_constraint k join space s on s.oid = k.connamespace
    union all select 'trigger ' || quote_ident(t.tgname) || ' on ' || r.oid::regclass, pg_get_triggerdef(t.oid) from rel r join pg_trigger t on t.tgrelid = r.oid
    union all select 'policy ' || quote_ident(p.polname) || ' on ' || r.oid::regclass,
                     p.polname || coalesce(pg_get_expr(p.polqual, p.polrelid), '') || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
                from rel r join pg_policy p on p.polrelid = r.oid
    union all select 'routine ' || p.oid::regprocedure, p.proname || p.prosrc from pg_proc p join space s on s.oid = p.pronamespace
    union all select 'type ' || t.oid::regtype, t.oid::regtype::text from pg_type t join space s on s.oid = t.typnamespace where t.typelem = 0 and t.typrelid = 0
    union all select 'label of type ' || e.enumtypid::regtype, e.enumlabel from pg_enum e
    union all select 'comment on ' || pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description from pg_description d where d.objoid >= 16384
)
select distinct encode(convert_to(what, 'SQL_ASCII'), 'escape') as named from said
 where text ~ '[^\x01-\x7f]'
   and encode(convert_to(text, 'SQL_ASCII'), 'hex')
       !~ '^([0-7].|c[2-9a-f][89ab].|d.[89ab].|e0[ab].[89ab].|e[1-9a-cef][89ab].[89ab].|ed[89].[89ab].|f0[9ab].([89ab].){2}|f[1-3]([89ab].){3}|f48.([89ab].){2})*$'
 order by 1
