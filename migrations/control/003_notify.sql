-- Every replica hears of changes, by whomever they were made: its caches and its workers go by them.

create function fluxbase.tell() returns trigger
    language plpgsql
    set search_path = pg_catalog
as $$
begin
    if tg_op = 'TRUNCATE' then
        perform pg_notify(tg_argv[0], '');
    elsif tg_op = 'DELETE' then
        perform pg_notify(tg_argv[0], old.id::text);
    else
        perform pg_notify(tg_argv[0], new.id::text);
    end if;
    return null;
end
$$;
comment on function fluxbase.tell() is 'Notifies a channel of the row that changed';

create trigger branches_tell after insert or update or delete on branching.branches
    for each row execute function fluxbase.tell('fluxbase_branches');
create trigger branches_tell_truncate after truncate on branching.branches
    for each statement execute function fluxbase.tell('fluxbase_branches');

create trigger keys_tell after insert or update or delete on fluxbase.keys
    for each row execute function fluxbase.tell('fluxbase_keys');
create trigger keys_tell_truncate after truncate on fluxbase.keys
    for each statement execute function fluxbase.tell('fluxbase_keys');

-- Only what may be claimed wakes workers: not the progress that they write themselves.
create trigger operations_tell_new after insert on branching.operations
    for each row execute function fluxbase.tell('fluxbase_operations');
create trigger operations_tell_released after update on branching.operations
    for each row when (new.lease_until is null and old.lease_until is not null and new.finished_at is null)
    execute function fluxbase.tell('fluxbase_operations');
