//! Default grants (`ALTER DEFAULT PRIVILEGES`): what the owners of the parent's objects grant on new ones, the owner of a branch grants there.

use crate::{connect::run, error::from_sql, logins::names::OF_BRANCHES, quoting::ident};
use domain::branch::OWNER_ROLE;
use ports::driven::BuildError;
use sqlx::PgConnection;

/// One privilege that comes with each new object of a kind, or one of PostgreSQL's own that does not.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct DefaultGrant {
    schema: Option<String>,
    kind: String,
    /// Quoted already.
    grantee: String,
    privilege: String,
    grantable: bool,
    /// PostgreSQL grants it by itself, and the parent takes it back.
    taken_back: bool,
}

impl DefaultGrant {
    /// Those of the roles that own something the clone holds, and of the reader itself; a diff compares the same.
    pub(crate) async fn read(parent: &mut PgConnection, excluded: &[String]) -> Result<Vec<Self>, BuildError> {
        sqlx::query_as(
            concat!(
                include_str!("sql/owners.sql"),
                r#", entry as (
                  select n.nspname, d.defaclrole, d.defaclobjtype, d.defaclacl, d.defaclnamespace
                    from pg_default_acl d join owner on owner.oid = d.defaclrole left join pg_namespace n on n.oid = d.defaclnamespace
                   where n.nspname is null or n.nspname <> all($1)
              ), kind (code, word) as (values ('r'::"char", 'tables'), ('S', 'sequences'), ('f', 'routines'), ('T', 'types'), ('n', 'schemas'),
                                              ('L', 'large objects'))
              select distinct e.nspname::text as schema, k.word as kind, case x.grantee when 0 then 'public' else quote_ident(r.rolname) end as grantee,
                     lower(x.privilege_type collate "C") as privilege, x.is_grantable as grantable, false as taken_back
                from entry e join kind k on k.code = e.defaclobjtype, aclexplode(e.defaclacl) x left join pg_roles r on r.oid = x.grantee
               where x.grantee <> e.defaclrole and (x.grantee = 0 or r.rolname <> $2 and r.rolname !~ $3)
              union
              select null, k.word, 'public', lower(x.privilege_type collate "C"), false, true
                from entry e join kind k on k.code = e.defaclobjtype, aclexplode(acldefault(e.defaclobjtype, e.defaclrole)) x
               where e.defaclnamespace = 0 and x.grantee = 0
                 and not exists (select from aclexplode(e.defaclacl) y where y.grantee = 0 and y.privilege_type = x.privilege_type)"#
            ),
        )
        .bind(excluded)
        .bind(OWNER_ROLE)
        .bind(OF_BRANCHES)
        .fetch_all(parent)
        .await
        .map_err(|error| from_sql("reading default grants", error))
    }

    fn statement(&self) -> String {
        let place = self.schema.as_ref().map(|schema| format!(" in schema {}", ident(schema))).unwrap_or_default();
        let option = if self.grantable { " with grant option" } else { "" };
        let (verb, word) = if self.taken_back { ("revoke", "from") } else { ("grant", "to") };
        format!(
            "alter default privileges for role {}{place} {verb} {} on {} {word} {}{option}",
            ident(OWNER_ROLE),
            self.privilege,
            self.kind,
            self.grantee
        )
    }
}

/// Writes them, after everything else: they must not touch what is restored. A schema that stayed behind with its extension takes its own along.
pub(crate) async fn carry_over(branch: &mut PgConnection, grants: &[DefaultGrant]) -> Result<(), BuildError> {
    if grants.is_empty() {
        return Ok(());
    }
    let failed = |error| from_sql("carrying default grants over", error);
    let schemas: Vec<String> = sqlx::query_scalar("select nspname::text from pg_namespace").fetch_all(&mut *branch).await.map_err(failed)?;
    let there = |grant: &&DefaultGrant| grant.schema.as_ref().is_none_or(|schema| schemas.contains(schema));
    let statements: Vec<_> = grants.iter().filter(there).map(DefaultGrant::statement).collect();
    run(branch, statements.join("; ")).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::DefaultGrant;

    #[test]
    fn the_branch_owner_grants_in_the_parents_place() {
        let grant = |schema: Option<&str>, taken_back| DefaultGrant {
            schema: schema.map(str::to_owned),
            kind: "tables".to_owned(),
            grantee: "anon".to_owned(),
            privilege: "select".to_owned(),
            grantable: false,
            taken_back,
        };
        let role = r#"alter default privileges for role "fluxbase_branch_owner""#;
        assert_eq!(grant(Some("app"), false).statement(), format!(r#"{role} in schema "app" grant select on tables to anon"#));
        assert_eq!(grant(None, true).statement(), format!("{role} revoke select on tables from anon"));
    }
}
