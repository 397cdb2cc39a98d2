//! What of a database none of its clones has, by the rules that clones are made by: whoever compares a database with its clones leaves it out of both.

use super::{
    event_triggers::EventTrigger,
    left_behind::LeftBehind,
    never_copied::{EXTENSIONS, WATCHING},
};
use crate::{error::from_sql, schema::archive::Entry};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::collections::HashSet;

/// What a clone lacks on purpose, or because nobody may make it there.
#[derive(Debug, Default)]
pub(crate) struct Uncopied {
    left: LeftBehind,
    /// Without a superuser nobody is sure to grant what is on objects that PostgreSQL or an extension brought.
    by_superuser: bool,
    /// The event triggers that do come along.
    event_triggers: HashSet<String>,
    /// Schemas that came with extensions which are never copied.
    schemas: HashSet<String>,
    /// Schemas of what shows the server's statements.
    watching: HashSet<String>,
}

impl Uncopied {
    /// Reads it. `admin`: the login that prepares branches.
    pub(crate) async fn read(connection: &mut PgConnection, excluded: &[String], admin: &str) -> Result<Self, BuildError> {
        let by_superuser = is_superuser(connection, admin).await?;
        let event_triggers = EventTrigger::read(connection, excluded).await?;
        let schemas: Vec<String> = sqlx::query_scalar(
            "select n.nspname::text from pg_namespace n
               join pg_depend d on d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e'
               join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid where e.extname = any($1)",
        )
        .bind(EXTENSIONS)
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| from_sql("reading what extensions brought", error))?;
        let watching: Vec<String> =
            sqlx::query_scalar("select n.nspname::text from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = any($1)")
                .bind(WATCHING)
                .fetch_all(&mut *connection)
                .await
                .map_err(|error| from_sql("reading what shows statements", error))?;
        Ok(Self {
            left: LeftBehind::read(connection, excluded, admin).await?,
            by_superuser,
            event_triggers: event_triggers.iter().filter_map(|trigger| trigger.comes_along(by_superuser)).map(str::to_owned).collect(),
            schemas: schemas.into_iter().collect(),
            watching: watching.into_iter().collect(),
        })
    }

    /// What of a dump's entries, in their order, is about it.
    pub(crate) fn entries(&self, entries: &[Entry]) -> HashSet<i64> {
        let there: HashSet<i64> = entries.iter().map(|entry| entry.id).collect();
        let mut gone = self.left.entries(entries);
        for entry in entries {
            // A comment needs what it is about.
            let of_one = (entry.class == 0 || entry.object == 0) && entry.requires.iter().any(|id| gone.contains(id));
            let of_given = entry.kind == "ACL" && entry.tag != "SCHEMA public" && !entry.requires.iter().any(|id| there.contains(id));
            if of_one || (of_given && (!self.by_superuser || self.watches(entry))) || self.is_never_copied(entry) {
                gone.insert(entry.id);
            }
        }
        gone
    }

    /// Whether grants are on what shows statements, which everybody has in a parent and nobody in a clone.
    fn watches(&self, entry: &Entry) -> bool {
        let name = entry.tag.split_once(' ').map_or("", |(_, name)| name);
        entry.schema.as_ref().is_some_and(|schema| self.watching.contains(schema)) && WATCHING.iter().any(|extension| name.starts_with(extension))
    }

    fn is_never_copied(&self, entry: &Entry) -> bool {
        match entry.kind.as_str() {
            "EVENT TRIGGER" => !self.event_triggers.contains(&entry.tag),
            "EXTENSION" => EXTENSIONS.contains(&entry.tag.as_str()),
            // Grants and policies on what such an extension brought.
            _ => {
                let schema = entry.schema.as_deref().or_else(|| entry.tag.strip_prefix("SCHEMA ").map(|name| name.trim_matches('"')));
                schema.is_some_and(|schema| self.schemas.contains(schema))
            }
        }
    }
}

/// Whether a login is a superuser.
pub(crate) async fn is_superuser(connection: &mut PgConnection, login: &str) -> Result<bool, BuildError> {
    let found: Option<bool> = sqlx::query_scalar("select rolsuper from pg_roles where rolname = $1")
        .bind(login)
        .fetch_optional(connection)
        .await
        .map_err(|error| from_sql("looking for the admin's rights", error))?;
    Ok(found.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Uncopied;
    use crate::schema::archive::Entry;

    fn entry(id: i64, kind: &str, tag: &str, requires: &[i64]) -> Entry {
        Entry { id, kind: kind.to_owned(), tag: tag.to_owned(), requires: requires.to_vec(), ..Entry::default() }
    }

    #[test]
    fn what_a_clone_lacks_is_found_in_a_dump() {
        let place = |entry: Entry| Entry { class: 1, object: u32::try_from(entry.id).unwrap(), ..entry };
        let entries = [
            place(entry(1, "EXTENSION", "pg_cron", &[])),
            entry(2, "COMMENT", "EXTENSION pg_cron", &[1]),
            Entry { schema: Some("cron".to_owned()), ..entry(3, "ACL", "TABLE job", &[90]) },
            entry(4, "ACL", "SCHEMA cron", &[91]),
            place(entry(5, "EVENT TRIGGER", "stays", &[])),
            entry(6, "COMMENT", "EVENT TRIGGER stays", &[5]),
            place(entry(7, "EVENT TRIGGER", "comes", &[])),
            entry(8, "ACL", "SCHEMA public", &[92]),
            Entry { schema: Some("pg_catalog".to_owned()), ..entry(9, "ACL", "TABLE pg_statistic", &[93]) },
            place(entry(10, "TABLE", "t", &[])),
            entry(11, "ACL", "TABLE t", &[10]),
            Entry { schema: Some("stats".to_owned()), ..entry(12, "ACL", "TABLE pg_stat_statements", &[94]) },
            Entry { schema: Some("stats".to_owned()), ..entry(13, "ACL", "FUNCTION other()", &[95]) },
        ];
        let found = |by_superuser| {
            let one = |name: &str| [name.to_owned()].into();
            let uncopied =
                Uncopied { by_superuser, event_triggers: one("comes"), schemas: one("cron"), watching: one("stats"), ..Uncopied::default() };
            let mut found: Vec<_> = uncopied.entries(&entries).into_iter().collect();
            found.sort_unstable();
            found
        };
        assert_eq!(found(true), [1, 2, 3, 4, 5, 6, 12]);
        assert_eq!(found(false), [1, 2, 3, 4, 5, 6, 9, 12, 13]);
    }
}
