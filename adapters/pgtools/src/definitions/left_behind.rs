//! What no branch can have, whoever makes it: foreign tables that read files or programs of the server, servers of a wrapper that the admin cannot lend, and
//! whatever stands on them. All of it stays behind, and is told.

use super::dependents::Dependent;
use crate::{
    error::{from_sql, listed, refused},
    quoting::printed_relation,
    schema::archive::Entry,
};
use domain::{
    branch::{OWNER_ROLE, Withheld},
    table::QualifiedName,
};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// An object that cannot be there, and why.
#[derive(Debug, sqlx::FromRow)]
struct Barred {
    class: i64,
    object: i64,
    reason: String,
}

/// What of it rows or positions are written into once it is there.
const RELATIONS: [&str; 2] = ["materialized view", "sequence"];

/// Objects of a parent that its copies lack.
#[derive(Debug, Default)]
pub(crate) struct LeftBehind {
    objects: BTreeSet<(i64, i64)>,
    /// Materialised views and sequences among them.
    relations: BTreeSet<QualifiedName>,
    /// Each of them and the reason, but for parts of others.
    pub(crate) withheld: Vec<Withheld>,
    /// Tables with rows, and what keeps rows from somebody: a branch without them would be another thing.
    needed: Vec<String>,
}

impl LeftBehind {
    /// Reads what there is of it in a database. `admin`: the login that prepares branches.
    pub(crate) async fn read(connection: &mut PgConnection, excluded: &[String], admin: &str) -> Result<Self, BuildError> {
        let barred: Vec<Barred> = sqlx::query_as(include_str!("sql/barred.sql"))
            .bind(excluded)
            .bind(OWNER_ROLE)
            .bind(admin)
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| from_sql("reading foreign tables", error))?;
        let reasons: BTreeMap<(i64, i64), String> = barred.into_iter().map(|Barred { class, object, reason }| ((class, object), reason)).collect();
        let roots: Vec<(i64, i64)> = reasons.keys().copied().collect();
        Ok(Self::of(&Dependent::of(connection, &roots, true).await?, &reasons))
    }

    fn of(found: &[Dependent], reasons: &BTreeMap<(i64, i64), String>) -> Self {
        const SHOWN: usize = 3;
        let needed: Vec<String> = found.iter().filter(|one| one.needed && !one.along).map(Dependent::in_words).collect();
        if !needed.is_empty() {
            return Self { needed, ..Self::default() };
        }
        let told = |one: &Dependent| {
            let reason = reasons.get(&(one.class, one.object)).cloned();
            one.withheld(reason.unwrap_or_else(|| format!("it stands on {}, which stays behind", listed(&one.roots, SHOWN))))
        };
        // A server's user mappings are never copied.
        let is_told = |one: &&Dependent| !one.along && one.kind != "user mapping";
        Self {
            objects: found.iter().map(|one| (one.class, one.object)).collect(),
            relations: found.iter().filter(|one| RELATIONS.contains(&one.kind.as_str())).map(|one| printed_relation(&one.identity)).collect(),
            withheld: found.iter().filter(is_told).map(told).collect(),
            needed,
        }
    }

    /// Refuses a parent that is nothing without them.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        const SHOWN: usize = 100;
        if self.needed.is_empty() {
            return Ok(());
        }
        let message = format!(
            "foreign tables that read files or programs of the server, or whose wrapper the server's login cannot lend, are in no branch, and these stand on \
             them: {}. Take the foreign tables out of what these are made of, or let branches have them (a wrapper's USAGE with grant option to that login; \
             pg_read_server_files or pg_execute_server_program to {OWNER_ROLE})",
            listed(&self.needed, SHOWN)
        );
        Err(refused("needs_superuser", message))
    }

    /// Their catalogues and numbers, for statements that leave them out.
    pub(crate) fn keys(&self) -> (Vec<i64>, Vec<i64>) {
        self.objects.iter().copied().unzip()
    }

    /// Whether it is one of them.
    pub(crate) fn has(&self, class: i64, object: i64) -> bool {
        self.objects.contains(&(class, object))
    }

    /// Whether a relation is one of them.
    pub(crate) fn has_relation(&self, name: &QualifiedName) -> bool {
        self.relations.contains(name)
    }

    /// What of a dump's entries, in their order, is about them.
    pub(crate) fn entries(&self, entries: &[Entry]) -> HashSet<i64> {
        let mut gone = HashSet::new();
        for entry in entries {
            // Comments, grants and the like have no place of their own, and need what they are about.
            let is_gone = if entry.class == 0 || entry.object == 0 {
                entry.requires.iter().any(|id| gone.contains(id))
            } else {
                self.has(entry.class.into(), entry.object.into())
            };
            if is_gone {
                gone.insert(entry.id);
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::{Dependent, LeftBehind};
    use crate::schema::archive::Entry;
    use domain::{branch::Withheld, table::QualifiedName};

    fn dependent(object: i64, kind: &str, identity: &str) -> Dependent {
        let roots = vec!["foreign table app.f".to_owned()];
        Dependent { class: 1259, object, kind: kind.to_owned(), identity: identity.to_owned(), roots, along: false, needed: false, runs: false }
    }

    #[test]
    fn what_stands_on_what_stays_behind_stays_behind_and_is_told() {
        let parts = [Dependent { along: true, ..dependent(3, "type", "app.f") }, dependent(4, "sequence", r#""A p"."S""#)];
        let found = [&[dependent(1, "foreign table", "app.f"), dependent(2, "view", "app.v")][..], &parts].concat();
        let left = LeftBehind::of(&found, &[((1259, 1), "it reads a file".to_owned())].into());
        let told: Vec<String> = left.withheld.iter().map(Withheld::in_words).collect();
        let expected = [
            "foreign table app.f: it reads a file",
            "view app.v: it stands on foreign table app.f, which stays behind",
            "sequence A p.\"S\": it stands on foreign table app.f, which stays behind",
        ];
        assert_eq!(told, expected);
        assert!(left.has_relation(&QualifiedName::new("A p", "S")) && !left.has_relation(&QualifiedName::new("app", "v")));
        let entry = |id, object, requires: &[i64]| Entry {
            id,
            class: if object == 0 { 0 } else { 1259 },
            object,
            requires: requires.to_vec(),
            ..Entry::default()
        };
        // A table, a comment on it, and one on the view.
        let entries = [entry(10, 2, &[]), entry(11, 9, &[10]), entry(12, 0, &[11]), entry(13, 0, &[10])];
        assert_eq!(left.entries(&entries), [10, 13].into());
    }

    #[test]
    fn a_table_with_rows_does_not() {
        let found = [dependent(1, "foreign table", "app.f"), Dependent { needed: true, ..dependent(2, "table", "app.t") }];
        let left = LeftBehind::of(&found, &[].into());
        assert!(left.check().is_err() && left.withheld.is_empty() && !left.has(1259, 1));
    }
}
