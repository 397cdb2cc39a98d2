-- When each branch was last used, for all replicas: apart from the branches themselves, whose rows are locked by what is done to them and cached by everybody.

create table branching.branch_uses (
    branch_id uuid not null,
    last_used_at timestamptz not null,
    constraint branch_uses_pkey primary key (branch_id),
    constraint branch_uses_branch foreign key (branch_id) references branching.branches (id) on delete cascade
);
comment on table branching.branch_uses is 'When branches were last used: each replica writes down once a minute what was asked of it';
comment on column branching.branch_uses.branch_id is 'The branch';
comment on column branching.branch_uses.last_used_at is 'When somebody last asked for its tables or their rows';
