-- Logins of branches, for tools that speak to PostgreSQL themselves.

-- Without a foreign key to the branch: a login is issued while the branch's row is locked by whoever asked for it, over another connection.
create table branching.connections (
    branch_id uuid not null,
    role text not null,
    sealed_password bytea not null,
    rotated_at timestamptz not null,
    constraint connections_pkey primary key (branch_id),
    constraint connections_role unique (role)
);
comment on table branching.connections is 'The logins by which people connect to branches';
comment on column branching.connections.branch_id is 'The branch';
comment on column branching.connections.role is 'The PostgreSQL role';
comment on column branching.connections.sealed_password is 'Its password, encrypted';
comment on column branching.connections.rotated_at is 'When its password was made';
