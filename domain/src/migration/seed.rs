//! Seed files: what a file's name says.

use crate::unseen::Unseen;

/// What is in a seed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeedKind {
    /// Statements.
    Sql,
    /// Rows of a table, after a line of column names.
    Csv {
        /// The table's schema; `None` where the search path tells.
        schema: Option<String>,
        /// The table.
        table: String,
    },
}

/// A seed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The file's name: the order of seeds.
    pub name: String,
    /// What is in it.
    pub kind: SeedKind,
}

/// Why a file is no seed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSeedName {
    /// Neither `.sql` nor `.csv`.
    #[error("'{0}' is neither .sql nor .csv")]
    Kind(String),
    /// A CSV file whose name holds no table, or more than a schema and a table.
    #[error("'{0}' does not name a table, or a schema and a table: name it like 20_tasks.csv or 20_public.tasks.csv")]
    Table(String),
    /// A name with folders in it.
    #[error("'{0}' is no name of a file: give the name alone, without folders")]
    NotAName(String),
    /// A character in it that nobody sees.
    #[error("'{}' has a name that is not what people see: {unseen}; rename the file", name.escape_debug())]
    Unseen {
        /// The file.
        name: String,
        /// The character.
        unseen: Unseen,
    },
}

impl Seed {
    /// Whether a file is meant as a seed: SQL or CSV, and not hidden, as is what editors and file systems leave behind.
    pub fn is_meant_by(name: &str) -> bool {
        let kinds = ["sql", "csv"];
        !name.starts_with('.') && kind_and_stem(name).is_some_and(|(kind, _)| kinds.contains(&kind.as_str()))
    }

    /// Reads a file's name: `10_users.sql`, `20_public.tasks.csv`, `30_notes.csv`. Small letters or capitals at its end are the same.
    pub fn named(name: &str) -> Result<Self, InvalidSeedName> {
        let own = || name.to_owned();
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
            return Err(InvalidSeedName::NotAName(own()));
        }
        if let Some(unseen) = Unseen::first_of(name) {
            return Err(InvalidSeedName::Unseen { name: own(), unseen });
        }
        let stem = match kind_and_stem(name) {
            Some((kind, _)) if kind == "sql" => return Ok(Self { name: own(), kind: SeedKind::Sql }),
            Some((kind, stem)) if kind == "csv" => stem,
            _ => return Err(InvalidSeedName::Kind(own())),
        };
        let unnumbered = stem.trim_start_matches(|c: char| c.is_ascii_digit());
        let target = if unnumbered.len() < stem.len() { unnumbered.strip_prefix(['_', '-']).unwrap_or(unnumbered) } else { stem };
        let (schema, table) = match target.split_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, target),
        };
        if table.is_empty() || schema == Some("") || table.contains('.') {
            return Err(InvalidSeedName::Table(own()));
        }
        Ok(Self { name: own(), kind: SeedKind::Csv { schema: schema.map(str::to_owned), table: table.to_owned() } })
    }
}

/// What a name ends with, in small letters, and what comes before.
fn kind_and_stem(name: &str) -> Option<(String, &str)> {
    name.rsplit_once('.').map(|(stem, kind)| (kind.to_ascii_lowercase(), stem))
}

#[cfg(test)]
mod tests {
    use super::{InvalidSeedName, Seed, SeedKind};

    #[test]
    fn a_csv_file_names_its_table() {
        let table = |name: &str| match Seed::named(name).unwrap().kind {
            SeedKind::Csv { schema, table } => (schema, table),
            SeedKind::Sql => panic!("{name}"),
        };
        assert_eq!(table("20_public.tasks.csv"), (Some("public".to_owned()), "tasks".to_owned()));
        assert_eq!(table("20_task_tags.csv"), (None, "task_tags".to_owned()));
        assert_eq!(table("tasks.csv"), (None, "tasks".to_owned()));
        assert_eq!(table("1-My Table.csv"), (None, "My Table".to_owned()));
        assert_eq!(table("20_public.Tasks.CSV"), (Some("public".to_owned()), "Tasks".to_owned()));
        assert_eq!([Seed::named("a.sql").unwrap().kind, Seed::named("A.SQL").unwrap().kind], [SeedKind::Sql, SeedKind::Sql]);
        assert_eq!(Seed::named("20_.csv").unwrap_err(), InvalidSeedName::Table("20_.csv".to_owned()));
        assert!(Seed::named("10_us\u{202e}ers.sql").unwrap_err().to_string().contains("U+202E"));
        assert!(Seed::named("20_a.b.c.csv").unwrap_err().to_string().contains("a schema and a table"));
        assert!(Seed::named("../a.sql").is_err() && Seed::named("readme.md").is_err());
    }

    #[test]
    fn what_is_meant_as_a_seed_is_told_from_what_lies_beside() {
        for (name, meant) in
            [("10_a.sql", true), ("20_tasks.CSV", true), ("30.Sql", true), ("20_a.b.c.csv", true), (".x.sql", false), ("a.md", false), ("sql", false)]
        {
            assert_eq!(Seed::is_meant_by(name), meant, "{name}");
        }
    }
}
