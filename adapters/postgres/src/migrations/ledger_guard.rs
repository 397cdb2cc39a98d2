//! Whether the ledger is still the table that we made: whoever owns a branch's objects could have put anything in its place.

use super::failure::{from_sql, refused, sqlstate};
use crate::provision::{BRANCH_OWNER, ident};
use ports::driven::MigrationError;
use sqlx::{AssertSqlSafe, PgConnection};

/// A table of ours, as it must be.
pub(super) struct OwnTable {
    pub(super) name: &'static str,
    columns: &'static [&'static str],
}

pub(super) const LEDGER: OwnTable = OwnTable {
    name: "ledger",
    columns: &[
        "version bigint not null",
        "name text not null",
        "checksum bytea not null",
        "statements integer not null",
        "state text not null",
        "statement integer not null",
        "done_checksum bytea",
        "detail text",
        "duration_us bigint not null",
        "who text not null",
        "fingerprint text",
        "applied_at timestamp with time zone not null",
    ],
};

pub(super) const SEEDS: OwnTable = OwnTable {
    name: "seeds",
    columns: &[
        "name text not null",
        "checksum bytea not null",
        "rows bigint not null",
        "duration_us bigint not null",
        "who text not null",
        "ran_at timestamp with time zone not null",
    ],
};

/// How much to keep others from doing to the table meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It stays what it is.
    Read,
    /// Nobody puts a trigger on it either.
    Write,
}

/// Locks the table and looks at it. The search path must begin with `pg_catalog`, and a transaction be open.
pub(super) async fn check(connection: &mut PgConnection, table: &OwnTable, is_main: bool, hold: Hold) -> Result<(), Check> {
    let mode = if hold == Hold::Read { "access share" } else { "row exclusive" };
    let lock = format!("lock table fluxbase_migrations.{} in {mode} mode", ident(table.name));
    match sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *connection).await {
        Ok(_) => {}
        Err(error) if matches!(sqlstate(&error).as_deref(), Some("42P01" | "42809" | "3F000" | "42501")) => {
            return Err(Check::Tampered(tampered(table, "is not there, is no table, or is not the owner's")));
        }
        Err(error) => return Err(Check::Sql(error)),
    }
    let owner = (!is_main).then_some(BRANCH_OWNER);
    let reason: Option<String> = sqlx::query_scalar(DIFFERS)
        .bind(table.name)
        .bind(table.columns)
        .bind(owner)
        .persistent(false)
        .fetch_optional(connection)
        .await
        .map_err(Check::Sql)?
        .flatten();
    match reason {
        None => Ok(()),
        Some(reason) => Err(Check::Tampered(tampered(table, &reason))),
    }
}

/// Why the check did not pass.
#[derive(Debug)]
pub(super) enum Check {
    Tampered(MigrationError),
    Sql(sqlx::Error),
}

impl From<Check> for MigrationError {
    fn from(check: Check) -> Self {
        match check {
            Check::Tampered(error) => error,
            Check::Sql(error) => from_sql("looking at the ledger", error),
        }
    }
}

fn tampered(table: &OwnTable, reason: &str) -> MigrationError {
    refused(
        "ledger_tampered",
        format!(
            "fluxbase_migrations.{} {reason}: it is not the table that Fluxbase made, so what it says is not believed. Put it back as it was, or reset \
             the branch",
            table.name
        ),
    )
}

/// What is different, in words; null where nothing is.
const DIFFERS: &str = "
    select case
        when c.relkind <> 'r' or c.relpersistence <> 'p' then 'is no ordinary table'
        when $3::text is not null and c.relowner <> to_regrole($3) or $3 is null and c.relowner <> n.nspowner then 'belongs to ' || c.relowner::regrole
        when c.relispartition or exists (select from pg_inherits where inhrelid = c.oid or inhparent = c.oid) then 'has a parent or children'
        when c.relrowsecurity or c.relforcerowsecurity then 'has row level security'
        when exists (select from pg_trigger where tgrelid = c.oid) then 'has a trigger'
        when exists (select from pg_rewrite where ev_class = c.oid) then 'has a rule'
        when exists (select from pg_attrdef where adrelid = c.oid) then 'has defaults'
        when (select count(*) from pg_constraint where conrelid = c.oid and contype <> 'n') <> 1 then 'has other constraints'
        when (select count(*) from pg_index where indrelid = c.oid) <> 1
          or not exists (select from pg_index where indrelid = c.oid and indisprimary and indisvalid and indexprs is null and indpred is null
                            and indnatts = 1 and indkey[0] = 1)
          then 'has other indexes'
        when (select array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
                               order by a.attnum)
                from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = '')
             is distinct from $2::text[]
          then 'has other columns'
    end
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'fluxbase_migrations' and c.relname = $1";
