//! Asks a server what it and its admin login can do.

use super::{
    access,
    capabilities::Capabilities,
    error::ProvisionError,
    finding::Finding,
    pooler,
    roles::{ANON, AUTHENTICATED, BRANCH_OWNER, SERVICE_ROLE},
    sql::ident,
};
use sqlx::{PgConnection, PgPool};

/// The major versions that Fluxbase works on.
const SUPPORTED: std::ops::RangeInclusive<u32> = 15..=18;

/// Names that a message lists at most.
const LISTED: usize = 10;

#[derive(sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "each is a right of its own")]
struct Facts {
    version_num: i32,
    version: String,
    database: String,
    admin: String,
    rolsuper: bool,
    rolcreatedb: bool,
    rolcreaterole: bool,
    rolbypassrls: bool,
    standby: bool,
    may_create_schemas: bool,
    owns_database: bool,
    max_connections: i32,
    max_prepared_transactions: i32,
}

/// Asks, without changing anything. What is missing is told by [`Capabilities::findings`]; an error is an answer that did not come.
pub async fn probe(pool: &PgPool, schemas: &[String]) -> Result<Capabilities, ProvisionError> {
    let shared = pooler::is_shared(pool).await?;
    if shared {
        // Whatever else were asked would be asked of a session that may be somebody else's.
        return Err(ProvisionError::Unfit(vec![Finding::blocking(
            "transaction_pooler",
            "a connection pooler in transaction mode stands before this database: sessions, prepared statements and LISTEN do not work through it",
            "name the server itself in database.url, or the pooler's session mode (on Supabase port 5432)",
        )]));
    }
    // No function of anybody's answers to a bare name here, and nothing is written.
    let mut connection = pool.begin().await?;
    sqlx::raw_sql("set transaction read only; set local search_path = pg_catalog").execute(&mut *connection).await?;
    let facts = facts(&mut connection).await?;
    let mut findings = of_the_server(&facts);
    if !findings.is_empty() {
        return Ok(capabilities(facts, findings));
    }
    findings.extend(of_the_admin(&facts));
    findings.extend(missing_schemas(&mut connection, schemas).await?);
    findings.extend(ungrantable_roles(&mut connection, &facts).await?);
    findings.extend(open_doors(&mut connection, &facts).await?);
    let foreign_schemas = names(
        &mut connection,
        "select quote_ident(n.nspname) from pg_namespace n where n.nspname = any($1) and not pg_has_role(n.nspowner, 'USAGE') order by 1",
        schemas,
    )
    .await?;
    let foreign_relations = names(
        &mut connection,
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') and not pg_has_role(c.relowner, 'USAGE')
            and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') order by 1",
        schemas,
    )
    .await?;
    let forced_rls_tables = names(
        &mut connection,
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = any($1) and c.relkind in ('r', 'p') and c.relrowsecurity and c.relforcerowsecurity order by 1",
        schemas,
    )
    .await?;
    let mut found = capabilities(facts, findings);
    let service_role_bypasses: bool = sqlx::query_scalar("select exists (select from pg_roles where rolname = $1 and rolbypassrls)")
        .bind(SERVICE_ROLE)
        .fetch_one(&mut *connection)
        .await?;
    found.findings.extend(of_what_is_exposed(&found, service_role_bypasses, &foreign_schemas, &foreign_relations, &forced_rls_tables));
    Ok(Capabilities { foreign_schemas, foreign_relations, forced_rls_tables, ..found })
}

/// The embedded database shuts PUBLIC out by itself; in somebody's, others may come in by that right.
async fn open_doors(connection: &mut PgConnection, facts: &Facts) -> Result<Option<Finding>, sqlx::Error> {
    let open = access::lets_public_in(connection).await?;
    Ok(open.then(|| {
        let database = ident(&facts.database);
        Finding::degraded(
            "public_may_connect",
            format!("every login of the server may connect to '{}': also the logins of branches, which whoever may migrate a branch can take over", facts.database),
            format!("let only those in that should be: grant connect on database {database} to <each of them>; revoke connect on database {database} from public"),
        )
    }))
}

async fn facts(connection: &mut PgConnection) -> Result<Facts, sqlx::Error> {
    sqlx::query_as(
        "select current_setting('server_version_num')::int as version_num, current_setting('server_version') as version,
                d.datname::text as database, r.rolname::text as admin, r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolbypassrls,
                pg_is_in_recovery() as standby, has_database_privilege(d.oid, 'CREATE') as may_create_schemas,
                pg_has_role(d.datdba, 'USAGE') as owns_database, current_setting('max_connections')::int as max_connections,
                current_setting('max_prepared_transactions')::int as max_prepared_transactions
           from pg_database d, pg_roles r where d.datname = current_database() and r.rolname = current_user",
    )
    .fetch_one(connection)
    .await
}

fn capabilities(facts: Facts, findings: Vec<Finding>) -> Capabilities {
    let version_num = facts.version_num.unsigned_abs();
    Capabilities {
        server_version_num: version_num,
        server_version: facts.version,
        database: facts.database,
        admin: facts.admin,
        superuser: facts.rolsuper,
        can_create_databases: facts.rolsuper || facts.rolcreatedb,
        can_create_roles: facts.rolsuper || facts.rolcreaterole,
        bypasses_rls: facts.rolsuper || facts.rolbypassrls,
        can_grant_bypass_rls: facts.rolsuper || (version_num >= 160_000 && facts.rolcreaterole && facts.rolbypassrls),
        // A transaction that has notified cannot be prepared: where people prepare theirs, none may notify behind their backs.
        can_make_event_triggers: facts.rolsuper && facts.max_prepared_transactions == 0,
        owns_database: facts.owns_database,
        max_connections: facts.max_connections.unsigned_abs(),
        foreign_schemas: Vec::new(),
        foreign_relations: Vec::new(),
        forced_rls_tables: Vec::new(),
        findings,
    }
}

fn of_the_server(facts: &Facts) -> Vec<Finding> {
    let major = facts.version_num.unsigned_abs() / 10_000;
    let mut findings = Vec::new();
    if !SUPPORTED.contains(&major) {
        let (first, last) = (SUPPORTED.start(), SUPPORTED.end());
        findings.push(Finding::blocking(
            "server_version",
            format!("the server is PostgreSQL {}", facts.version),
            format!("Fluxbase works on PostgreSQL {first} to {last}"),
        ));
    }
    if facts.standby {
        findings.push(Finding::blocking("standby", "the server is a standby, which nothing can be written to", "name the primary in database.url"));
    }
    findings
}

fn of_the_admin(facts: &Facts) -> Vec<Finding> {
    let (admin, database) = (ident(&facts.admin), ident(&facts.database));
    let mut findings = Vec::new();
    if !facts.may_create_schemas {
        findings.push(Finding::blocking(
            "create_schemas",
            format!("login {admin} may not make schemas in database {database}, where Fluxbase keeps its own state"),
            format!("let the database's owner run: grant create on database {database} to {admin}"),
        ));
    }
    if facts.rolsuper {
        return findings;
    }
    if !facts.rolcreaterole {
        findings.push(Finding::blocking(
            "create_roles",
            format!("login {admin} may not make roles, so no logins that row level security holds"),
            format!("let a superuser run: alter role {admin} createrole"),
        ));
    }
    if !facts.rolcreatedb {
        findings.push(Finding::degraded(
            "create_databases",
            format!("login {admin} may not make databases: there will be no branches"),
            format!("let a superuser run: alter role {admin} createdb"),
        ));
    }
    findings.push(Finding::degraded(
        "event_triggers",
        format!("login {admin} is no superuser and can make no event trigger"),
        "Fluxbase looks every 2 seconds whether tables have changed, and at once when a name is unknown",
    ));
    findings
}

async fn missing_schemas(connection: &mut PgConnection, schemas: &[String]) -> Result<Vec<Finding>, sqlx::Error> {
    let missing =
        names(connection, "select quote_ident(s) from unnest($1::text[]) s where not exists (select from pg_namespace where nspname = s)", schemas)
            .await?;
    let finding = |schema: String| {
        Finding::blocking(
            "schema_missing",
            format!("database.schemas names schema {schema}, which this database has not"),
            "make it, or correct the setting",
        )
    };
    Ok(missing.into_iter().map(finding).collect())
}

/// From 16 on a role that others made can be granted only by those who administer it.
async fn ungrantable_roles(connection: &mut PgConnection, facts: &Facts) -> Result<Vec<Finding>, sqlx::Error> {
    if facts.version_num < 160_000 {
        return Ok(Vec::new());
    }
    // One that our own login became a member of already needs no granting.
    let roles: Vec<String> = sqlx::query_scalar(
        "select r.rolname::text from pg_roles r
          where r.rolname = any($1) and not pg_has_role(r.oid, 'USAGE WITH ADMIN OPTION')
            and not exists (select from pg_auth_members m join pg_roles l on l.oid = m.member
                             where m.roleid = r.oid and l.rolname like 'fluxbase\\_%' and pg_has_role(l.oid, 'USAGE WITH ADMIN OPTION'))
          order by 1",
    )
    .bind([ANON, AUTHENTICATED, SERVICE_ROLE, BRANCH_OWNER])
    .fetch_all(&mut *connection)
    .await?;
    let admin = ident(&facts.admin);
    let finding = |role: &String| {
        Finding::blocking(
            "grant_role",
            format!("role '{role}' exists, and login {admin} may not let others become it"),
            format!("let a superuser run: grant {} to {admin} with admin option", ident(role)),
        )
    };
    let mut findings: Vec<_> = roles.iter().map(finding).collect();
    if !roles.iter().any(|role| role == BRANCH_OWNER) {
        findings.extend(branch_owner_out_of_reach(connection, &admin).await?);
    }
    Ok(findings)
}

/// Objects are given to a role only by who may become it, and from 16 on a member may not where the grant says so. Who administers the role grants that to itself.
async fn branch_owner_out_of_reach(connection: &mut PgConnection, admin: &str) -> Result<Option<Finding>, sqlx::Error> {
    let out_of_reach: bool = sqlx::query_scalar(
        "select exists (select from pg_roles r where r.rolname = $1 and not pg_has_role(r.oid, 'SET') and not pg_has_role(r.oid, 'USAGE WITH ADMIN OPTION'))",
    )
    .bind(BRANCH_OWNER)
    .fetch_one(connection)
    .await?;
    Ok(out_of_reach.then(|| {
        let role = ident(BRANCH_OWNER);
        Finding::blocking(
            "become_branch_owner",
            format!("role '{BRANCH_OWNER}' exists, and login {admin} may not become it: it is no member, or one without SET, and can give it no objects of branches"),
            format!("let a superuser run: grant {role} to {admin} with inherit false, set true"),
        )
    }))
}

fn of_what_is_exposed(
    capabilities: &Capabilities,
    service_role_bypasses: bool,
    foreign_schemas: &[String],
    foreign_relations: &[String],
    forced_rls_tables: &[String],
) -> Vec<Finding> {
    let admin = ident(&capabilities.admin);
    let mut findings = Vec::new();
    let acts_as_owner = !service_role_bypasses && !capabilities.can_grant_bypass_rls;
    if acts_as_owner {
        findings.push(Finding::degraded(
            "bypass_rls",
            format!("login {admin} can make no role that bypasses row level security"),
            "service keys act as the owner of the tables; or let a superuser run: create role service_role nologin bypassrls, \
             and grant it with admin option",
        ));
    }
    if acts_as_owner && !forced_rls_tables.is_empty() {
        findings.push(Finding::degraded(
            "forced_rls",
            format!("row level security is forced on their owner too: {}", listed(forced_rls_tables)),
            "service keys see there what the policies let the owner see, and full clones refuse; \
             with a service_role that bypasses row level security they do not",
        ));
    }
    if !foreign_schemas.is_empty() {
        findings.push(Finding::degraded(
            "schema_owner",
            format!("exposed schemas do not belong to login {admin}: {}", listed(foreign_schemas)),
            format!("let their owner grant usage to service_role, or let {admin} become their owner"),
        ));
    }
    if !foreign_relations.is_empty() {
        findings.push(Finding::degraded(
            "table_owner",
            format!("exposed tables do not belong to login {admin}: {}", listed(foreign_relations)),
            format!("service keys see what their owner grants to service_role, and branches need it all: let {admin} become their owner"),
        ));
    }
    findings
}

async fn names(connection: &mut PgConnection, sql: &'static str, schemas: &[String]) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(sql).bind(schemas).fetch_all(connection).await
}

fn listed(names: &[String]) -> String {
    let first = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED { format!("{first} and {} more", names.len() - LISTED) } else { first }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn a_long_list_ends_in_a_number() {
        let names: Vec<String> = (1..=12).map(|n| format!("t{n}")).collect();
        assert_eq!(listed(&names[..2]), "t1, t2");
        assert!(listed(&names).ends_with("t10 and 2 more"));
    }
}
