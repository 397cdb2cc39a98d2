-- An event trigger that PostgreSQL 15 does not have.
create function app.logs_in() returns event_trigger language plpgsql as $$ begin perform 1; end $$;
create event trigger f_login on login execute function app.logs_in();
