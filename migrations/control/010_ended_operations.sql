-- Operations stay on record for ever; those that ended lately are counted for the gauges.

create index operations_ended on branching.operations (finished_at) where finished_at is not null;
