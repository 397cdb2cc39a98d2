-- What a request needs of PostgreSQL at least: one implicit transaction in one round trip, with role and claims that are local to it.
\startpipeline
select set_config('role', 'authenticated', true), set_config('request.jwt.claims', '{"sub":"11111111-1111-1111-1111-111111111111","role":"authenticated"}', true), set_config('transaction_read_only', 'on', true), set_config('statement_timeout', '8000', true);
select coalesce(json_agg(t), '[]')::text, count(*) from (select id, email, created_at from public.users where is_active order by created_at desc limit 10) t;
\endpipeline
