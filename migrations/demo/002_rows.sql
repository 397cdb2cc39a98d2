-- Rows, the same on every machine; only what could open a door is random.

insert into auth.users (id, email, raw_user_meta_data, created_at, updated_at) values
    ('a11ce000-0000-4000-8000-000000000001', 'alice@example.com', '{"name": "Alice Adler"}', '2025-01-07 09:00+00', '2025-01-07 09:00+00'),
    ('b0b00000-0000-4000-8000-000000000002', 'bob@example.com', '{"name": "Bob Brandt"}', '2025-01-08 10:30+00', '2025-01-08 10:30+00');

-- A little of everything that must never reach a branch. The sessions are over and nobody knows the tokens.
insert into auth.sessions (id, user_id, created_at, not_after, ended_at) values
    ('a11ce000-0000-4000-8000-0000000000a1', 'a11ce000-0000-4000-8000-000000000001', '2025-03-03 08:00+00', '2025-04-02 08:00+00', '2025-03-03 17:00+00'),
    ('a11ce000-0000-4000-8000-0000000000a2', 'a11ce000-0000-4000-8000-000000000001', '2025-03-04 08:05+00', '2025-04-03 08:05+00', '2025-03-04 16:30+00'),
    ('b0b00000-0000-4000-8000-0000000000b1', 'b0b00000-0000-4000-8000-000000000002', '2025-03-03 07:45+00', '2025-04-02 07:45+00', '2025-03-03 18:10+00');
insert into auth.refresh_tokens (session_id, token_hash, created_at, used_at, expires_at)
    select id, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), created_at, ended_at, not_after from auth.sessions order by id;
insert into auth.mfa_factors (id, user_id, factor_type, status, friendly_name, secret, created_at, updated_at) values
    ('a11ce000-0000-4000-8000-0000000000f1', 'a11ce000-0000-4000-8000-000000000001', 'totp', 'unverified', 'telephone', gen_random_uuid()::text,
     '2025-03-03 08:10+00', '2025-03-03 08:10+00');
insert into auth.identities (id, user_id, provider, provider_id, identity_data, last_sign_in_at, created_at, updated_at)
    select gen_random_uuid(), id, 'email', id::text, jsonb_build_object('email', email), created_at, created_at, created_at from auth.users;

insert into public.users (id, email, full_name, is_active, created_at)
    select id, email, raw_user_meta_data ->> 'name', true, created_at from auth.users
    union all
    select ('c0ffee00-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           lower(first) || '.' || lower(last) || n || '@example.com',
           first || ' ' || last,
           n % 9 <> 0,
           timestamptz '2025-01-10 08:00+00' + n * interval '31 hours'
    from generate_series(1, 198) n,
         lateral (select (array['Ada', 'Ben', 'Clara', 'David', 'Elena', 'Farid', 'Grace', 'Hugo', 'Ines', 'Jonas', 'Kira', 'Liam', 'Mara', 'Nils'])[1 + n % 14] as first,
                         (array['Novak', 'Okafor', 'Petrov', 'Quist', 'Rossi', 'Santos', 'Tanaka', 'Ueda', 'Vogel', 'Weber', 'Young'])[1 + n % 11] as last) names;

insert into public.profiles (user_id, bio, time_zone, settings, updated_at) values
    ('a11ce000-0000-4000-8000-000000000001', 'Plans things, then does them', 'Europe/Berlin', '{"theme": "dark", "notifications": {"mail": true, "push": false}, "week_start": 1}', '2025-03-03 08:20+00'),
    ('b0b00000-0000-4000-8000-000000000002', 'Does things, then plans them', 'America/Lima', '{"theme": "light", "notifications": {"mail": false, "push": true}, "week_start": 0}', '2025-03-03 09:00+00');

insert into public.devices (user_id, session_id, last_session_id, name, seen_at) values
    ('a11ce000-0000-4000-8000-000000000001', 'a11ce000-0000-4000-8000-0000000000a1', 'a11ce000-0000-4000-8000-0000000000a2', 'laptop', '2025-03-04 16:30+00'),
    ('a11ce000-0000-4000-8000-000000000001', 'a11ce000-0000-4000-8000-0000000000a2', null, 'telephone', '2025-03-04 08:05+00'),
    ('b0b00000-0000-4000-8000-000000000002', 'b0b00000-0000-4000-8000-0000000000b1', 'b0b00000-0000-4000-8000-0000000000b1', 'laptop', '2025-03-03 18:10+00');

-- Projects 1 to 12 are alice's, 13 to 20 bob's, the others belong to their colleagues.
insert into public.projects (id, owner_id, name, slug, description, budget, is_archived, created_at)
    select n,
           case when n <= 12 then 'a11ce000-0000-4000-8000-000000000001'
                when n <= 20 then 'b0b00000-0000-4000-8000-000000000002'
                else 'c0ffee00-0000-4000-8000-' || lpad(to_hex(1 + n * 7 % 198), 12, '0') end::uuid,
           adjective || ' ' || noun || ' ' || n,
           lower(adjective) || '-' || lower(noun) || '-' || n,
           case when n % 5 <> 0 then 'Everything about the ' || lower(adjective) || ' ' || lower(noun) end,
           case when n % 4 <> 0 then 1000 + n * 137.5 end,
           n % 15 = 0,
           timestamptz '2025-02-01 09:00+00' + n * interval '11 hours'
    from generate_series(1, 240) n,
         lateral (select (array['Quiet', 'Bright', 'Distant', 'Gentle', 'Hidden', 'Northern', 'Patient', 'Swift'])[1 + n % 8] as adjective,
                         (array['Harbour', 'Orchard', 'Lantern', 'Meadow', 'Compass', 'Bridge', 'Garden', 'Signal', 'Workshop'])[1 + n % 9] as noun) names;

-- Alice and bob share 11 to 14 with each other and a few with colleagues; every project has three members of its own.
insert into public.project_members (project_id, user_id, role, joined_at)
    select p.id, m.user_id::uuid, m.role::public.member_role, p.created_at + interval '1 day'
    from (values (11, 'b0b00000-0000-4000-8000-000000000002', 'editor'), (12, 'b0b00000-0000-4000-8000-000000000002', 'viewer'),
                 (13, 'a11ce000-0000-4000-8000-000000000001', 'editor'), (14, 'a11ce000-0000-4000-8000-000000000001', 'viewer'),
                 (21, 'a11ce000-0000-4000-8000-000000000001', 'editor'), (22, 'a11ce000-0000-4000-8000-000000000001', 'admin'),
                 (22, 'b0b00000-0000-4000-8000-000000000002', 'viewer'), (23, 'b0b00000-0000-4000-8000-000000000002', 'editor')) m (project_id, user_id, role)
    join public.projects p on p.id = m.project_id
    union all
    select p.id, ('c0ffee00-0000-4000-8000-' || lpad(to_hex(1 + (p.id * 13 + k * 61) % 198), 12, '0'))::uuid,
           (array['viewer', 'editor', 'admin'])[k]::public.member_role, p.created_at + k * interval '2 days'
    from public.projects p, generate_series(1, 3) k;

insert into public.tasks (id, number, project_id, assignee_id, parent_id, title, description, status, priority, labels, details, estimate, due_on, created_at, updated_at)
    select n,
           999 + n,
           project_id,
           case when n % 6 = 0 then null when k = 0 then owner_id
                else ('c0ffee00-0000-4000-8000-' || lpad(to_hex(1 + (project_id * 13 + k * 61) % 198), 12, '0'))::uuid end,
           case when n > 240 and n % 8 = 0 then n - 240 end,
           verb || ' the ' || thing,
           case when n % 3 <> 0 then 'We should ' || lower(verb) || ' the ' || thing || ' before anybody asks about it again. Part ' || n % 17 || '.' end,
           (array['backlog', 'todo', 'in_progress', 'in_review', 'done', 'done', 'done', 'cancelled'])[1 + n / 240 % 8]::public.task_status,
           1 + n * 7 % 5,
           array_remove(array[case when n % 2 = 0 then 'customer' end, case when n % 5 = 0 then 'urgent' end, case when n % 7 = 0 then 'good first task' end], null),
           jsonb_build_object('source', (array['mail', 'meeting', 'telephone', 'idea'])[1 + n % 4], 'points', n % 13,
                              'checklist', jsonb_build_array(jsonb_build_object('item', 'look', 'done', n % 2 = 0), jsonb_build_object('item', 'ask', 'done', false))),
           case when n % 4 <> 0 then (1 + n % 16) * interval '30 minutes' end,
           case when n % 3 <> 0 then date '2025-06-01' + n % 700 end,
           timestamptz '2025-03-01 08:00+00' + n * interval '13 minutes',
           timestamptz '2025-03-02 08:00+00' + n * interval '14 minutes'
    from (select n, 1 + n % 240 as project_id, n / 240 % 4 as k from generate_series(1, 24000) n) numbers
    join (select id, owner_id from public.projects) owners on owners.id = numbers.project_id,
         lateral (select (array['Write', 'Review', 'Repair', 'Measure', 'Translate', 'Tidy', 'Paint', 'Publish', 'Order', 'Test', 'Move'])[1 + n % 11] as verb,
                         (array['invoice', 'landing page', 'delivery note', 'spare parts', 'newsletter', 'backup plan', 'contract', 'price list', 'manual',
                                'meeting room', 'time table', 'photo archive', 'search index'])[1 + n % 13] as thing) words;

insert into public.comments (id, task_id, author_id, body, created_at)
    select n, t.id, coalesce(t.assignee_id, p.owner_id),
           (array['Done on my side.', 'Can somebody look at this?', 'Waiting for an answer from the customer.', 'I will take it tomorrow.',
                  'This is bigger than it looked.', 'Looks good to me.', 'See the notes of the last meeting.'])[1 + n % 7] || case when n % 3 = 0 then ' (' || n % 29 || ')' else '' end,
           t.created_at + n % 97 * interval '1 hour'
    from generate_series(1, 30000) n
    join public.tasks t on t.id = 1 + n * 17 % 24000
    join public.projects p on p.id = t.project_id;

insert into public.tags (id, name, color)
    select n, name, '#' || lpad(to_hex(n * 1040321 % 16777216), 6, '0')
    from unnest(array['bug', 'feature', 'design', 'writing', 'research', 'purchase', 'legal', 'finance', 'support', 'website', 'print', 'event',
                      'travel', 'hiring', 'training', 'security', 'quality', 'release', 'data', 'archive']) with ordinality names (name, n);

insert into public.task_tags (task_id, tag_id)
    select n, 1 + (n * 3) % 20 from generate_series(1, 24000) n
    union all
    select n, 1 + (n * 3 + 1 + n / 240 % 7) % 20 from generate_series(2, 24000, 2) n;

select setval('public.task_number', 24999);
select setval(pg_get_serial_sequence('public.projects', 'id'), 240);
select setval(pg_get_serial_sequence('public.tasks', 'id'), 24000);
select setval(pg_get_serial_sequence('public.comments', 'id'), 30000);
select setval(pg_get_serial_sequence('public.tags', 'id'), 20);
