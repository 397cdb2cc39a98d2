-- What stands on given objects, and they themselves: (class, object, kind, identity, roots, along, needed, runs). $1, $2: their catalogues and numbers;
-- $3: whether they will be missing: then what is made of their types stands on them too, and so does what belongs to what does. Else only who calls or reads
-- them is looked for.
-- `roots`: on which of them it stands. `along`: it is a part of another of these. `needed`: it is part of a table's definition, or keeps rows from somebody.
-- `runs`: it is evaluated by whoever uses it.
with recursive found (root_class, root, class, object) as (
    select u.class::oid, u.object::oid, u.class::oid, u.object::oid from unnest($1::int8[], $2::int8[]) u (class, object)
    union
    select f.root_class, f.root, o.class, o.object
      from found f cross join lateral (
            select d.classid as class, d.objid as object from pg_depend d
             where d.refclassid = f.class and d.refobjid = f.object and d.deptype in ('n', 'a', 'i', 'P', 'S')
               and ($3 or (d.deptype = 'n' and d.classid <> 'pg_type'::regclass))
               -- A trigger is made with its function, and not asked afterwards who may call that.
               and not (d.classid = 'pg_trigger'::regclass and d.refclassid = 'pg_proc'::regclass
                        and exists (select from pg_trigger t where t.oid = d.objid and t.tgfoid = d.refobjid))
            union all
            -- What it is the inside of: the view of a query, the key of an index.
            select d.refclassid, d.refobjid from pg_depend d
             where d.classid = f.class and d.objid = f.object and d.deptype = 'i' and ($3 or d.classid = 'pg_rewrite'::regclass)
            union all
            select 'pg_type'::regclass, c.contypid from pg_constraint c
             where $3 and f.class = 'pg_constraint'::regclass and c.oid = f.object and c.contypid <> 0
           ) o
), member as materialized (
    select distinct class, object from found
), part (class, object, words, rel, needed, runs) as (
    select m.class, m.object, null, c.oid, c.relkind in ('r', 'p'), c.relkind in ('i', 'I')
      from member m join pg_class c on m.class = 'pg_class'::regclass and c.oid = m.object
    union all
    select m.class, m.object, case when r.rulename <> '_RETURN' then 'rule ' || quote_ident(r.rulename) || ' on ' end, r.ev_class, false,
           -- A materialised view that cannot be filled is told of when it is.
           not (c.relkind = 'm' and c.relispopulated)
      from member m join pg_rewrite r on m.class = 'pg_rewrite'::regclass and r.oid = m.object join pg_class c on c.oid = r.ev_class
    union all
    select m.class, m.object, case a.attgenerated when '' then 'default of column ' else 'generated column ' end || quote_ident(a.attname) || ' of ',
           f.adrelid, c.relkind in ('r', 'p', 'f'), true
      from member m join pg_attrdef f on m.class = 'pg_attrdef'::regclass and f.oid = m.object
      join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum join pg_class c on c.oid = f.adrelid
    union all
    select m.class, m.object, 'constraint ' || quote_ident(c.conname) || ' of ', c.conrelid, c.contype = 'c', true
      from member m join pg_constraint c on m.class = 'pg_constraint'::regclass and c.oid = m.object where c.conrelid <> 0
    union all
    select m.class, m.object, 'policy ' || quote_ident(p.polname) || ' on ', p.polrelid, not p.polpermissive, true
      from member m join pg_policy p on m.class = 'pg_policy'::regclass and p.oid = m.object
    union all
    select m.class, m.object, 'trigger ' || quote_ident(t.tgname) || ' on ', t.tgrelid, false, not t.tgisinternal
      from member m join pg_trigger t on m.class = 'pg_trigger'::regclass and t.oid = m.object
), told as (
    select m.class, m.object, c.oid as rel, coalesce(p.needed, false) as needed,
           coalesce(p.runs, d.contypid is not null or f.prosqlbody is not null or m.class = 'pg_statistic_ext'::regclass) as runs,
           case when d.contypid is not null then 'constraint ' || quote_ident(d.conname) || ' of domain'
                when c.oid is null then i.type
                else coalesce(p.words, '') || case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
                                                             when 'S' then 'sequence' when 'i' then 'index' when 'I' then 'index' else 'table' end end as kind,
           coalesce(c.oid::regclass::text, d.contypid::regtype::text, i.identity) as identity
      from member m left join part p on p.class = m.class and p.object = m.object left join pg_class c on c.oid = p.rel
      left join pg_constraint d on m.class = 'pg_constraint'::regclass and d.oid = m.object and d.contypid <> 0
      left join pg_proc f on m.class = 'pg_proc'::regclass and f.oid = m.object
      cross join lateral pg_identify_object(m.class, m.object, 0) i
     where c.relpersistence is distinct from 't' and ($3 or p.words is null or not c.relispartition)
)
select t.class::int8 as class, t.object::int8 as object, t.kind, t.identity,
       array(select distinct r.type || ' ' || r.identity from found f, pg_identify_object(f.root_class, f.root, 0) r
              where f.class = t.class and f.object = t.object order by 1) as roots,
       exists (select from pg_depend d join member m on m.class = d.refclassid and m.object = d.refobjid
                where d.classid = t.class and d.objid = t.object and d.deptype in ('a', 'i', 'P', 'S')) as along,
       t.needed, t.runs
  from told t order by t.kind, t.identity
