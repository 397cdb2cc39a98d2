-- What migrating did to branches, also to those whose databases are gone.

create table branching.migration_history (
    id bigint generated always as identity,
    branch_id uuid not null,
    version bigint not null,
    name text not null,
    state text not null,
    duration_us bigint not null,
    who text not null,
    at timestamptz not null,
    detail text,
    constraint migration_history_pkey primary key (id),
    constraint migration_history_branch foreign key (branch_id) references branching.branches (id) deferrable initially deferred,
    constraint migration_history_state_known check (state in ('applied', 'failed', 'baselined', 'repaired')),
    constraint migration_history_duration check (duration_us >= 0)
);
create index migration_history_by_branch on branching.migration_history (branch_id, at desc, id desc);

comment on table branching.migration_history is 'Migrations of branches, applied and failed';
comment on column branching.migration_history.id is 'Order of arrival';
comment on column branching.migration_history.branch_id is 'The branch';
comment on column branching.migration_history.version is 'The migration''s version';
comment on column branching.migration_history.name is 'Its file';
comment on column branching.migration_history.state is 'applied, failed, baselined (taken as applied) or repaired (its ledger row was put right by hand)';
comment on column branching.migration_history.duration_us is 'How long it took, in microseconds';
comment on column branching.migration_history.who is 'Who: user:<id>, key:<id>, fluxbase';
comment on column branching.migration_history.at is 'When it ended';
comment on column branching.migration_history.detail is 'What went wrong, for people';
