-- What somebody else made in a plain owner's database: its clones say that they lack it.
create function app.watch() returns event_trigger language plpgsql as $$ begin raise notice '%', tg_tag; end $$;
create event trigger watched on ddl_command_end execute function app.watch();
grant select on pg_catalog.pg_statistic to reader;
