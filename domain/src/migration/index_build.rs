//! `CREATE INDEX CONCURRENTLY` and `REINDEX .. CONCURRENTLY`, as far as finding their indexes again takes.

use crate::lexer::{Lexer, TokenKind};

/// An index that is built without a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexBuild {
    /// Its name; `None` where PostgreSQL makes one up.
    pub name: Option<String>,
    /// The schema of its table, which is its own too; `None` where the search path tells.
    pub schema: Option<String>,
    /// Its table.
    pub table: String,
}

impl IndexBuild {
    /// Reads a statement; `None` where it is another one.
    pub fn read(statement: &str) -> Option<Self> {
        let mut words = Lexer::new(statement, 0).filter(|token| token.kind != TokenKind::Blank).peekable();
        let mut takes = |word: &str| words.next_if(|token| token.is(word)).is_some();
        if !takes("create") {
            return None;
        }
        takes("unique");
        if !(takes("index") && takes("concurrently")) {
            return None;
        }
        if takes("if") && !(takes("not") && takes("exists")) {
            return None;
        }
        let name = if takes("on") {
            None
        } else {
            let name = words.next()?.name()?;
            words.next_if(|token| token.is("on"))?;
            Some(name)
        };
        words.next_if(|token| token.is("only"));
        let first = words.next()?.name()?;
        if words.next_if(|token| token.kind == TokenKind::Dot).is_none() {
            return Some(Self { name, schema: None, table: first });
        }
        Some(Self { name, schema: Some(first), table: words.next()?.name()? })
    }
}

/// Indexes that are built anew without a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reindex {
    /// Those of a table, or one.
    Relation {
        /// The schema; `None` where the search path tells.
        schema: Option<String>,
        /// The table, or the index.
        name: String,
    },
    /// Those of all tables of a schema.
    Schema(String),
    /// Those of all tables of the database that one is connected to: no other can be named.
    Database,
}

impl Reindex {
    /// Reads a statement; `None` where it is another one. (PostgreSQL builds no catalogue's indexes anew in this way.)
    pub fn read(statement: &str) -> Option<Self> {
        let mut words = Lexer::new(statement, 0).filter(|token| token.kind != TokenKind::Blank).peekable();
        words.next_if(|token| token.is("reindex"))?;
        // In brackets, or behind the kind.
        let mut concurrently = false;
        let kind = words.find(|token| {
            concurrently |= token.is("concurrently");
            ["table", "index", "schema", "database", "system"].into_iter().any(|kind| token.is(kind))
        })?;
        concurrently |= words.next_if(|token| token.is("concurrently")).is_some();
        if !concurrently || kind.is("system") {
            return None;
        }
        if kind.is("database") {
            return Some(Self::Database);
        }
        let first = words.next()?.name()?;
        if kind.is("schema") {
            return Some(Self::Schema(first));
        }
        if words.next_if(|token| token.kind == TokenKind::Dot).is_none() {
            return Some(Self::Relation { schema: None, name: first });
        }
        Some(Self::Relation { schema: Some(first), name: words.next()?.name()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{IndexBuild, Reindex};
    use proptest::prelude::*;

    #[test]
    fn names_are_read_as_postgresql_does() {
        let read = |text: &str| IndexBuild::read(text).map(|build| (build.name, build.schema, build.table));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("create index concurrently A on only B (c)"), Some((some("a"), None, "b".to_owned())));
        assert_eq!(
            read("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"My \"\"Index\" /* x */ ON \"S\".t USING gin (c)"),
            Some((some("My \"Index"), some("S"), "t".to_owned()))
        );
        assert_eq!(read("create index concurrently on t (c)"), Some((None, None, "t".to_owned())));
        assert_eq!(read("create index a on t (c)"), None);
        assert_eq!(read("create table concurrently"), None);
    }

    #[test]
    fn a_long_name_is_cut_where_postgresql_cuts_it() {
        let long = format!("{}ä_and_more", "i".repeat(62));
        let kept = "i".repeat(62);
        let build = IndexBuild::read(&format!("create index concurrently {long} on \"{long}\".{long} (a)")).unwrap();
        assert_eq!((build.name.as_deref(), build.schema.as_deref(), build.table.as_str()), (Some(kept.as_str()), Some(kept.as_str()), kept.as_str()));
        assert_eq!(Reindex::read(&format!("reindex table concurrently {long}")), Some(Reindex::Relation { schema: None, name: kept }));
    }

    #[test]
    fn what_is_built_anew_is_read_as_postgresql_does() {
        let relation = |schema: Option<&str>, name: &str| Some(Reindex::Relation { schema: schema.map(str::to_owned), name: name.to_owned() });
        assert_eq!(Reindex::read("reindex table concurrently A"), relation(None, "a"));
        assert_eq!(Reindex::read("REINDEX (verbose, tablespace x) INDEX CONCURRENTLY \"S\".i;"), relation(Some("S"), "i"));
        assert_eq!(Reindex::read("/* x */ reindex (concurrently) table public.a"), relation(Some("public"), "a"));
        assert_eq!(Reindex::read("reindex (verbose) schema concurrently \"A b\""), Some(Reindex::Schema("A b".to_owned())));
        for database in ["reindex database concurrently a", "reindex (concurrently) database"] {
            assert_eq!(Reindex::read(database), Some(Reindex::Database), "{database}");
        }
        for other in [
            "reindex table a",
            "reindex schema a",
            "reindex database a",
            "reindex system concurrently a",
            "vacuum a",
            "create index concurrently on t (c)",
            "reindex table concurrently",
        ] {
            assert_eq!(Reindex::read(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in any::<String>()) {
            let _ = IndexBuild::read(&text);
            let _ = IndexBuild::read(&format!("create index concurrently {text}"));
            let _ = Reindex::read(&format!("reindex {text}"));
        }
    }
}
