-- A text that is another one after any DDL, and the same in a copy by TEMPLATE: the places of all catalogue rows that a schema is made of, and the
-- transactions that wrote them. ANALYZE and VACUUM do not change it. Temporary objects do not count. So are the rights by which something has no place in
-- clones. $1: the login that prepares branches; $2: the owner of branch objects.
with
rel as materialized (
  select c.oid, c.ctid as place, c.xmin as writer from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname !~ '^pg_(toast_)?temp_'
),
owner as materialized (
  select relowner as oid from pg_class where oid in (select oid from rel) and oid >= 16384
  union select proowner from pg_proc where prosecdef and oid >= 16384
),
mark(catalogue, place, writer) as (
  select 1, ctid, xmin from pg_namespace where nspname !~ '^pg_(toast_)?temp_'
  union all select 2, place, writer from rel
  union all select 3, a.ctid, a.xmin from pg_attribute a join rel on rel.oid = a.attrelid
  union all select 4, d.ctid, d.xmin from pg_attrdef d join rel on rel.oid = d.adrelid
  union all select 5, i.ctid, i.xmin from pg_index i join rel on rel.oid = i.indrelid
  union all select 6, c.ctid, c.xmin from pg_constraint c where c.conrelid = 0 or exists (select from rel where rel.oid = c.conrelid)
  union all select 7, r.ctid, r.xmin from pg_rewrite r join rel on rel.oid = r.ev_class
  union all select 8, t.ctid, t.xmin from pg_trigger t join rel on rel.oid = t.tgrelid
  union all select 9, ctid, xmin from pg_policy
  union all select 10, t.ctid, t.xmin from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname !~ '^pg_(toast_)?temp_'
  union all select 11, ctid, xmin from pg_enum
  union all select 12, ctid, xmin from pg_range
  union all select 13, ctid, xmin from pg_proc
  union all select 14, ctid, xmin from pg_aggregate
  union all select 15, ctid, xmin from pg_operator
  union all select 16, ctid, xmin from pg_opclass
  union all select 17, ctid, xmin from pg_opfamily
  union all select 18, ctid, xmin from pg_amop
  union all select 19, ctid, xmin from pg_amproc
  union all select 20, ctid, xmin from pg_am
  union all select 21, ctid, xmin from pg_cast
  union all select 22, ctid, xmin from pg_conversion
  union all select 23, ctid, xmin from pg_collation
  union all select 24, ctid, xmin from pg_description
  union all select 25, ctid, xmin from pg_seclabel
  union all select 26, ctid, xmin from pg_extension
  union all select 27, ctid, xmin from pg_event_trigger
  union all select 28, ctid, xmin from pg_default_acl
  union all select 29, ctid, xmin from pg_init_privs
  union all select 30, ctid, xmin from pg_language
  union all select 31, ctid, xmin from pg_foreign_data_wrapper
  union all select 32, ctid, xmin from pg_foreign_server
  union all select 33, ctid, xmin from pg_foreign_table
  union all select 34, ctid, xmin from pg_statistic_ext
  union all select 35, i.ctid, i.xmin from pg_inherits i join rel on rel.oid = i.inhrelid
  union all select 36, ctid, xmin from pg_partitioned_table
  union all select 37, s.ctid, s.xmin from pg_sequence s join rel on rel.oid = s.seqrelid
  union all select 38, ctid, xmin from pg_transform
  union all select 39, ctid, xmin from pg_ts_config
  union all select 40, ctid, xmin from pg_ts_config_map
  union all select 41, ctid, xmin from pg_ts_dict
  union all select 42, ctid, xmin from pg_ts_parser
  union all select 43, ctid, xmin from pg_ts_template
  union all select 44, ctid, xmin from pg_depend where refclassid = 'pg_extension'::regclass and deptype in ('e', 'x')
  -- What no diff speaks of, and may stand against its script.
  union all select 45, ctid, xmin from pg_publication_rel where prqual is not null or prattrs is not null
  union all select 46, format('(%s,0)', srvid)::tid, '0'::xid from pg_user_mappings
)
select concat_ws(' ', md5(string_agg(concat_ws(' ', catalogue, rows, sum), ',' order by catalogue)),
                 (select concat_ws(' ', own.rolsuper,
                                   (select string_agg(pg_has_role(owner.oid, r.oid, 'usage')::text, ',' order by r.rolname) from pg_roles r
                                     where r.rolname in ('pg_read_server_files', 'pg_execute_server_program')),
                                   (select string_agg(has_foreign_data_wrapper_privilege(own.oid, w.oid, 'usage with grant option')::text, ',' order by w.oid)
                                      from pg_foreign_data_wrapper w))
                    from pg_roles own left join pg_roles owner on owner.rolname = $2 where own.rolname = $1),
                 (select md5(string_agg(concat_ws(' ', o.oid, r.rolsuper or r.rolbypassrls,
                                                  (select string_agg(t.oid::text, ' ' order by t.oid) from owner t where pg_has_role(o.oid, t.oid, 'usage'))),
                                        ',' order by o.oid))
                    from owner o join pg_roles r on r.oid = o.oid))
from (select catalogue, count(*) as rows, sum(hashtextextended(place::text, writer::text::int8)) as sum from mark group by catalogue) catalogues
