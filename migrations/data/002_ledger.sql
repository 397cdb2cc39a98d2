-- What people's own migrations and seed files did here. It lies in the database itself, so that it travels with clones.
-- No defaults, checks or further indexes: whoever owns a branch could put functions of his own there, so the runner takes none.

create table fluxbase_migrations.ledger (
    version bigint not null,
    name text not null,
    checksum bytea not null,
    statements integer not null,
    state text not null,
    statement integer not null,
    done_checksum bytea,
    detail text,
    duration_us bigint not null,
    who text not null,
    fingerprint text,
    applied_at timestamptz not null,
    constraint ledger_pkey primary key (version)
);
comment on table fluxbase_migrations.ledger is 'Migrations of this database, each as it was applied';
comment on column fluxbase_migrations.ledger.version is 'The leading digits of the file''s name: the order of migrations';
comment on column fluxbase_migrations.ledger.name is 'The file';
comment on column fluxbase_migrations.ledger.checksum is 'SHA-256 of its text, line ends as LF';
comment on column fluxbase_migrations.ledger.statements is 'How many statements it has';
comment on column fluxbase_migrations.ledger.state is 'applied; running and failed are of files without a transaction, which go on where they ended';
comment on column fluxbase_migrations.ledger.statement is 'How many statements have ended';
comment on column fluxbase_migrations.ledger.done_checksum is 'SHA-256 of the statements that have ended, while it is not applied';
comment on column fluxbase_migrations.ledger.detail is 'Of a file that is not applied: started, when a statement began that no transaction holds; or what went wrong';
comment on column fluxbase_migrations.ledger.duration_us is 'How long it took, in microseconds';
comment on column fluxbase_migrations.ledger.who is 'Who had it applied: user:<id>, key:<id>, fluxbase';
comment on column fluxbase_migrations.ledger.fingerprint is 'The schema''s fingerprint afterwards';
comment on column fluxbase_migrations.ledger.applied_at is 'When it was applied, or last worked on';

create table fluxbase_migrations.seeds (
    name text collate "C" not null,
    checksum bytea not null,
    rows bigint not null,
    duration_us bigint not null,
    who text not null,
    ran_at timestamptz not null,
    constraint seeds_pkey primary key (name)
);
comment on table fluxbase_migrations.seeds is 'Seed files that ran here; copied along with rows only';
comment on column fluxbase_migrations.seeds.name is 'The file';
comment on column fluxbase_migrations.seeds.checksum is 'SHA-256 of its bytes: an unchanged file is not run again';
comment on column fluxbase_migrations.seeds.rows is 'Rows that it wrote, as far as statements say';
comment on column fluxbase_migrations.seeds.duration_us is 'How long it took, in microseconds';
comment on column fluxbase_migrations.seeds.who is 'Who had it run';
comment on column fluxbase_migrations.seeds.ran_at is 'When it last ran';

-- Whatever default privileges say here: the tables are nobody's but the owner's.
revoke all on schema fluxbase_migrations from public;
revoke all on fluxbase_migrations.ledger, fluxbase_migrations.seeds from public, anon, authenticated, service_role;
