-- A worker that is gone is seen to be gone: nobody waits for its lease to run out.

alter table branching.operations add column holder bigint;
comment on column branching.operations.holder is 'The advisory lock that whoever claimed it holds while it lives; null when it had none, and the lease alone tells';
