//! Grants, read and written by ourselves: a dump's would name the parent's owners and grantors, for whom a branch's owner cannot speak.

use crate::{connect::run, error::from_sql, settings::OWNER_ROLE};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::{collections::BTreeSet, fmt};

/// One privilege on one object for one role. Names are quoted already.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub(crate) struct Grant {
    kind: String,
    object: String,
    of_column: Option<String>,
    grantee: String,
    privilege: String,
    grantable: bool,
}

impl Grant {
    pub(crate) async fn read(connection: &mut PgConnection, excluded: &[String]) -> Result<BTreeSet<Self>, BuildError> {
        let found: Vec<Self> = sqlx::query_as(include_str!("sql/grants.sql"))
            .bind(excluded)
            .bind(OWNER_ROLE)
            .fetch_all(connection)
            .await
            .map_err(|error| from_sql("reading grants", error))?;
        Ok(found.into_iter().collect())
    }

    fn what(&self) -> String {
        let column = self.of_column.as_ref().map(|column| format!(" ({column})")).unwrap_or_default();
        format!("{}{column} on {} {}", self.privilege, self.kind, self.object)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.what(), self.grantee)
    }
}

/// How many statements go in one message.
const AT_ONCE: usize = 500;

/// Makes the branch's grants those of the parent: what is too much goes, what lacks comes.
pub(crate) async fn carry_over(branch: &mut PgConnection, wanted: &BTreeSet<Grant>) -> Result<(), BuildError> {
    let present = Grant::read(branch, &[]).await?;
    let revoked = present.difference(wanted).map(|grant| format!("revoke {} from {}", grant.what(), grant.grantee));
    let granted = wanted.difference(&present).map(|grant| {
        let option = if grant.grantable { " with grant option" } else { "" };
        format!("grant {} to {}{option}", grant.what(), grant.grantee)
    });
    let statements: Vec<String> = revoked.chain(granted).collect();
    for some in statements.chunks(AT_ONCE) {
        run(branch, some.join("; ")).await.map_err(|error| from_sql("carrying grants over", error))?;
    }
    Ok(())
}
