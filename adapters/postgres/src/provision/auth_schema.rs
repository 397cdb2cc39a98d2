//! Whose `auth` schema a database has.

use super::error::ProvisionError;
use serde::Serialize;
use sqlx::PgConnection;

/// Whose `auth` schema it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthSchema {
    /// Ours: people sign up and in here.
    Ours,
    /// Somebody else's, Supabase's for instance: it is used as it is, and our sign-up is off.
    Foreign,
}

/// Looks. A database without an `auth` schema is about to get ours.
pub(super) async fn find(connection: &mut PgConnection) -> Result<AuthSchema, ProvisionError> {
    let (exists, asks, commented): (bool, bool, bool) = sqlx::query_as(
        "select n.oid is not null,
                exists (select from pg_proc p where p.pronamespace = n.oid and p.proname = 'uid' and p.pronargs = 0 and p.prorettype = 'uuid'::regtype)
                  and 3 = (select count(*) from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
                            where c.relnamespace = n.oid and c.relname = 'users'
                              and (a.attname in ('email', 'created_at') or (a.attname = 'id' and a.atttypid = 'uuid'::regtype))),
                coalesce(obj_description(n.oid, 'pg_namespace') like 'Fluxbase:%', false)
           from (values ('auth')) wanted (name) left join pg_namespace n on n.nspname = wanted.name",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !exists || in_ledger(connection).await? {
        return Ok(AuthSchema::Ours);
    }
    match (commented, asks) {
        (true, _) => Err(ProvisionError::LedgerLost),
        (false, true) => Ok(AuthSchema::Foreign),
        (false, false) => Err(ProvisionError::UnknownAuthSchema),
    }
}

async fn in_ledger(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let has_ledger: bool = sqlx::query_scalar("select to_regclass('fluxbase_migrations.data') is not null").fetch_one(&mut *connection).await?;
    if !has_ledger {
        return Ok(false);
    }
    sqlx::query_scalar("select exists (select from fluxbase_migrations.data where success and description like 'auth%')").fetch_one(connection).await
}
