//! Default grants (`ALTER DEFAULT PRIVILEGES`): what the owners of the parent's objects grant on new ones, the owner of a branch grants there.

use crate::{
    connect::run,
    error::{from_sql, listed},
    logins::names::OF_BRANCHES,
    quoting::ident,
};
use domain::{
    branch::{OWNER_ROLE, Withheld},
    schema::DumpedGrant,
    table::QualifiedName,
};
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
    /// Others who make such things there and do not grant it: where there are any, no branch does, in which one role makes them all.
    missing_from: Vec<String>,
}

impl DefaultGrant {
    /// Those of the roles that own something the clone holds, and of the reader itself, with those that stay behind; a diff compares the same.
    pub(crate) async fn read(parent: &mut PgConnection, excluded: &[String]) -> Result<Vec<Self>, BuildError> {
        sqlx::query_as(concat!(include_str!("sql/owners.sql"), include_str!("sql/default_grants.sql")))
            .bind(excluded)
            .bind(OWNER_ROLE)
            .bind(OF_BRANCHES)
            .fetch_all(parent)
            .await
            .map_err(|error| from_sql("reading default grants", error))
    }

    /// Whether a branch has it.
    pub(crate) fn comes_along(&self) -> bool {
        self.missing_from.is_empty()
    }

    /// Whether a dump says it by this statement, of a schema or of all.
    pub(crate) fn is_said_by(&self, schema: Option<&str>, grant: &DumpedGrant<'_>) -> bool {
        let kind = if self.kind == "routines" { "functions" } else { &self.kind };
        let grantee = if self.grantee == "public" { "PUBLIC" } else { &self.grantee };
        (self.schema.as_deref(), grantee, self.grantable) == (schema, grant.grantee(), grant.with_option())
            && grant.object().eq_ignore_ascii_case(kind)
    }

    /// `select`.
    pub(crate) fn privilege(&self) -> &str {
        &self.privilege
    }

    /// As a branch's report has it.
    pub(crate) fn told(&self) -> Option<Withheld> {
        const SHOWN: usize = 3;
        let name = QualifiedName::new(self.schema.as_deref().unwrap_or("*"), format!("{} on {} to {}", self.privilege, self.kind, self.grantee));
        let reason = format!(
            "{} makes such things there, too, and does not grant it; in a branch one role makes them all. If others are to use what is made in branches, let {0} say \
             so in the parent, too (alter default privileges)",
            listed(&self.missing_from, SHOWN)
        );
        (!self.comes_along()).then(|| Withheld::object("default grant", name, reason))
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
    let statements: Vec<_> = grants.iter().filter(|grant| grant.comes_along()).filter(there).map(DefaultGrant::statement).collect();
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
            missing_from: Vec::new(),
        };
        let role = r#"alter default privileges for role "fluxbase_branch_owner""#;
        assert_eq!(grant(Some("app"), false).statement(), format!(r#"{role} in schema "app" grant select on tables to anon"#));
        assert_eq!(grant(None, true).statement(), format!("{role} revoke select on tables from anon"));
    }
}
