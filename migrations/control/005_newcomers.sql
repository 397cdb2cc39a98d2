-- Who signed up by themselves may be anybody: what they may do is less than what the people of the house may. Users there were before are members.

create table fluxbase.newcomers (
    user_id uuid not null,
    constraint newcomers_pkey primary key (user_id)
);
comment on table fluxbase.newcomers is 'Users who signed up by themselves and were not made members by an administrator';
comment on column fluxbase.newcomers.user_id is 'The user, in auth.users';
