-- What a diff depends on beside the definitions in catalogues. $1: the login that prepares branches.
-- What no diff speaks of, and may stand against its script.
(select concat_ws(' ', count(*), bit_xor(hashint8extended(oid::int8, xmin::text::int8))) from pg_publication_rel where prqual is not null or prattrs is not null),
(select concat_ws(' ', count(*), bit_xor(hashoidextended(srvid, 0))) from (select distinct srvid from pg_user_mappings) mapped),
-- The rights by which something has no place in clones.
(select concat_ws(' ', own.rolsuper,
                  (select string_agg(has_foreign_data_wrapper_privilege(own.oid, w.oid, 'usage with grant option')::text, ',' order by w.oid)
                     from pg_foreign_data_wrapper w))
   from pg_roles own where own.rolname = $1)
