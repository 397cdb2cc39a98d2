-- What asks other servers: foreign tables, whatever they are parts of, functions of extensions ($1) that connect, and routines whose text names one of them:
-- (class, object).
with recursive asked (oid) as (
    select oid from pg_class where relkind = 'f'
    union
    select i.inhparent from asked a join pg_inherits i on i.inhrelid = a.oid
), called (oid) as (
    select d.objid from pg_depend d join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid
     where d.deptype = 'e' and d.classid = 'pg_proc'::regclass and e.extname = any($1)
), name (word, pattern) as (
    -- A function's name with what it is called with: `http` is in every address.
    select word, '\m' || regexp_replace(word, '([^[:alnum:]_])', '\\\1', 'g') || '\M' || behind
      from (select relname::text, '' from asked join pg_class c on c.oid = asked.oid
            union select proname::text, '"?\s*\(' from called join pg_proc p on p.oid = called.oid) known(word, behind)
)
select 'pg_class'::regclass::int8, oid::int8 from asked
union
select 'pg_proc'::regclass::int8, oid::int8 from called
union
select 'pg_proc'::regclass::int8, p.oid::int8
  from pg_proc p join pg_language l on l.oid = p.prolang
  -- What is quick to tell first: there may be many routines and many names.
  join name n on strpos(lower(p.prosrc), lower(n.word)) > 0 and p.prosrc ~* n.pattern
 where l.lanname not in ('c', 'internal') and p.oid >= 16384
