-- To which versions the files of this server lead from the one that is there. Of an extension without files nothing is asked: that would be an error.
select e.extname::text as name, u.target as version
  from pg_extension e
  cross join lateral pg_extension_update_paths((select name from pg_available_extensions where name = e.extname)) u
 where u.source = e.extversion and u.path is not null
