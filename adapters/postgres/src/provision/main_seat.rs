//! Whom people's migrations run as on main: whoever owns what is exposed, and never a superuser.
//!
//! - Where the admin is no superuser, main's tables are its own or a role's that it is a member of: migrations run over the admin login, since from
//!   PostgreSQL 16 on nobody can let another login become himself. They can then do what the admin can: on such a server, to migrate main is to
//!   administer it.
//! - Where the admin is a superuser, a login of its own is made, `fluxbase_<8>_migrator`. It becomes the role that owns most of what is exposed, if that is
//!   no superuser. If it is, the login acts as itself: in the embedded database, which is ours, it is given what the superuser owns; in somebody's, what is
//!   there stays the superuser's, the login may add to it, and PostgreSQL says "must be owner" where that is not enough.

use super::{
    ProvisionOptions, access,
    capabilities::Capabilities,
    error::ProvisionError,
    instance,
    logins::{self, Login},
    memberships::{self, Membership},
    service_access::main_owner,
    sql::run,
    take_turns,
};
use ports::driven::SecretBox;
use sqlx::{PgConnection, PgPool};

/// Whom migrations of main run as.
#[derive(Clone, Debug)]
pub enum MainSeat {
    /// The admin's login, which is no superuser.
    AdminLogin {
        /// The role to become: the owner of what is exposed.
        role: String,
    },
    /// A login made for it.
    OwnLogin {
        /// The login.
        login: Login,
        /// The role to become.
        role: String,
    },
}

/// Finds or makes it. To be called on a database that was provisioned, and again when objects were made there by the superuser. `capabilities` are what was
/// found then.
pub async fn main_seat(
    pool: &PgPool,
    secrets: &dyn SecretBox,
    options: &ProvisionOptions,
    capabilities: &Capabilities,
) -> Result<MainSeat, ProvisionError> {
    let mut transaction = pool.begin().await?;
    take_turns(&mut transaction).await?;
    let seat = if capabilities.superuser {
        own_login(&mut transaction, capabilities, secrets, options).await?
    } else {
        let owner = main_owner(&mut transaction, &options.schemas).await?;
        MainSeat::AdminLogin { role: owner.unwrap_or_else(|| capabilities.admin.clone()) }
    };
    let role = match &seat {
        MainSeat::AdminLogin { role } | MainSeat::OwnLogin { role, .. } => role,
    };
    let grants = grants(&mut transaction, role, &options.schemas).await?;
    if !grants.is_empty() {
        run(&mut transaction, grants.join("; ")).await?;
    }
    transaction.commit().await?;
    Ok(seat)
}

async fn own_login(
    connection: &mut PgConnection,
    capabilities: &Capabilities,
    secrets: &dyn SecretBox,
    options: &ProvisionOptions,
) -> Result<MainSeat, ProvisionError> {
    let instance = instance::claim(connection, &secrets.fingerprint()).await?;
    let login = logins::login(connection, capabilities, logins::name_of(instance, "migrator"), true, secrets).await?;
    access::let_connect(connection, capabilities, &login.name).await?;
    if options.ours {
        let statements: Vec<String> = sqlx::query_scalar(SUPERUSERS).bind(&login.name).fetch_all(&mut *connection).await?;
        if !statements.is_empty() {
            run(connection, statements.join("; ")).await?;
            tracing::info!(objects = statements.len(), owner = %login.name, "gave main's objects to the login of migrations");
        }
    }
    let role = match plain_owner(connection, &options.schemas, &login.name).await? {
        Some(owner) if !options.ours => owner,
        _ => return Ok(MainSeat::OwnLogin { role: login.name.clone(), login }),
    };
    memberships::ensure(connection, capabilities, Membership { role: &role, member: &login.name, inherit: true }).await?;
    Ok(MainSeat::OwnLogin { role, login })
}

/// The role that owns most of what is exposed, among those that are no superusers.
async fn plain_owner(connection: &mut PgConnection, schemas: &[String], login: &str) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select o.rolname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles o on o.oid = c.relowner
          where n.nspname = any($1) and c.relkind in ('r', 'p') and not o.rolsuper and o.rolname <> $2
          group by o.rolname order by count(*) desc, o.rolname limit 1",
    )
    .bind(schemas)
    .bind(login)
    .fetch_optional(connection)
    .await
}

/// What the role lacks: to make things in the exposed schemas, to point foreign keys at users, to keep the ledger.
async fn grants(connection: &mut PgConnection, role: &str, schemas: &[String]) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select format('grant usage, create on schema %I to %I', n.nspname, $1) from pg_namespace n
          where n.nspname = any($2) and not (has_schema_privilege($1, n.oid, 'USAGE') and has_schema_privilege($1, n.oid, 'CREATE'))
            and pg_has_role(n.nspowner, 'USAGE')
         union all
         select format('grant usage on schema %I to %I', n.nspname, $1) from pg_namespace n
          where n.nspname in ('auth', 'fluxbase_migrations') and not has_schema_privilege($1, n.oid, 'USAGE') and pg_has_role(n.nspowner, 'USAGE')
         union all
         select format('grant references on auth.users to %I', $1) from pg_class c
          where c.oid = to_regclass('auth.users') and not has_table_privilege($1, c.oid, 'REFERENCES') and pg_has_role(c.relowner, 'USAGE')
         union all
         select format('grant select, insert, update, delete on %s to %I', c.oid::regclass, $1) from pg_class c
          where c.oid in (to_regclass('fluxbase_migrations.ledger'), to_regclass('fluxbase_migrations.seeds'))
            and not (has_table_privilege($1, c.oid, 'SELECT') and has_table_privilege($1, c.oid, 'INSERT') and has_table_privilege($1, c.oid, 'UPDATE')
                     and has_table_privilege($1, c.oid, 'DELETE'))
            and pg_has_role(c.relowner, 'USAGE')",
    )
    .bind(role)
    .bind(schemas)
    .fetch_all(connection)
    .await
}

/// Statements that give people's objects in our own database from the superuser to the login. What is an extension's, a table's or an array's follows it.
const SUPERUSERS: &str = "
    with me as (
        select oid from pg_roles where rolname = current_user
    ),
    schemas as (
        select oid, nspname, nspowner from pg_namespace
         where nspname !~ '^pg_' and nspname not in ('information_schema', 'auth', 'branching', 'fluxbase', 'fluxbase_migrations')
    ),
    free (classid, objid) as (
        select classid, objid from pg_depend where deptype = 'e'
    )
    select format('alter schema %I owner to %I', nspname, $1) from schemas where nspowner = (select oid from me)
    union all
    select format('alter %s %I.%I owner to %I',
                  case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table' else 'table' end,
                  s.nspname, c.relname, $1)
      from pg_class c join schemas s on s.oid = c.relnamespace
     where c.relowner = (select oid from me) and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('e', 'i', 'a')
                                                 and (d.deptype = 'e' or c.relkind = 'S'))
    union all
    select format('alter routine %s owner to %I', p.oid::regprocedure, $1)
      from pg_proc p join schemas s on s.oid = p.pronamespace
     where p.proowner = (select oid from me) and p.prokind <> 'a' and not exists (select from free f where f.classid = 'pg_proc'::regclass and f.objid = p.oid)
    union all
    select format('alter type %I.%I owner to %I', s.nspname, t.typname, $1)
      from pg_type t join schemas s on s.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
     where t.typowner = (select oid from me) and t.typtype in ('c', 'd', 'e', 'r') and (t.typtype <> 'c' or c.relkind = 'c')
       and not exists (select from free f where f.classid = 'pg_type'::regclass and f.objid = t.oid)
    union all
    select format('alter statistics %I.%I owner to %I', s.nspname, x.stxname, $1)
      from pg_statistic_ext x join schemas s on s.oid = x.stxnamespace where x.stxowner = (select oid from me)";
