-- What branches have besides their first generation: resets that can be undone, protection, grants, pull requests, operations with input and result.

alter table branching.branches
    add column next_generation integer,
    add column data_as_of timestamptz,
    add column previous jsonb,
    drop constraint branches_fit_their_status,
    add constraint branches_next_generation_positive check (next_generation >= 1),
    add constraint branches_fit_their_status check (
        case status
            when 'creating' then operation_id is not null and generation is not null and error is null and deleted_at is null
            when 'ready' then operation_id is null and generation is not null and error is null and deleted_at is null
            -- With a next generation it is being reset.
            when 'migrating' then operation_id is not null and (generation is not null or next_generation is not null) and error is null and deleted_at is null
            when 'error' then operation_id is null and error is not null and deleted_at is null
            when 'deleting' then operation_id is not null and error is null and deleted_at is null
            when 'deleted' then operation_id is null and generation is null and error is null and deleted_at is not null
            else false
        end
        and (next_generation is null or status = 'migrating')
    );
comment on column branching.branches.status is 'creating, ready, migrating (also while it is being reset), error, deleting or deleted';
comment on column branching.branches.next_generation is 'The database that a reset is building';
comment on column branching.branches.data_as_of is 'The moment that its rows were copied at';
comment on column branching.branches.previous is 'The generation that a reset replaced, kept until a time';

alter table branching.operations
    add column input jsonb not null default '{}',
    add column result jsonb,
    add column cancel_requested boolean not null default false,
    drop constraint operations_kind_known,
    add constraint operations_kind_known check (
        kind in ('create_branch', 'delete_branch', 'reset_branch', 'undo_reset', 'discard_generation', 'migrate_branch', 'diff_branches')
    );
comment on column branching.operations.input is 'What was asked for, beside the kind';
comment on column branching.operations.result is 'What came of it';
comment on column branching.operations.cancel_requested is 'Whether somebody asked for it to be called off';

create table branching.branch_access (
    branch_id uuid not null,
    user_id uuid not null,
    level text not null,
    granted_by text not null,
    granted_at timestamptz not null,
    constraint branch_access_pkey primary key (branch_id, user_id),
    constraint branch_access_branch foreign key (branch_id) references branching.branches (id),
    constraint branch_access_level_known check (level in ('read', 'write', 'admin'))
);
create index branch_access_by_user on branching.branch_access (user_id);
comment on table branching.branch_access is 'Who may do what on a branch, beside its creator and administrators';
comment on column branching.branch_access.branch_id is 'The branch';
comment on column branching.branch_access.user_id is 'To whom';
comment on column branching.branch_access.level is 'How far: read, write or admin, each with those before it';
comment on column branching.branch_access.granted_by is 'By whom, as in the activity log';
comment on column branching.branch_access.granted_at is 'Since when';

-- Access is cached with its branch.
create function branching.tell_branch_access() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    perform pg_notify('fluxbase_branches', coalesce(new.branch_id, old.branch_id)::text);
    return null;
end
$$;
comment on function branching.tell_branch_access() is 'Notifies of the branch whose grants changed';
create trigger branch_access_tell after insert or update or delete on branching.branch_access
    for each row execute function branching.tell_branch_access();
