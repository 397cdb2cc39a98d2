-- The table that is asked, its policy, and a login that is what the server's own login of user traffic is.
create table public.users (id uuid primary key, email text, is_active bool, created_at timestamptz);
insert into public.users
select gen_random_uuid(), format('user%s@example.com', n), n % 4 <> 0, timestamptz '2026-01-01' - n * interval '1 minute' from generate_series(1, 10000) n;
create index on public.users (created_at desc);
alter table public.users enable row level security;
create policy active_or_oneself on public.users
    using (is_active or id::text = current_setting('request.jwt.claims', true)::json ->> 'sub');
grant select on public.users to anon, authenticated;
create role benchmark login noinherit;
grant connect on database fluxbase to benchmark;
grant anon, authenticated to benchmark;
analyze public.users;
