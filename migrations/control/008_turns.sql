-- Retries are counted where every replica sees them; who was warned of a branch's end is not warned again.

alter table branching.operations
    add column failures integer not null default 0,
    add constraint operations_failures_count check (failures >= 0);
comment on column branching.operations.failures is 'How often it did not work out; the pause before the next try grows with it';

alter table branching.branches add column warned_of timestamptz;
comment on column branching.branches.warned_of is 'The end that its people were warned of';
create index branches_with_previous on branching.branches (id) where previous is not null and status <> 'deleted';
