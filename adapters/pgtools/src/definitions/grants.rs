//! Grants, read and written by ourselves: a dump's would name the parent's owners and grantors, for whom a branch's owner cannot speak.

use super::{
    left_behind::LeftBehind,
    never_copied::{EXTENSIONS, WATCHING},
};
use crate::{connect::run, error::from_sql, logins::names::OF_BRANCHES};
use domain::branch::OWNER_ROLE;
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
    /// The object's owner took it from itself. Every owner in the parent is the one owner in a branch.
    denied: bool,
}

impl Grant {
    /// Those on the database's own objects, without what stays behind.
    pub(crate) async fn read(connection: &mut PgConnection, excluded: &[String], left: &LeftBehind) -> Result<BTreeSet<Self>, BuildError> {
        let (classes, objects) = left.keys();
        let found: Vec<Self> = sqlx::query_as(include_str!("sql/grants.sql"))
            .bind(excluded)
            .bind(OWNER_ROLE)
            .bind(classes)
            .bind(objects)
            .bind(OF_BRANCHES)
            .fetch_all(connection)
            .await
            .map_err(|error| from_sql("reading grants", error))?;
        Ok(found.into_iter().collect())
    }

    /// Whether it is on one of these routines.
    pub(crate) fn is_on(&self, routines: &BTreeSet<String>) -> bool {
        self.kind == "routine" && routines.contains(&self.object)
    }

    /// Whether somebody else than its owner may use this object by it, in one of these ways; in any, where none is said.
    pub(crate) fn lets_somebody_use(&self, kind: &str, object: &str, privileges: &[String]) -> bool {
        !self.denied && self.kind == kind && self.object == object && (privileges.is_empty() || privileges.contains(&self.privilege))
    }

    fn change(&self, grants: bool) -> Change {
        let option = if self.grantable && grants { " with grant option" } else { "" };
        let (verb, word) = if grants { ("grant", "to") } else { ("revoke", "from") };
        let statement = format!("{verb} {} {word} {}{option}", self.what(), self.grantee);
        Change { statement, kind: self.kind.clone(), object: self.object.clone() }
    }

    fn what(&self) -> String {
        let column = self.of_column.as_ref().map(|column| format!(" ({column})")).unwrap_or_default();
        format!("{}{column} on {} {}", self.privilege, self.kind, self.object)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.what(), if self.denied { "denied to" } else { "to" }, self.grantee)
    }
}

/// Grants on objects that PostgreSQL or an extension brought, and on languages and foreign data wrappers: none of them is a branch owner's.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct GivenGrants {
    /// The objects that are granted otherwise than they came, and those that are to be.
    pub(crate) objects: BTreeSet<String>,
    grants: BTreeSet<Grant>,
    /// What PUBLIC may do in the parent, and not in a copy.
    private: BTreeSet<Grant>,
}

impl GivenGrants {
    /// All of a parent.
    pub(crate) async fn read(parent: &mut PgConnection) -> Result<Self, BuildError> {
        let mut found = Self::query(parent, None).await?;
        let mut objects: BTreeSet<String> = found.iter().map(|grant| format!("{} {}", grant.kind, grant.object)).collect();
        let watching: Vec<String> = sqlx::query_scalar(include_str!("sql/watching.sql"))
            .bind(WATCHING)
            .fetch_all(&mut *parent)
            .await
            .map_err(|error| from_sql("reading what shows statements", error))?;
        let mut private = BTreeSet::new();
        if !watching.is_empty() {
            found.extend(Self::query(parent, Some(watching.clone())).await?);
            let is_private = |grant: &Grant| grant.grantee == "public" && watching.contains(&format!("{} {}", grant.kind, grant.object));
            private = found.extract_if(.., |grant| is_private(grant)).collect();
            objects.extend(watching);
        }
        Ok(Self { objects, grants: found.into_iter().filter(|grant| !grant.privilege.is_empty()).collect(), private })
    }

    /// The objects that everybody may use in the parent and nobody else than their owner in a copy, but for grants to others; each with its kind.
    pub(crate) fn kept_private(&self) -> BTreeSet<(&str, &str)> {
        self.private.iter().map(|grant| (grant.kind.as_str(), grant.object.as_str())).collect()
    }

    /// What a copy lacks for them to be its own.
    pub(crate) async fn lacking(&self, copy: &mut PgConnection) -> Result<Vec<Change>, BuildError> {
        let objects: Vec<_> = self.objects.iter().cloned().collect();
        let present = Self::query(copy, Some(objects)).await?.into_iter().collect();
        Ok(changes(&present, &self.grants))
    }

    async fn query(connection: &mut PgConnection, of: Option<Vec<String>>) -> Result<Vec<Grant>, BuildError> {
        sqlx::query_as(include_str!("sql/grants_on_given.sql"))
            .bind(OWNER_ROLE)
            .bind(EXTENSIONS)
            .bind(of)
            .bind(OF_BRANCHES)
            .fetch_all(connection)
            .await
            .map_err(|error| from_sql("reading grants on what extensions brought", error))
    }
}

/// How many statements go in one message.
const AT_ONCE: usize = 500;

/// Makes the branch's grants those of the parent, but for those on `kept` routines, which are not its owner's.
pub(crate) async fn carry_over(branch: &mut PgConnection, wanted: &BTreeSet<Grant>, kept: &BTreeSet<String>) -> Result<(), BuildError> {
    let mut present = Grant::read(branch, &[], &LeftBehind::default()).await?;
    present.retain(|grant| !grant.is_on(kept));
    let statements: Vec<_> = changes(&present, wanted).into_iter().map(|change| change.statement).collect();
    for some in statements.chunks(AT_ONCE) {
        run(branch, some.join("; ")).await.map_err(|error| from_sql("carrying grants over", error))?;
    }
    Ok(())
}

/// One that has to be made.
pub(crate) struct Change {
    pub(crate) statement: String,
    /// Kind and name of what it is on, as PostgreSQL prints them.
    pub(crate) kind: String,
    pub(crate) object: String,
}

/// What is too much goes, what lacks comes.
fn changes(present: &BTreeSet<Grant>, wanted: &BTreeSet<Grant>) -> Vec<Change> {
    let goes = present.difference(wanted).map(|grant| grant.change(grant.denied));
    let comes = wanted.difference(present).map(|grant| grant.change(!grant.denied));
    goes.chain(comes).collect()
}
