//! Random edits of a schema: statements over a few names, so that they meet. One that PostgreSQL refuses is no edit.

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// An endless stream of statements, the same for the same seed.
pub(crate) struct Edits(StdRng);

impl Edits {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.0.random_range(0..from.len())]
    }

    fn name(&mut self, prefix: &str, count: u32) -> String {
        format!("app.{prefix}{}", self.0.random_range(0..count))
    }

    fn table(&mut self) -> String {
        self.name("t", 4)
    }

    fn column(&mut self) -> String {
        format!("c{}", self.0.random_range(0..5))
    }

    fn type_name(&mut self) -> &'static str {
        self.pick(&[
            "integer",
            "bigint",
            "text",
            "varchar(20)",
            "varchar(40)",
            "numeric(8,2)",
            "boolean",
            "date",
            "app.e0",
            "app.e1",
            "app.d0",
            "text[]",
            "app.e0[]",
        ])
    }

    fn cascade(&mut self) -> &'static str {
        self.pick(&["", "", " cascade"])
    }

    /// The next statement.
    pub(crate) fn statement(&mut self) -> String {
        match self.0.random_range(0..12) {
            0..5 => self.of_columns(),
            5..7 => self.of_tables(),
            7..9 => self.of_views_and_routines(),
            9 => self.of_types(),
            10 => self.of_rights(),
            _ => self.of_partitions(),
        }
    }

    fn of_columns(&mut self) -> String {
        let (table, column, type_name, cascade) = (self.table(), self.column(), self.type_name(), self.cascade());
        let function = self.name("f", 3);
        match self.0.random_range(0..14) {
            0..3 => format!("alter table {table} add column {column} {type_name}"),
            3 => format!("alter table {table} add column {column} integer not null default 3"),
            4 => format!("alter table {table} drop column {column}{cascade}"),
            5 | 6 => format!("alter table {table} alter column {column} type {type_name} using {column}::text::{type_name}"),
            7 => format!("alter table {table} alter column {column} set default null"),
            8 => format!("alter table {table} alter column {column} set default 1"),
            9 => format!("alter table {table} alter column {column} set default {function}(1)"),
            10 => format!("alter table {table} alter column {column} {} not null", self.pick(&["set", "drop"])),
            11 => format!("alter table {table} add column {column} text generated always as ({function}(id)::text || 'x') stored"),
            12 => format!("alter table {table} rename column {column} to {}", self.column()),
            _ => format!("alter table {table} alter column {column} set statistics {}", self.0.random_range(1..9)),
        }
    }

    fn of_tables(&mut self) -> String {
        let (table, column, cascade) = (self.table(), self.column(), self.cascade());
        let n = self.0.random_range(0..3);
        match self.0.random_range(0..14) {
            0 | 1 => format!("create table {table} (id integer primary key, {column} text)"),
            2 => format!("drop table {table}{cascade}"),
            3 => format!("create index i{n} on {table} ({column})"),
            4 => format!("create index i{n} on {table} ({}(id)) where {column} is not null", self.name("f", 3)),
            5 => format!("drop index app.i{n}"),
            6 => format!("alter table {table} add constraint k{n} check ({column} is not null)"),
            7 => format!("alter table {table} add constraint k{n} check ({}(id) > 0)", self.name("f", 3)),
            8 => format!("alter table {table} drop constraint k{n}"),
            9 => format!("alter table {table} add constraint u{n} unique ({column})"),
            10 => format!("alter table {table} add constraint r{n} foreign key ({column}) references {} (id)", self.table()),
            11 => format!("alter table {table} set (fillfactor = {})", self.0.random_range(50..90)),
            12 => format!("create sequence app.s{n}; alter sequence app.s{n} owned by {table}.{column}"),
            _ => format!("alter table {table} drop constraint {}{n}{cascade}", self.pick(&["u", "r"])),
        }
    }

    fn of_views_and_routines(&mut self) -> String {
        let (table, column, view, function, cascade) = (self.table(), self.column(), self.name("v", 4), self.name("f", 3), self.cascade());
        let result = self.pick(&["integer", "bigint"]);
        match self.0.random_range(0..12) {
            0 | 1 => format!("create or replace view {view} as select id, {column} from {table}"),
            2 => format!("create or replace view {view} as select v.*, {function}(v.id) as f from {} v", self.name("v", 4)),
            3 => format!("drop view {view}{cascade}"),
            4 => format!("create function {function}(n integer) returns {result} language sql immutable as 'select n'"),
            5 => format!(
                "create or replace function {function}(n integer) returns {result} language sql immutable as 'select n + {}'",
                self.0.random_range(0..9)
            ),
            6 => format!("drop function {function}(integer){cascade}"),
            7 => format!("create materialized view {view} as select {column}, count(*) as n from {table} group by 1"),
            8 => format!("drop materialized view {view}{cascade}"),
            9 => format!("create trigger g after update of {column} on {table} for each row execute function app.touch()"),
            10 => format!("drop trigger g on {table}"),
            _ => format!("create policy p on {table} using ({function}(id) > 0 and {column} is not null)"),
        }
    }

    fn of_types(&mut self) -> String {
        let (kind, label) = (self.name("e", 2), self.0.random_range(0..6));
        match self.0.random_range(0..8) {
            0 | 1 => format!("alter type {kind} add value 'l{label}'"),
            2 => format!("alter type {kind} add value 'l{label}' before 'a'"),
            3 => format!("alter type {kind} rename value 'l{label}' to 'm{label}'"),
            4 => "alter domain app.d0 set default 'x'".to_owned(),
            5 => format!("alter domain app.d0 add constraint k{label} check (length(value) < 9{label})"),
            6 => format!("alter domain app.d0 drop constraint k{label}"),
            _ => format!("create function app.of_type(x {kind}) returns {kind} language sql as 'select x'"),
        }
    }

    fn of_rights(&mut self) -> String {
        let (table, column, role) = (self.table(), self.column(), self.pick(&["anon", "authenticated"]));
        match self.0.random_range(0..8) {
            0 => format!("grant select, insert on {table} to {role}"),
            1 => format!("revoke select on {table} from {role}"),
            2 => format!("grant update ({column}) on {table} to {role}"),
            3 => format!("comment on column {table}.{column} is '{role}'"),
            4 => format!("comment on table {table} is null"),
            5 => format!("alter table {table} {} row level security", self.pick(&["enable", "disable", "force", "no force"])),
            6 => format!("alter default privileges in schema app grant select on tables to {role}"),
            _ => format!("revoke execute on function {}(integer) from public", self.name("f", 3)),
        }
    }

    fn of_partitions(&mut self) -> String {
        let n = self.0.random_range(0..3);
        let column = self.column();
        let (heir, table, other) = (self.name("h", 2), self.table(), self.pick(&["p", "q"]));
        match self.0.random_range(0..14) {
            8 => format!("alter table app.{other} attach partition app.p_{n} for values in ({n})"),
            9 => format!("alter table app.{other} rename to {}", if other == "p" { "q" } else { "p" }),
            10 => format!("create table {heir} (extra text) inherits ({table})"),
            11 => format!("alter table {heir} no inherit {table}"),
            12 => format!("insert into app.{other} (n, c0) values ({n}, '1')"),
            13 => format!("alter table app.{other} add foreign key (n) references {table}"),
            0 | 1 => format!("create table app.p_{n} partition of app.p for values in ({n})"),
            2 => format!("alter table app.p detach partition app.p_{n}"),
            3 => format!("drop table app.p_{n}"),
            4 => format!("alter table app.p add column {column} integer default {n}"),
            5 => format!("alter table app.p drop column {column}"),
            6 => format!("create index p_i{n} on app.p ({column})"),
            _ => format!("alter table app.p alter column {column} type bigint"),
        }
    }
}

/// What the edits begin with.
pub(crate) const BEGINNING: &str = "
    create schema app;
    create type app.e0 as enum ('a', 'b'); create type app.e1 as enum ('a');
    create domain app.d0 as text;
    create function app.touch() returns trigger language plpgsql as 'begin return new; end';
    create function app.f0(n integer) returns integer language sql immutable as 'select n';
    create table app.t0 (id integer primary key, c0 text, c1 app.e0); create table app.t1 (id integer primary key, c0 integer references app.t0);
    create view app.v0 as select id, c0 from app.t0; create view app.v1 as select id, app.f0(id) as f from app.v0;
    create table app.p (n integer not null, c0 text) partition by list (n); create table app.p_0 partition of app.p for values in (0);
    create index p_c0 on app.p (c0);";
