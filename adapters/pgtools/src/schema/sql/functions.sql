-- What decides whether a routine can be replaced in place.
select oid as function, pg_get_function_result(oid) as result, coalesce(proargnames, '{}') as names,
       coalesce(array_to_string(proargmodes, ''), '') as modes, pronargdefaults as defaults
  from pg_proc where oid >= 16384 and prokind in ('f', 'p', 'w')
