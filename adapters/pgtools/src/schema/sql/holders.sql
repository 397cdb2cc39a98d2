-- Who holds what sessions of this login and name wait for.
select distinct holder
  from pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) as holder
 where a.datname = current_database() and a.usename = session_user and a.application_name = current_setting('application_name')
   and holder not in (select pid from pg_stat_activity where usename = session_user and application_name = current_setting('application_name'))
 order by holder
