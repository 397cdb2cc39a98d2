-- The instance itself, its credentials, its audit trail and its budgets. Schema fluxbase is made by the runner, which keeps its ledger there.

revoke all on schema fluxbase from public;
comment on schema fluxbase is 'Fluxbase: the control plane of this instance';

create table fluxbase.instance (
    only_row boolean not null default true,
    id uuid not null,
    created_at timestamptz not null default now(),
    encryption_key_fingerprint text not null,
    constraint instance_pkey primary key (only_row),
    constraint instance_only_row check (only_row)
);
comment on table fluxbase.instance is 'Which instance of Fluxbase this database belongs to';
comment on column fluxbase.instance.only_row is 'There is one row';
comment on column fluxbase.instance.id is 'Identity; names of logins and tags of databases carry it';
comment on column fluxbase.instance.created_at is 'When it first started';
comment on column fluxbase.instance.encryption_key_fingerprint is 'Tells whether a server was started with the key that the secrets here are sealed with';

create table fluxbase.logins (
    name text not null,
    sealed_password bytea not null,
    constraint logins_pkey primary key (name)
);
comment on table fluxbase.logins is 'Logins that this instance made for itself';
comment on column fluxbase.logins.name is 'The PostgreSQL role';
comment on column fluxbase.logins.sealed_password is 'Its password, encrypted';

create table fluxbase.keys (
    id uuid not null,
    kind text not null,
    name text not null,
    prefix text collate "C" not null,
    hash bytea not null,
    user_id uuid,
    scopes text[] not null,
    branch text,
    read_only boolean not null default false,
    tables jsonb,
    rate_limit bigint,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    constraint keys_pkey primary key (id),
    constraint keys_prefix unique (prefix),
    constraint keys_kind_known check (kind in ('api', 'service')),
    constraint keys_hash_length check (octet_length(hash) = 32),
    constraint keys_tables_list check (jsonb_typeof(tables) = 'array'),
    constraint keys_rate_limit_range check (rate_limit between 1 and 4294967295)
);
create index keys_by_age on fluxbase.keys (kind, created_at desc, id desc);

comment on table fluxbase.keys is 'API keys and service keys; the keys themselves are kept nowhere';
comment on column fluxbase.keys.id is 'Identity';
comment on column fluxbase.keys.kind is 'api or service';
comment on column fluxbase.keys.name is 'What people call it';
comment on column fluxbase.keys.prefix is 'The beginning of the secret, by which it is found';
comment on column fluxbase.keys.hash is 'SHA-256 of the secret';
comment on column fluxbase.keys.user_id is 'The user it acts for';
comment on column fluxbase.keys.scopes is 'What it may be used for; * is everything there is and will be';
comment on column fluxbase.keys.branch is 'Slug of the only branch it may be used on';
comment on column fluxbase.keys.read_only is 'Whether it may only read';
comment on column fluxbase.keys.tables is 'The only tables it may touch: a list of {schema, name}';
comment on column fluxbase.keys.rate_limit is 'Requests a minute';
comment on column fluxbase.keys.created_at is 'When it was made';
comment on column fluxbase.keys.expires_at is 'When it stops being good';
comment on column fluxbase.keys.revoked_at is 'When it was revoked';

create table fluxbase.admins (
    user_id uuid not null,
    constraint admins_pkey primary key (user_id)
);
comment on table fluxbase.admins is 'Users who may administer this instance';
comment on column fluxbase.admins.user_id is 'The user, in auth.users';

create table fluxbase.audit_log (
    id bigint generated always as identity,
    at timestamptz not null,
    request_id text not null,
    principal_kind text not null,
    principal_id uuid,
    user_id uuid,
    door text not null,
    action text not null,
    branch text,
    target text,
    outcome text not null,
    duration_us bigint not null,
    constraint audit_log_pkey primary key (id)
);
-- Rows come in the order of time, thousands a second: ranges of pages are enough to find a time by, and cost next to nothing to keep.
create index audit_log_at on fluxbase.audit_log using brin (at) with (autosummarize = on);

comment on table fluxbase.audit_log is 'Who asked for what, where, and what came of it';
comment on column fluxbase.audit_log.id is 'Order of arrival';
comment on column fluxbase.audit_log.at is 'When the action ended';
comment on column fluxbase.audit_log.request_id is 'X-Request-Id';
comment on column fluxbase.audit_log.principal_kind is 'What kind of credential was shown';
comment on column fluxbase.audit_log.principal_id is 'The key or the user';
comment on column fluxbase.audit_log.user_id is 'The user acted for';
comment on column fluxbase.audit_log.door is 'rest, mcp or internal';
comment on column fluxbase.audit_log.action is 'What was asked';
comment on column fluxbase.audit_log.branch is 'Slug of the branch it was asked of';
comment on column fluxbase.audit_log.target is 'The thing acted on';
comment on column fluxbase.audit_log.outcome is 'ok, or the failure''s code';
comment on column fluxbase.audit_log.duration_us is 'How long it took, in microseconds';

-- Not logged: what a crash of the server loses is one minute's count.
create unlogged table fluxbase.rate_limits (
    minute bigint not null,
    key text not null,
    taken bigint not null,
    constraint rate_limits_pkey primary key (minute, key)
);
comment on table fluxbase.rate_limits is 'Requests taken from budgets by replicas, in slices';
comment on column fluxbase.rate_limits.minute is 'Minutes since 1970-01-01 00:00 UTC';
comment on column fluxbase.rate_limits.key is 'Whose budget';
comment on column fluxbase.rate_limits.taken is 'Requests asked for so far; what goes over the limit was refused';
