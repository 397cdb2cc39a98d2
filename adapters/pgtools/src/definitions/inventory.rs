//! What a database consists of, object by object, in words that mean the same in a clone: neither owners nor object ids nor transaction ids.

use super::{grants::Grant, left_behind::LeftBehind, never_copied::EXTENSIONS};
use crate::error::{from_sql, listed};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Kind and identity.
type Key = (String, String);

#[derive(sqlx::FromRow)]
struct Row {
    kind: String,
    identity: String,
    shape: String,
    expression: String,
}

/// An object's definition in two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Definition {
    /// Comes back from a dump word for word.
    shape: String,
    /// What PostgreSQL prints of an expression. It is not always a fixpoint: `x in ('a', 'b')` on a varchar prints its casts elsewhere once restored.
    expression: String,
}

/// Every object of a database that a clone has too, and every grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inventory {
    objects: BTreeMap<Key, Definition>,
    pub(crate) grants: BTreeSet<Grant>,
    /// Routines that are not a branch owner's in a copy, and on which grants are made otherwise.
    pub(crate) kept: BTreeSet<String>,
}

impl Inventory {
    /// The same without grants on these routines.
    pub(crate) fn keeping(mut self, kept: BTreeSet<String>) -> Self {
        self.grants.retain(|grant| !grant.is_on(&kept));
        Self { kept, ..self }
    }

    /// Reads it by the connection's snapshot, without what stays behind. Names are printed in full: the connection's `search_path` is `pg_catalog`.
    pub(crate) async fn read(connection: &mut PgConnection, excluded: &[String], left: &LeftBehind) -> Result<Self, BuildError> {
        let objects = objects(connection, (excluded, left), &[], false).await?;
        Ok(Self { objects, grants: Grant::read(connection, excluded, left).await?, kept: BTreeSet::new() })
    }

    /// The same of a database in which nothing changes meanwhile, over two connections.
    pub(crate) async fn read_by_two(one: &mut PgConnection, other: &mut PgConnection, excluded: &[String]) -> Result<Self, BuildError> {
        let left = &LeftBehind::default();
        let theirs = async {
            let objects = objects(&mut *other, (excluded, left), &OF_TABLES, false).await?;
            Ok((objects, Grant::read(other, excluded, left).await?))
        };
        let (mut objects, (others, grants)) = tokio::try_join!(objects(one, (excluded, left), &OF_TABLES, true), theirs)?;
        objects.extend(others);
        Ok(Self { objects, grants, kept: BTreeSet::new() })
    }

    /// How many objects there are; columns are parts of theirs.
    pub(crate) fn count(&self) -> u64 {
        self.objects.keys().filter(|(kind, _)| kind != "column").count() as u64
    }

    /// Whether there is a schema of that name.
    pub(crate) fn has_schema(&self, name: &str) -> bool {
        self.objects.contains_key(&("schema".to_owned(), name.to_owned()))
    }

    /// What differs to the letter: for two looks at one database.
    pub(crate) fn changes(&self, other: &Self) -> Differences {
        self.compare(other, |left, right| left == right)
    }

    /// What differs in a copy: everything but how expressions are printed.
    pub(crate) fn lost_in(&self, copy: &Self) -> Differences {
        self.compare(copy, |left, right| left.shape == right.shape)
    }

    /// Objects whose expressions speak of other things in the copy, not only in other casts and brackets.
    pub(crate) fn reworded_in(&self, copy: &Self) -> Differences {
        self.compare(copy, |left, right| left.shape != right.shape || words(&left.expression) == words(&right.expression))
    }

    fn compare(&self, other: &Self, alike: impl Fn(&Definition, &Definition) -> bool) -> Differences {
        let name = |(kind, identity): &Key| format!("{kind} {identity}");
        let mut found = Differences::default();
        for (key, definition) in &self.objects {
            match other.objects.get(key) {
                None => found.0.push(format!("{} is missing", name(key))),
                Some(theirs) if !alike(definition, theirs) => found.0.push(format!("{} differs", name(key))),
                Some(_) => {}
            }
        }
        found.0.extend(other.objects.keys().filter(|key| !self.objects.contains_key(*key)).map(|key| format!("{} is new", name(key))));
        let grants = self.grants.symmetric_difference(&other.grants).filter(|grant| !grant.is_on(&self.kept));
        found.0.extend(grants.map(|grant| format!("grant {grant} differs")));
        found
    }
}

/// Kinds that take about as long to read as all others: PostgreSQL prints each of them.
const OF_TABLES: [&str; 5] = ["constraint", "index", "trigger", "policy", "rule"];

/// Objects of these kinds, or of all others.
async fn objects(
    connection: &mut PgConnection,
    (excluded, left): (&[String], &LeftBehind),
    kinds: &[&str],
    of_these: bool,
) -> Result<BTreeMap<Key, Definition>, BuildError> {
    let (classes, numbers) = left.keys();
    let rows: Vec<Row> = sqlx::query_as(include_str!("sql/inventory.sql"))
        .bind(excluded)
        .bind(EXTENSIONS)
        .bind(kinds)
        .bind(of_these)
        .bind(classes)
        .bind(numbers)
        .fetch_all(connection)
        .await
        .map_err(|error| from_sql("reading definitions", error))?;
    Ok(rows.into_iter().map(|row| ((row.kind, row.identity), Definition { shape: row.shape, expression: row.expression })).collect())
}

/// What is not the same.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences(Vec<String>);

impl Differences {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first few, for people.
    pub(crate) fn summary(&self) -> String {
        const SHOWN: usize = 8;
        listed(&self.0, SHOWN)
    }
}

/// The names and values that an expression speaks of.
fn words(expression: &str) -> BTreeSet<&str> {
    expression.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Definition, Inventory, words};
    use std::collections::BTreeSet;

    const ONCE: &str = "CHECK (((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))";
    const RESTORED: &str = "CHECK (((status)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))";

    fn with(shape: &str, expression: &str) -> Inventory {
        let definition = Definition { shape: shape.to_owned(), expression: expression.to_owned() };
        Inventory { objects: [(("constraint".to_owned(), "c".to_owned()), definition)].into(), grants: BTreeSet::new(), kept: BTreeSet::new() }
    }

    #[test]
    fn casts_that_moved_are_no_difference_in_a_copy() {
        let (parent, copy) = (with("c", ONCE), with("c", RESTORED));
        assert!(!parent.changes(&copy).is_empty());
        assert!(parent.lost_in(&copy).is_empty() && parent.reworded_in(&copy).is_empty());
        assert_eq!(words(ONCE), words(RESTORED));
    }

    #[test]
    fn another_value_and_another_shape_are() {
        let parent = with("c", ONCE);
        assert!(!parent.reworded_in(&with("c", &RESTORED.replace("'b'", "'x'"))).is_empty());
        assert_eq!(parent.lost_in(&with("f", ONCE)).summary(), "constraint c differs");
    }
}
