-- A text that is another one after any change of definitions: how many rows of each catalogue tell of this database's own objects, and a digest of their
-- ids and of the transactions that wrote them. What PostgreSQL itself brought counts where it bears grants, and what belongs to an extension or depends on
-- one is written nowhere else. ANALYZE and VACUUM do not change it, and a copy by TEMPLATE has the same. Temporary objects do not count.
-- So is what else decides whether something stays behind: what the owner of branches ($1) may read of the server.
-- It is read while somebody waits for a branch: each catalogue once, in whatever order it lies, and nothing is joined.
with
temporary as materialized (select oid from pg_namespace where nspname like 'pg\_temp\_%' or nspname like 'pg\_toast\_temp\_%'),
rel as materialized (select oid from pg_class where relnamespace in (select oid from temporary)),
routine as materialized (select oid from pg_proc where pronamespace in (select oid from temporary)),
kind as materialized (select oid from pg_type where typnamespace in (select oid from temporary))
select md5(concat_ws(',',
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_namespace
      where oid not in (select oid from temporary)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_class
      where (oid >= 16384 or relacl is not null) and relnamespace not in (select oid from temporary)),
    (select concat(count(*), ' ', bit_xor(hashint8extended((attrelid::int8 << 16) | (attnum::int8 & 65535), xmin::text::int8))) from pg_attribute
      where attrelid >= 16384 and attrelid not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended((attrelid::int8 << 16) | (attnum::int8 & 65535), xmin::text::int8))) from pg_attribute
      where attrelid < 16384 and attacl is not null),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_attrdef
      where adrelid >= 16384 and adrelid not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(indexrelid::int8, xmin::text::int8))) from pg_index
      where indexrelid >= 16384 and indexrelid not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended((inhrelid::int8 << 16) | inhseqno, xmin::text::int8))) from pg_inherits
      where inhrelid >= 16384 and inhrelid not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(partrelid::int8, xmin::text::int8))) from pg_partitioned_table
      where partrelid >= 16384 and partrelid not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(seqrelid::int8, xmin::text::int8))) from pg_sequence
      where seqrelid >= 16384 and seqrelid not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(ftrelid::int8, xmin::text::int8))) from pg_foreign_table
      where ftrelid >= 16384 and ftrelid not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_constraint
      where oid >= 16384 and connamespace not in (select oid from temporary)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_trigger
      where tgrelid >= 16384 and tgrelid not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_rewrite
      where ev_class >= 16384 and ev_class not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_policy
      where polrelid >= 16384 and polrelid not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_statistic_ext
      where stxrelid >= 16384 and stxrelid not in (select oid from rel)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_type
      where (oid >= 16384 or typacl is not null) and typnamespace not in (select oid from temporary)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_enum
      where enumtypid >= 16384 and enumtypid not in (select oid from kind)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(rngtypid::int8, xmin::text::int8))) from pg_range
      where rngtypid >= 16384 and rngtypid not in (select oid from kind)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_proc
      where (oid >= 16384 or proacl is not null) and pronamespace not in (select oid from temporary)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(aggfnoid::oid::int8, xmin::text::int8))) from pg_aggregate
      where aggfnoid::oid >= 16384 and aggfnoid::oid not in (select oid from routine)),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_operator
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_opclass
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_opfamily
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_amop
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_amproc
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_cast
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_collation
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_conversion
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_ts_config
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended((mapcfg::int8 << 24) | (maptokentype << 8) | mapseqno, xmin::text::int8))) from pg_ts_config_map
      where mapcfg >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_ts_dict
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_ts_parser
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_ts_template
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_language
      where oid >= 16384 or lanacl is not null),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_am
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_transform),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_extension
      where oid >= 16384),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_foreign_data_wrapper),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_foreign_server),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_event_trigger),
    (select concat(count(*), ' ', bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_default_acl),
    (select concat(count(*), ' ', bit_xor(hashint8extended((objoid::int8 << 16) | objsubid, xmin::text::int8))) from pg_seclabel),
    (select concat(count(*), ' ', bit_xor(hashint8extended((classid::int8 << 32) | objid::int8, hashint8extended(refobjid::int8, xmin::text::int8))))
       from pg_depend where refclassid = 'pg_extension'::regclass and deptype in ('e', 'x')),
    (select concat(count(*), ' ', bit_xor(hashint8extended((objoid::int8 << 16) | objsubid, xmin::text::int8))) from pg_description
      where objoid >= 16384 or classoid = 'pg_namespace'::regclass),
    (select string_agg(pg_has_role(o.oid, r.oid, 'usage')::text, ' ' order by r.rolname) from pg_roles o, pg_roles r
      where o.rolname = $1 and r.rolname in ('pg_read_server_files', 'pg_execute_server_program'))
)) as definitions,
    -- The tables whose rows come along whatever is asked for: the ledger's. The log of seeds in it is about rows.
    (select coalesce(array_agg(c.relname::text order by c.relname), '{}') from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'fluxbase_migrations' and c.relkind = 'r' and c.relname <> 'seeds') as ledger
