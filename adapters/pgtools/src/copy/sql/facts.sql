-- What withholding has to know of each table that holds rows: its columns, foreign keys, and what it is a partition of. $1: schemas left out.
with rel as materialized (
    select c.oid, c.relkind, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and c.relpersistence <> 't'
       and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1)
), checked_domain as materialized (
    -- A domain may refuse NULL by itself or by what it is made of; any check of it is taken for a refusal.
    with recursive domain(oid, base) as (
        select t.oid, t.oid from pg_type t where t.typtype = 'd'
        union
        select d.oid, t.typbasetype from domain d join pg_type t on t.oid = d.base and t.typtype = 'd'
    )
    select distinct d.oid from domain d join pg_type t on t.oid = d.base
     where t.typnotnull or exists (select from pg_constraint c where c.contypid = d.base and c.contype = 'c')
), bound (relation, attribute) as materialized (
    -- Keys, checks and exclusions of the table itself. A check of the whole row names column 0, or none.
    select c.conrelid, k from pg_constraint c, unnest(c.conkey) k where c.contype in ('p', 'c', 'x')
    union
    -- What a foreign key points at must stay what it is.
    select c.confrelid, k from pg_constraint c, unnest(c.confkey) k where c.contype = 'f'
    union
    -- Unique indexes in which NULLs are equal, or whose expressions or predicates may make rows equal.
    select i.indrelid, k from pg_index i, unnest(i.indkey::int2[]) k
     where i.indisunique and k > 0 and (i.indnullsnotdistinct or i.indexprs is not null or i.indpred is not null)
    union
    select i.indrelid, d.refobjsubid::int2 from pg_index i
      join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.refclassid = 'pg_class'::regclass and d.refobjid = i.indrelid
     where i.indisunique and d.refobjsubid > 0 and (i.indexprs is not null or i.indpred is not null)
    union
    -- Columns that generated ones are made of.
    select g.adrelid, d.refobjsubid::int2 from pg_attrdef g
      join pg_attribute a on a.attrelid = g.adrelid and a.attnum = g.adnum and a.attgenerated <> ''
      join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = g.oid and d.refclassid = 'pg_class'::regclass and d.refobjid = g.adrelid
     where d.refobjsubid > 0
), partition_key (relation, attribute) as materialized (
    -- By name, for every partition below; a key with an expression binds every column.
    with recursive below(root, relation) as (
        select p.partrelid, p.partrelid from pg_partitioned_table p
        union
        select b.root, i.inhrelid from below b join pg_inherits i on i.inhparent = b.relation
    )
    select b.relation, case when p.partexprs is null then a.attname end from below b
      join pg_partitioned_table p on p.partrelid = b.root cross join lateral unnest(p.partattrs::int2[]) k
      left join pg_attribute a on a.attnum = k and a.attrelid = p.partrelid
)
select jsonb_build_object(
    'name', jsonb_build_object('schema', r.nspname, 'name', r.relname),
    'columns', coalesce((select jsonb_agg(jsonb_build_object('name', a.attname, 'may_become_null',
             not a.attnotnull and a.attgenerated = ''
             and a.atttypid not in (select oid from checked_domain)
             and (r.oid, a.attnum) not in (select relation, attribute from bound where attribute <> 0)
             and r.oid not in (select relation from bound where attribute = 0)
             and (r.oid, a.attname) not in (select relation, attribute from partition_key where attribute is not null)
             and r.oid not in (select relation from partition_key where attribute is null))
             order by a.attnum)
         from pg_attribute a where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped), '[]'),
    'foreign_keys', coalesce((select jsonb_agg(jsonb_build_object('name', c.conname, 'match_full', c.confmatchtype = 'f',
             'columns', (select jsonb_agg(a.attname order by k.place) from unnest(c.conkey) with ordinality k(attnum, place)
                           join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum),
             'references', (select jsonb_build_object('schema', n.nspname, 'name', t.relname) from pg_class t join pg_namespace n on n.oid = t.relnamespace
                             where t.oid = c.confrelid)) order by c.conname)
         from pg_constraint c where c.conrelid = r.oid and c.contype = 'f'), '[]'),
    'partition_of', (select jsonb_build_object('schema', n.nspname, 'name', t.relname) from pg_inherits i join pg_class t on t.oid = i.inhparent
                       join pg_namespace n on n.oid = t.relnamespace where i.inhrelid = r.oid and t.relkind = 'p'),
    'inherits', coalesce((select jsonb_agg(jsonb_build_object('schema', n.nspname, 'name', t.relname)) from pg_inherits i
                       join pg_class t on t.oid = i.inhparent join pg_namespace n on n.oid = t.relnamespace where i.inhrelid = r.oid), '[]'),
    'of_extension', (select e.extname from pg_depend d join pg_extension e on e.oid = d.refobjid
                      where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.deptype = 'e' limit 1)
) from rel r order by r.oid
