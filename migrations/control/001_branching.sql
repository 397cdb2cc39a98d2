-- Branches, their generations, the operations that work on them, and who did what to them.

create schema branching;
revoke all on schema branching from public;
comment on schema branching is 'Fluxbase: branches of this database and the work done on them';

create table branching.branches (
    id uuid not null,
    name text not null,
    slug text collate "C" not null,
    type text not null,
    status text not null,
    data_clone_mode text not null,
    parent_id uuid,
    created_by uuid,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    expires_at timestamptz,
    generation integer,
    operation_id uuid,
    error text,
    deleted_at timestamptz,
    withheld jsonb not null default '[]',
    protected boolean not null default false,
    github jsonb,
    constraint branches_pkey primary key (id),
    constraint branches_parent foreign key (parent_id) references branching.branches (id),
    constraint branches_name_length check (char_length(name) between 1 and 100),
    constraint branches_slug_form check (slug ~ '^[a-z][a-z0-9-]{0,39}$' and slug !~ '-$'),
    constraint branches_type_known check (type in ('main', 'preview', 'persistent')),
    constraint branches_clone_mode_known check (data_clone_mode in ('schema_only', 'full_clone', 'seed_data')),
    constraint branches_generation_positive check (generation >= 1),
    constraint branches_withheld_list check (jsonb_typeof(withheld) = 'array'),
    constraint branches_main_is_the_root check ((type = 'main') = (slug = 'main') and (type = 'main') = (parent_id is null)),
    constraint branches_main_stays check (type <> 'main' or (status not in ('deleting', 'deleted') and expires_at is null)),
    -- What belongs to a status only, and nothing else.
    constraint branches_fit_their_status check (
        case status
            when 'creating' then operation_id is not null and generation is not null and error is null and deleted_at is null
            when 'ready' then operation_id is null and generation is not null and error is null and deleted_at is null
            when 'migrating' then operation_id is not null and generation is not null and error is null and deleted_at is null
            when 'error' then operation_id is null and error is not null and deleted_at is null
            when 'deleting' then operation_id is not null and error is null and deleted_at is null
            when 'deleted' then operation_id is null and generation is null and error is null and deleted_at is not null
            else false
        end
    )
);
-- A slug is free again once its branch is deleted.
create unique index branches_live_slug on branching.branches (slug) where status <> 'deleted';
-- Realtime channels are named by the first eight digits.
create unique index branches_short_id on branching.branches (left(id::text, 8));
create index branches_live_by_age on branching.branches (created_at desc, id desc) where status <> 'deleted';
create index branches_live_by_parent on branching.branches (parent_id) where status <> 'deleted';
create index branches_by_expiry on branching.branches (expires_at) where status in ('ready', 'error');

comment on table branching.branches is 'Isolated copies of the database, and main itself. Deleted ones stay, as history';
comment on column branching.branches.id is 'Identity, for ever';
comment on column branching.branches.name is 'As its maker wrote it';
comment on column branching.branches.slug is 'As requests name it; unique among live branches';
comment on column branching.branches.type is 'main, preview (goes by itself) or persistent';
comment on column branching.branches.status is 'creating, ready, migrating, error, deleting or deleted';
comment on column branching.branches.data_clone_mode is 'What was copied: schema_only, full_clone or seed_data';
comment on column branching.branches.parent_id is 'What it was cut from; null for main';
comment on column branching.branches.created_by is 'The user that made it; null for service keys and for main';
comment on column branching.branches.created_at is 'When it was asked for';
comment on column branching.branches.updated_at is 'When this row last changed';
comment on column branching.branches.expires_at is 'When it goes by itself';
comment on column branching.branches.generation is 'The database that serves it, is being built or is being taken away, counted per slug';
comment on column branching.branches.operation_id is 'The operation at work on it';
comment on column branching.branches.error is 'What failed for good, for people';
comment on column branching.branches.deleted_at is 'Since when it is gone';
comment on column branching.branches.withheld is 'What its latest copy left out, and why';
comment on column branching.branches.protected is 'Whether delete and reset are refused';
comment on column branching.branches.github is 'The pull request it belongs to';

create table branching.generations (
    slug text collate "C" not null,
    last integer not null,
    constraint generations_pkey primary key (slug),
    constraint generations_last_positive check (last >= 1)
);
comment on table branching.generations is 'Generation numbers given out: a database name never comes twice, not even for a later branch of the same slug';
comment on column branching.generations.slug is 'The slug';
comment on column branching.generations.last is 'The last number given out';

create table branching.operations (
    id uuid not null,
    kind text not null,
    branch_id uuid not null,
    status text not null,
    steps jsonb not null,
    error jsonb,
    created_at timestamptz not null,
    finished_at timestamptz,
    fence bigint not null default 0,
    lease_until timestamptz,
    run_after timestamptz not null default '-infinity',
    constraint operations_pkey primary key (id),
    -- Checked at commit, so that branch and operation may be written in either order.
    constraint operations_branch foreign key (branch_id) references branching.branches (id) deferrable initially deferred,
    constraint operations_kind_known check (kind in ('create_branch', 'delete_branch')),
    constraint operations_status_known check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    constraint operations_steps_list check (jsonb_typeof(steps) = 'array'),
    constraint operations_end check ((status in ('succeeded', 'failed', 'cancelled')) = (finished_at is not null)),
    constraint operations_ended_without_lease check (finished_at is null or lease_until is null),
    constraint operations_fence_counts check (fence >= 0)
);
create index operations_unfinished on branching.operations (created_at, id) where finished_at is null;
create index operations_by_branch on branching.operations (branch_id);

comment on table branching.operations is 'Long-running work, claimed under a lease and resumed after a crash by any replica';
comment on column branching.operations.id is 'Identity';
comment on column branching.operations.kind is 'What it does';
comment on column branching.operations.branch_id is 'The branch it works on';
comment on column branching.operations.status is 'queued, running, succeeded, failed or cancelled';
comment on column branching.operations.steps is 'Its steps in order, each with status, times and counts';
comment on column branching.operations.error is 'Why it failed: code and message';
comment on column branching.operations.created_at is 'When it was asked for';
comment on column branching.operations.finished_at is 'When it ended';
comment on column branching.operations.fence is 'How often it was claimed; a writer with an older number is refused';
comment on column branching.operations.lease_until is 'Until when its claim holds, by this database''s clock; null when nobody holds it';
comment on column branching.operations.run_after is 'Not to be claimed before this time';

create table branching.activity_log (
    id bigint generated always as identity,
    branch_id uuid not null,
    at timestamptz not null,
    actor text not null,
    action text not null,
    detail text,
    constraint activity_log_pkey primary key (id),
    constraint activity_log_branch foreign key (branch_id) references branching.branches (id) deferrable initially deferred
);
create index activity_log_by_branch on branching.activity_log (branch_id, at desc, id desc);

comment on table branching.activity_log is 'Who did what to a branch';
comment on column branching.activity_log.id is 'Order of arrival';
comment on column branching.activity_log.branch_id is 'The branch';
comment on column branching.activity_log.at is 'When';
comment on column branching.activity_log.actor is 'Who: user:<id>, key:<id>, fluxbase';
comment on column branching.activity_log.action is 'What: create_requested, created, create_failed, delete_requested, deleted, expired';
comment on column branching.activity_log.detail is 'More about it, for people';
