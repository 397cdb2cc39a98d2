-- What only a superuser can make.
create server elsewhere type 'pg' version '15' foreign data wrapper postgres_fdw options (host 'db.example', dbname 'other');
create user mapping for current_user server elsewhere options (user 'me', password 'sentinel-password-of-mapping');
create foreign table app.far (id int options (column_name 'no'), what text not null) server elsewhere options (schema_name 'public', table_name 'far');
comment on foreign table app.far is 'far away';
comment on server elsewhere is 'not here';
create function app.told() returns event_trigger language plpgsql as $$ begin raise notice 'told of %', tg_tag; end $$;
create event trigger told_of_tables on ddl_command_end when tag in ('CREATE TABLE') execute function app.told();
alter event trigger told_of_tables disable;
