//! Who stands on an object, and on whoever does: PostgreSQL's own account of it.

use crate::{error::from_sql, quoting::printed_name};
use domain::branch::Withheld;
use ports::driven::BuildError;
use sqlx::PgConnection;

/// What stands on one of some objects, or is one of them.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Dependent {
    /// Its catalogue.
    pub(crate) class: i64,
    /// Its number there.
    pub(crate) object: i64,
    /// What it is: `view`, `policy own on table`.
    pub(crate) kind: String,
    /// As PostgreSQL prints it; of a part of a table, the table.
    pub(crate) identity: String,
    /// The objects that it stands on, of those that were given, with their kinds.
    pub(crate) roots: Vec<String>,
    /// It is a part of another one that was found, and told with that.
    pub(crate) along: bool,
    /// Nobody can do without it: it is in a table's definition, or keeps rows from somebody.
    pub(crate) needed: bool,
    /// It is evaluated by whoever uses it, with their rights.
    pub(crate) runs: bool,
}

impl Dependent {
    /// Finds them. `missing`: those objects will not be there; else they cannot be called, and only who calls them counts.
    pub(crate) async fn of(connection: &mut PgConnection, objects: &[(i64, i64)], missing: bool) -> Result<Vec<Self>, BuildError> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let (classes, numbers): (Vec<i64>, Vec<i64>) = objects.iter().copied().unzip();
        sqlx::query_as(include_str!("sql/dependents.sql"))
            .bind(classes)
            .bind(numbers)
            .bind(missing)
            .fetch_all(connection)
            .await
            .map_err(|error| from_sql("reading what depends on others", error))
    }

    /// As a branch's report has it.
    pub(crate) fn withheld(&self, reason: impl Into<String>) -> Withheld {
        Withheld::object(self.kind.as_str(), printed_name(&self.identity), reason)
    }

    /// For a list.
    pub(crate) fn in_words(&self) -> String {
        format!("{} {}", self.kind, self.identity)
    }
}
