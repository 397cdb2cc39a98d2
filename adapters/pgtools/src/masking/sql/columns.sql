-- What masking has to know of each table that holds rows: its columns, their types and keys, and what ties them to others. $1: schemas left out; $2: extensions
-- left out. Of others' tables those are looked at whose rows come along. What is asked of every column is asked in sets: locks are held meanwhile, and a list that is
-- gone through for each column makes that a matter of the square of the number of tables.
with rel as materialized (
    select c.oid, c.relkind, c.relispartition, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and c.relpersistence <> 't'
       and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1)
       and (not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
            or exists (select from pg_extension e where c.oid = any(e.extconfig) and e.extname <> all($2)
                          and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')))
), base as materialized (
    -- What a domain is made of in the end, its length, and whether it or any domain between refuses NULL.
    with recursive step(type, at, typmod, required) as (
        select t.oid, t.typbasetype, t.typtypmod, t.typnotnull from pg_type t where t.typtype = 'd'
        union all
        select s.type, t.typbasetype, case when s.typmod = -1 then t.typtypmod else s.typmod end, s.required or t.typnotnull
          from step s join pg_type t on t.oid = s.at and t.typtype = 'd'
    )
    select s.type, s.at as base, s.typmod, s.required from step s join pg_type t on t.oid = s.at and t.typtype <> 'd'
), strict (relation, attribute, domain) as materialized (
    -- Checks that NULL may fail, by the columns that they read, or 0 for whatever column: every other check holds for NULL.
    select k.conrelid, coalesce(read.attribute, 0), k.contypid from pg_constraint k left join lateral unnest(k.conkey) read(attribute) on true
     where k.contype = 'c' and pg_get_constraintdef(k.oid) ~* 'is (not )?null|is (not )?distinct|num_n|coalesce|\mcase\M'
), checked_domain as materialized (
    -- Domains that check their values so themselves, or are made of one that does.
    with recursive made(type, of) as (
        select t.oid, t.oid from pg_type t where t.typtype = 'd'
        union
        select m.type, t.typbasetype from made m join pg_type t on t.oid = m.of and t.typtype = 'd'
    )
    select distinct m.type from made m join strict k on k.domain = m.of
), indexed (relation, attribute, name) as materialized (
    -- Unique and exclusion indexes: their columns, and those that their expressions and conditions read.
    select i.indrelid, k.attribute, c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
      cross join lateral (
        select a.attnum from unnest(i.indkey::int2[]) with ordinality a(attnum, place) where a.place <= i.indnkeyatts and a.attnum > 0
        union
        select d.refobjsubid::int2 from pg_depend d
         where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.refclassid = 'pg_class'::regclass and d.refobjid = i.indrelid
           and d.refobjsubid > 0 and (i.indexprs is not null or i.indpred is not null)
      ) k(attribute)
     where i.indisunique or i.indisexclusion
), keyed (relation, attribute, name) as materialized (
    select relation, attribute, min(name::text collate "C") from indexed group by relation, attribute
), part (type, name, kind, relation) as materialized (
    -- What a column's type is made of, itself first: elements, bases of domains, attributes, bounds of ranges, and so on.
    with recursive made(type, at) as (
        select distinct a.atttypid, a.atttypid from rel r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        union
        select m.type, o.type from made m join pg_type t on t.oid = m.at cross join lateral (
            select t.typbasetype where t.typtype = 'd'
            union all select t.typelem where t.typelem <> 0 and t.typcategory = 'A'
            union all select x.atttypid from pg_attribute x where t.typtype = 'c' and x.attrelid = t.typrelid and x.attnum > 0 and not x.attisdropped
            union all select g.rngsubtype from pg_range g where t.typtype in ('r', 'm') and t.oid in (g.rngtypid, g.rngmultitypid)
        ) o (type)
    )
    select m.type, t.typname, t.typtype, t.typrelid from made m join pg_type t on t.oid = m.at
), made_of (type, names, attributes, rows_of) as materialized (
    select p.type, jsonb_agg(distinct p.name) filter (where p.kind = 'b'), jsonb_agg(distinct c.attname) filter (where c.attname is not null),
           jsonb_agg(distinct jsonb_build_object('schema', c.nspname, 'name', c.relname)) filter (where c.relkind in ('r', 'p'))
      from part p left join lateral (
            -- Few types are made of attributes, and each is looked up by itself.
            select n.nspname, c.relname, c.relkind, x.attname from pg_class c join pg_namespace n on n.oid = c.relnamespace
              left join pg_attribute x on x.attrelid = c.oid and x.attnum > 0 and not x.attisdropped
             where c.oid = p.relation
            union all
            -- A view's rows are those of the tables that it reads.
            select n.nspname, c.relname, c.relkind, null from (
                   with recursive reads(relation) as (
                       select p.relation
                       union
                       select d.refobjid from reads v join pg_rewrite w on w.ev_class = v.relation and w.rulename = '_RETURN'
                         join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
                   ) select relation from reads) r
              join pg_class c on c.oid = r.relation and c.oid <> p.relation join pg_namespace n on n.oid = c.relnamespace
            offset 0
           ) c on p.relation <> 0
     group by p.type
), partition_key (relation, attribute) as materialized (
    -- By name, for every partition below. A column that a key's expression reads depends on its table by that.
    with recursive below(root, relation) as (
        select p.partrelid, p.partrelid from pg_partitioned_table p
        union
        select b.root, i.inhrelid from below b join pg_inherits i on i.inhparent = b.relation
    ), reads(root, attnum) as (
        select p.partrelid, k from pg_partitioned_table p, unnest(p.partattrs::int2[]) k where k > 0
        union
        select p.partrelid, d.objsubid::int2 from pg_partitioned_table p
          join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = p.partrelid and d.objsubid > 0
                          and d.refclassid = 'pg_class'::regclass and d.refobjid = p.partrelid and d.refobjsubid = 0
         where p.partexprs is not null
    )
    select b.relation, a.attname from below b join reads r on r.root = b.root join pg_attribute a on a.attrelid = r.root and a.attnum = r.attnum
), of_table (relation, columns) as materialized (
    select a.attrelid, jsonb_agg(jsonb_build_object(
             'name', a.attname,
             'kind', case
                 when t.typelem <> 0 and t.typlen = -1 and t.typcategory = 'A' then 'array'
                 when t.typtype = 'e' then 'enum'
                 when t.typname = 'citext' then 'caseless_text'
                 when t.typnamespace = 'pg_catalog'::regnamespace then case t.typname::text
                     when 'text' then 'text' when 'varchar' then 'text' when 'name' then 'other' when 'bpchar' then 'padded_text'
                     when 'uuid' then 'uuid' when 'int2' then 'small' when 'int4' then 'integer' when 'int8' then 'big'
                     when 'numeric' then 'decimal' when 'float4' then 'real' when 'float8' then 'double' when 'bool' then 'boolean'
                     when 'date' then 'date' when 'timestamp' then 'timestamp' when 'timestamptz' then 'timestamp_tz'
                     when 'time' then 'time' when 'timetz' then 'time' when 'interval' then 'interval'
                     when 'json' then 'json' when 'jsonb' then 'json' when 'bytea' then 'bytes' when 'inet' then 'inet'
                     when 'macaddr' then 'mac' when 'macaddr8' then 'mac' when 'oid' then 'large_object' else 'other' end
                 else 'other' end,
             'declared', format_type(a.atttypid, a.atttypmod),
             'made_of', coalesce(made_of.names, '[]'),
             'attributes', coalesce(made_of.attributes, '[]'),
             'rows_of', coalesce(made_of.rows_of, '[]'),
             'room', case when t.oid in ('varchar'::regtype, 'bpchar'::regtype)
                          then nullif(greatest(coalesce(nullif(a.atttypmod, -1), base.typmod, -1) - 4, 0), 0) end,
             'nullable', not a.attnotnull and not coalesce(base.required, false),
             'comment', col_description(r.oid, a.attnum),
             'key', keyed.name,
             'partition_key', (r.oid, a.attname) in (select relation, attribute from partition_key),
             'generated_from', case when a.attgenerated <> '' then coalesce((
                 select jsonb_agg(s.attname order by s.attnum) from pg_attrdef g
                   join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = g.oid and d.refclassid = 'pg_class'::regclass and d.refobjid = r.oid
                   join pg_attribute s on s.attrelid = r.oid and s.attnum = d.refobjsubid
                  where g.adrelid = r.oid and g.adnum = a.attnum and d.refobjsubid > 0 and d.refobjsubid <> a.attnum), '[]') end,
             'numbered', a.attidentity <> '' or exists (
                 select from pg_attrdef g join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = g.oid and d.refclassid = 'pg_class'::regclass
                   join pg_class q on q.oid = d.refobjid and q.relkind = 'S' where g.adrelid = r.oid and g.adnum = a.attnum),
             'checked', (r.oid, a.attnum) in (select relation, attribute from strict) or r.oid in (select relation from strict where attribute = 0)
                     or a.atttypid in (select type from checked_domain),
             'loose', exists (select from pg_collation o where o.oid = a.attcollation and not o.collisdeterministic)
             ) order by a.attnum)
      from rel r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      left join keyed on keyed.relation = a.attrelid and keyed.attribute = a.attnum
      left join made_of on made_of.type = a.atttypid
      left join base on base.type = a.atttypid join pg_type t on t.oid = coalesce(base.base, a.atttypid)
     group by a.attrelid
)
select jsonb_build_object(
    'name', jsonb_build_object('schema', r.nspname, 'name', r.relname),
    'partition', r.relispartition,
    'parents', coalesce((select jsonb_agg(jsonb_build_object('schema', n.nspname, 'name', t.relname) order by i.inhseqno) from pg_inherits i
                       join pg_class t on t.oid = i.inhparent join pg_namespace n on n.oid = t.relnamespace where i.inhrelid = r.oid), '[]'),
    'foreign_keys', coalesce((select jsonb_agg(jsonb_build_object('name', c.conname,
             'references', (select jsonb_build_object('schema', n.nspname, 'name', t.relname) from pg_class t join pg_namespace n on n.oid = t.relnamespace
                             where t.oid = c.confrelid),
             'columns', (select jsonb_agg(a.attname order by k.place) from unnest(c.conkey) with ordinality k(attnum, place)
                           join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum),
             'referenced', (select jsonb_agg(a.attname order by k.place) from unnest(c.confkey) with ordinality k(attnum, place)
                           join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.attnum)) order by c.conname)
         from pg_constraint c where c.conrelid = r.oid and c.contype = 'f'), '[]'),
    'columns', coalesce(of_table.columns, '[]')
) from rel r left join of_table on of_table.relation = r.oid order by r.oid
