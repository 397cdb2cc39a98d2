-- A text that is another one after any change of definitions: the ids of all catalogue rows of this database's own objects, and the transactions that
-- wrote them. ANALYZE and VACUUM do not change it, and a copy by TEMPLATE has the same. Temporary objects do not count.
with
temporary as materialized (select oid from pg_namespace where nspname like 'pg\_temp\_%' or nspname like 'pg\_toast\_temp\_%'),
rel as materialized (select oid, xmin from pg_class where oid >= 16384 and relnamespace not in (select oid from temporary)),
routine as materialized (select oid, xmin from pg_proc where oid >= 16384 and pronamespace not in (select oid from temporary)),
kind as materialized (select oid, xmin from pg_type where oid >= 16384 and typnamespace not in (select oid from temporary)),
mark (catalogue, id, sub, writer) as (
    select 'namespace', oid, 0, xmin from pg_namespace where oid not in (select oid from temporary)
    union all select 'class', oid, 0, xmin from rel
    union all select 'attribute', a.attrelid, a.attnum, a.xmin from pg_attribute a join rel on rel.oid = a.attrelid
    union all select 'attrdef', d.oid, 0, d.xmin from pg_attrdef d join rel on rel.oid = d.adrelid
    union all select 'index', i.indexrelid, 0, i.xmin from pg_index i join rel on rel.oid = i.indexrelid
    union all select 'inherits', i.inhrelid, i.inhseqno, i.xmin from pg_inherits i join rel on rel.oid = i.inhrelid
    union all select 'partitioned', p.partrelid, 0, p.xmin from pg_partitioned_table p join rel on rel.oid = p.partrelid
    union all select 'sequence', s.seqrelid, 0, s.xmin from pg_sequence s join rel on rel.oid = s.seqrelid
    union all select 'foreign table', f.ftrelid, 0, f.xmin from pg_foreign_table f join rel on rel.oid = f.ftrelid
    union all select 'constraint', oid, 0, xmin from pg_constraint where oid >= 16384 and connamespace not in (select oid from temporary)
    union all select 'trigger', t.oid, 0, t.xmin from pg_trigger t join rel on rel.oid = t.tgrelid
    union all select 'rewrite', r.oid, 0, r.xmin from pg_rewrite r join rel on rel.oid = r.ev_class
    union all select 'policy', p.oid, 0, p.xmin from pg_policy p join rel on rel.oid = p.polrelid
    union all select 'statistics', s.oid, 0, s.xmin from pg_statistic_ext s join rel on rel.oid = s.stxrelid
    union all select 'type', oid, 0, xmin from kind
    union all select 'enum', e.oid, 0, e.xmin from pg_enum e join kind on kind.oid = e.enumtypid
    union all select 'range', r.rngtypid, 0, r.xmin from pg_range r join kind on kind.oid = r.rngtypid
    union all select 'routine', oid, 0, xmin from routine
    union all select 'aggregate', a.aggfnoid, 0, a.xmin from pg_aggregate a join routine on routine.oid = a.aggfnoid
    union all select 'operator', oid, 0, xmin from pg_operator where oid >= 16384
    union all select 'operator class', oid, 0, xmin from pg_opclass where oid >= 16384
    union all select 'operator family', oid, 0, xmin from pg_opfamily where oid >= 16384
    union all select 'operator of a family', oid, 0, xmin from pg_amop where oid >= 16384
    union all select 'function of a family', oid, 0, xmin from pg_amproc where oid >= 16384
    union all select 'cast', oid, 0, xmin from pg_cast where oid >= 16384
    union all select 'collation', oid, 0, xmin from pg_collation where oid >= 16384
    union all select 'conversion', oid, 0, xmin from pg_conversion where oid >= 16384
    union all select 'text search configuration', oid, 0, xmin from pg_ts_config where oid >= 16384
    union all select 'text search mapping', mapcfg, maptokentype * 100 + mapseqno, xmin from pg_ts_config_map where mapcfg >= 16384
    union all select 'text search dictionary', oid, 0, xmin from pg_ts_dict where oid >= 16384
    union all select 'text search parser', oid, 0, xmin from pg_ts_parser where oid >= 16384
    union all select 'text search template', oid, 0, xmin from pg_ts_template where oid >= 16384
    union all select 'language', oid, 0, xmin from pg_language where oid >= 16384
    union all select 'access method', oid, 0, xmin from pg_am where oid >= 16384
    union all select 'transform', oid, 0, xmin from pg_transform
    union all select 'extension', oid, 0, xmin from pg_extension where oid >= 16384
    union all select 'foreign data wrapper', oid, 0, xmin from pg_foreign_data_wrapper
    union all select 'foreign server', oid, 0, xmin from pg_foreign_server
    union all select 'default grant', oid, 0, xmin from pg_default_acl
    union all select 'label', objoid, objsubid, xmin from pg_seclabel
    union all select 'comment', objoid, objsubid, xmin from pg_description
               where objoid >= 16384 or classoid = 'pg_namespace'::regclass
)
select md5(string_agg(concat_ws(' ', catalogue, rows, sum), ',' order by catalogue))
  from (select catalogue, count(*) as rows, sum(hashint8extended((id::int8 << 32) | (sub::int8 & 4294967295), writer::text::int8)) as sum
          from mark group by catalogue) catalogues
