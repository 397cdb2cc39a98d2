-- Users, their login sessions, and the functions by which policies ask who is asking. In every branch's database, main's too.

comment on schema fluxbase_migrations is 'Fluxbase: which of its own migrations this database has seen';

create schema auth;
comment on schema auth is 'Fluxbase: users, login sessions, and who is asking';

create table auth.users (
    id uuid not null,
    email text,
    encrypted_password text,
    raw_user_meta_data jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint users_pkey primary key (id),
    constraint users_email_key unique (email),
    constraint users_raw_user_meta_data_object check (jsonb_typeof(raw_user_meta_data) = 'object')
);
-- Pages of users go by address, then by id.
create index users_by_email on auth.users (email, id);

comment on table auth.users is 'People who sign in';
comment on column auth.users.id is 'Identity: the sub of their tokens';
comment on column auth.users.email is 'Address, lower-cased; null only on a branch, in rows that are there for foreign keys alone';
comment on column auth.users.encrypted_password is 'Hash of the password (argon2id); null where there is none, and on every branch';
comment on column auth.users.raw_user_meta_data is 'What the user tells about itself';
comment on column auth.users.created_at is 'When the account was made';
comment on column auth.users.updated_at is 'When it last changed';

create table auth.sessions (
    id uuid not null,
    user_id uuid not null,
    created_at timestamptz not null default now(),
    not_after timestamptz,
    ended_at timestamptz,
    constraint sessions_pkey primary key (id),
    constraint sessions_user foreign key (user_id) references auth.users (id) on delete cascade
);
create index sessions_by_user on auth.sessions (user_id);

comment on table auth.sessions is 'Login sessions; never copied into a branch';
comment on column auth.sessions.id is 'Identity: the session_id of its tokens';
comment on column auth.sessions.user_id is 'Whose it is';
comment on column auth.sessions.created_at is 'When the user signed in';
comment on column auth.sessions.not_after is 'When it ends by itself';
comment on column auth.sessions.ended_at is 'When it was ended';

create table auth.refresh_tokens (
    id bigint generated always as identity,
    session_id uuid not null,
    token_hash bytea not null,
    created_at timestamptz not null default now(),
    used_at timestamptz,
    expires_at timestamptz not null,
    constraint refresh_tokens_pkey primary key (id),
    constraint refresh_tokens_token_hash_key unique (token_hash),
    constraint refresh_tokens_token_hash_length check (octet_length(token_hash) = 32),
    constraint refresh_tokens_session foreign key (session_id) references auth.sessions (id) on delete cascade
);
create index refresh_tokens_by_session on auth.refresh_tokens (session_id);

comment on table auth.refresh_tokens is 'What sessions are carried on with; never copied into a branch';
comment on column auth.refresh_tokens.id is 'Order of making';
comment on column auth.refresh_tokens.session_id is 'The session';
comment on column auth.refresh_tokens.token_hash is 'SHA-256 of the token, which is kept nowhere';
comment on column auth.refresh_tokens.created_at is 'When it was made';
comment on column auth.refresh_tokens.used_at is 'When it was used up; using it again ends the session';
comment on column auth.refresh_tokens.expires_at is 'Until when it can be used';

create table auth.mfa_factors (
    id uuid not null,
    user_id uuid not null,
    factor_type text not null,
    status text not null default 'unverified',
    friendly_name text,
    secret text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint mfa_factors_pkey primary key (id),
    constraint mfa_factors_user foreign key (user_id) references auth.users (id) on delete cascade,
    constraint mfa_factors_factor_type_known check (factor_type in ('totp', 'webauthn')),
    constraint mfa_factors_status_known check (status in ('unverified', 'verified'))
);
create index mfa_factors_by_user on auth.mfa_factors (user_id);

comment on table auth.mfa_factors is 'Second factors; never copied into a branch';
comment on column auth.mfa_factors.id is 'Identity';
comment on column auth.mfa_factors.user_id is 'Whose it is';
comment on column auth.mfa_factors.factor_type is 'totp or webauthn';
comment on column auth.mfa_factors.status is 'unverified or verified';
comment on column auth.mfa_factors.friendly_name is 'What the user calls it';
comment on column auth.mfa_factors.secret is 'What its answers are checked against';
comment on column auth.mfa_factors.created_at is 'When it was added';
comment on column auth.mfa_factors.updated_at is 'When it last changed';

create table auth.identities (
    id uuid not null,
    user_id uuid not null,
    provider text not null,
    provider_id text not null,
    identity_data jsonb not null default '{}',
    last_sign_in_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint identities_pkey primary key (id),
    constraint identities_provider_id_key unique (provider, provider_id),
    constraint identities_user foreign key (user_id) references auth.users (id) on delete cascade
);
create index identities_by_user on auth.identities (user_id);

comment on table auth.identities is 'Who a user is elsewhere; never copied into a branch';
comment on column auth.identities.id is 'Identity';
comment on column auth.identities.user_id is 'The user here';
comment on column auth.identities.provider is 'Who vouches: email, github and so on';
comment on column auth.identities.provider_id is 'The user''s id there';
comment on column auth.identities.identity_data is 'What the provider tells about the user';
comment on column auth.identities.last_sign_in_at is 'When it was last used to sign in';
comment on column auth.identities.created_at is 'When it was added';
comment on column auth.identities.updated_at is 'When it last changed';

-- Bodies that are parsed here and now mean the same under every search_path, and can be inlined into the policies that call them.

create function auth.jwt() returns jsonb
    language sql stable parallel safe
    return nullif(current_setting('request.jwt.claims', true), '')::jsonb;
comment on function auth.jwt() is 'The claims of who is asking; null outside of a request';

create function auth.role() returns text
    language sql stable parallel safe
    return auth.jwt() ->> 'role';
comment on function auth.role() is 'The role of who is asking: anon, authenticated or service_role; null outside of a request';

create function auth.uid() returns uuid
    language sql stable parallel safe
    return case
        when auth.jwt() ->> 'sub' ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
        then (auth.jwt() ->> 'sub')::uuid
    end;
comment on function auth.uid() is 'The user who is asking; null for anon, service keys, subjects that are no uuid, and outside of a request';

-- Whatever default privileges say here: the tables are nobody's but the owner's.
revoke all on schema auth from public;
revoke all on all tables in schema auth from public, anon, authenticated, service_role;
revoke all on all sequences in schema auth from public, anon, authenticated, service_role;
grant usage on schema auth to anon, authenticated, service_role;
grant execute on function auth.jwt(), auth.role(), auth.uid() to public, anon, authenticated, service_role;
