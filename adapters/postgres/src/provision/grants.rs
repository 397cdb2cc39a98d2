//! What service keys may touch: everything in the exposed schemas, new tables too.
//!
//! A grant waits for whoever has changed the same object and not committed yet, and a prepared transaction may stay that way for days. So nothing is waited
//! for long: what somebody holds is left for later, and the rest is granted without it.

use super::{error::ProvisionError, roles::SERVICE_ROLE, sql::run};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

/// How often to begin again when an object was dropped between being seen and being granted.
const ATTEMPTS: u32 = 4;

/// How long all grants together, in one transaction, wait at each object that somebody holds.
const WAIT_TOGETHER: &str = "2s";

/// How long each waits where they are made one by one. They have waited already, and there may be many.
const WAIT_ALONE: &str = "50ms";

/// Statements that grant what is missing, for objects whose owner the admin is or may act for. Nothing is granted twice: each grant would be a change of
/// the catalogue, and ask for the next refresh. Objects of extensions are theirs to grant.
const MISSING: &str = r#"
    with schemas as (select oid, nspname, nspowner from pg_namespace where nspname = any($1)),
    role as (select oid from pg_roles where rolname = $2),
    relations as (
        select c.oid, c.relkind, format('%I.%I', s.nspname, c.relname) as name
          from pg_class c join schemas s on s.oid = c.relnamespace
         where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and pg_has_role(c.relowner, 'USAGE')
           and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    ),
    routines as (
        select p.oid, p.oid::regprocedure::text as name
          from pg_proc p join schemas s on s.oid = p.pronamespace
         where pg_has_role(p.proowner, 'USAGE')
           and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    ),
    defaults (object_type, words) as (values ('r'::"char", 'tables'), ('S', 'sequences'), ('f', 'routines'))
    select format('grant usage on schema %I to %I', s.nspname, $2) from schemas s, role
     where pg_has_role(s.nspowner, 'USAGE') and not has_schema_privilege(role.oid, s.oid, 'USAGE')
    union all
    select format('grant all on table %s to %I', r.name, $2) from relations r, role
     where r.relkind <> 'S' and not (has_table_privilege(role.oid, r.oid, 'SELECT') and has_table_privilege(role.oid, r.oid, 'INSERT')
           and has_table_privilege(role.oid, r.oid, 'UPDATE') and has_table_privilege(role.oid, r.oid, 'DELETE'))
    union all
    select format('grant all on sequence %s to %I', r.name, $2) from relations r, role
     where r.relkind = 'S' and not (has_sequence_privilege(role.oid, r.oid, 'USAGE') and has_sequence_privilege(role.oid, r.oid, 'SELECT')
           and has_sequence_privilege(role.oid, r.oid, 'UPDATE'))
    union all
    select format('grant execute on routine %s to %I', r.name, $2) from routines r, role
     where not has_function_privilege(role.oid, r.oid, 'EXECUTE')
    union all
    -- What the admin makes later has its rights from the beginning.
    select format('alter default privileges in schema %I grant all on %s to %I', s.nspname, d.words, $2) from schemas s, defaults d, role
     where has_schema_privilege(s.oid, 'CREATE')
       and not exists (select from pg_default_acl a, aclexplode(a.defaclacl) granted
                        where a.defaclnamespace = s.oid and a.defaclrole = (select me.oid from pg_roles me where me.rolname = current_user)
                          and a.defaclobjtype = d.object_type and granted.grantee = role.oid)"#;

/// Grants `service_role` what it lacks in the exposed schemas. To be called again when the catalogue has changed, and a while after
/// [`ProvisionError::GrantsHeld`]: all the others were granted then.
pub async fn refresh_service_grants(pool: &PgPool, schemas: &[String]) -> Result<(), ProvisionError> {
    let mut attempt = 1;
    loop {
        match refresh(pool, schemas).await {
            Err(ProvisionError::Database(error)) if is_outdated(&error) && attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome,
        }
    }
}

async fn refresh(pool: &PgPool, schemas: &[String]) -> Result<(), ProvisionError> {
    let mut transaction = begin(pool, WAIT_TOGETHER).await?;
    let statements = missing(&mut transaction, schemas).await?;
    if statements.is_empty() {
        return Ok(transaction.rollback().await?);
    }
    let (granted, held) = match run(&mut transaction, statements.join("; ")).await {
        Ok(()) => {
            transaction.commit().await?;
            (statements.len(), Vec::new())
        }
        Err(error) if is_held(&error) => {
            transaction.rollback().await?;
            one_by_one(pool, statements).await?
        }
        Err(error) => return Err(error.into()),
    };
    if granted > 0 {
        tracing::info!(statements = granted, role = SERVICE_ROLE, "granted what service keys lacked");
    }
    if held.is_empty() { Ok(()) } else { Err(ProvisionError::GrantsHeld(held)) }
}

/// How many were granted, and those that somebody was in the way of.
async fn one_by_one(pool: &PgPool, statements: Vec<String>) -> Result<(usize, Vec<String>), sqlx::Error> {
    let (mut granted, mut held) = (0, Vec::new());
    for statement in statements {
        let mut transaction = begin(pool, WAIT_ALONE).await?;
        match run(&mut transaction, statement.clone()).await {
            Ok(()) => {
                transaction.commit().await?;
                granted += 1;
            }
            Err(error) if is_held(&error) => {
                transaction.rollback().await?;
                held.push(statement);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((granted, held))
}

/// A transaction whose turn it is. The turn itself is waited for: whoever has it waits for nothing long.
async fn begin(pool: &PgPool, wait: &str) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    // Names of routines are written in full only under an empty path.
    let settings = format!(
        "set transaction isolation level read committed, read write;
         set local search_path = '';
         select pg_advisory_xact_lock(hashtextextended('fluxbase service grants', 0));
         set local lock_timeout = '{wait}'"
    );
    run(&mut transaction, settings).await?;
    Ok(transaction)
}

async fn missing(connection: &mut PgConnection, schemas: &[String]) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(MISSING).bind(schemas).bind(SERVICE_ROLE).fetch_all(connection).await
}

/// Whether somebody else holds what was to be granted.
fn is_held(error: &sqlx::Error) -> bool {
    // lock_not_available
    error.as_database_error().is_some_and(|refusal| refusal.code().as_deref() == Some("55P03"))
}

/// Whether what was listed has changed meanwhile.
fn is_outdated(error: &sqlx::Error) -> bool {
    let Some(refusal) = error.as_database_error() else { return false };
    match refusal.code().as_deref() {
        // undefined_table, undefined_function, invalid_schema_name, deadlock_detected
        Some("42P01" | "42883" | "3F000" | "40P01") => true,
        Some("XX000") => refusal.message().starts_with("tuple concurrently") || refusal.message().starts_with("cache lookup failed"),
        _ => false,
    }
}
