-- What every case begins with: objects that stand on each other.
create schema app;
create type app.mood as enum ('sad', 'ok', 'happy');
create type app.address as (street text, zip text);
create domain app.email as text check (value like '%@%');
create type app.span as range (subtype = integer);
create sequence app.counter;
create function app.slug(name text) returns text language sql immutable as 'select lower(name)';
create function app.next_id() returns bigint language sql as 'select nextval(''app.counter'')';
create function app.touch() returns trigger language plpgsql as 'begin return new; end';
create function app.is_owner(id bigint) returns boolean language sql stable as 'select true';
create table app.owners (
    id bigint generated always as identity primary key,
    name text not null,
    email app.email unique,
    mood app.mood not null default 'ok',
    note varchar(20),
    score integer default 0 check (score >= 0),
    address app.address,
    created timestamptz not null default now()
);
create table app.notes (
    id bigint default app.next_id() primary key,
    owner_id bigint not null references app.owners (id) on delete cascade,
    title text not null,
    slug text generated always as (lower(title)) stored,
    body text,
    tags text[] default '{}',
    position integer,
    constraint title_is_short check (length(title) < 200),
    constraint has_slug check (app.slug(title) <> '')
);
create index notes_owner on app.notes (owner_id);
create index notes_slug on app.notes (app.slug(title));
create unique index notes_position on app.notes (owner_id, position) where position is not null;
create view app.happy as select id, name, mood, note from app.owners where mood = 'happy';
create view app.happy_notes as select n.id, n.title, app.slug(n.title) as slug, h.name from app.notes n join app.happy h on h.id = n.owner_id;
create materialized view app.counts as select owner_id, count(*) as notes from app.notes group by owner_id;
create unique index counts_owner on app.counts (owner_id);
create trigger touch before update on app.notes for each row execute function app.touch();
alter table app.notes enable row level security;
create policy own on app.notes for all to authenticated using (app.is_owner(owner_id)) with check (true);
create rule quiet as on delete to app.happy do instead nothing;
create table app.events (id bigint not null, at date not null, kind text default 'x', primary key (id, at)) partition by range (at);
create table app.events_1 partition of app.events for values from ('2026-01-01') to ('2026-02-01');
create table app.events_2 partition of app.events for values from ('2026-02-01') to ('2026-03-01');
create index events_kind on app.events (kind);
create table app.vehicles (id integer primary key, wheels integer not null);
create table app.cars (doors integer) inherits (app.vehicles);
create table app.tags (id serial primary key, name text);
create statistics app.owner_stats (dependencies) on name, note from app.owners;
comment on table app.owners is 'who owns';
comment on column app.owners.note is 'it''s a note';
grant usage on schema app to anon, authenticated;
grant select on app.owners to anon;
grant select (id, title), update (title) on app.notes to authenticated;
revoke all on function app.is_owner(bigint) from public;
