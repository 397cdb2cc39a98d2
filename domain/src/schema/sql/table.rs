//! `CREATE TABLE` as `pg_dump` writes it, taken apart. What cannot be taken apart and put together again to the letter is not understood.

use super::{
    Options,
    names::{bare, ident},
    scan::{find, find_words, split, statements},
};

/// A column's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::schema) struct Column {
    /// As it stands there, quoted where needed.
    pub(in crate::schema) name: String,
    pub(in crate::schema) type_name: String,
    /// `COLLATE x`.
    pub(in crate::schema) collation: Option<String>,
    /// The expression behind `DEFAULT`.
    pub(in crate::schema) default: Option<String>,
    /// All of `GENERATED ALWAYS AS (..) STORED`.
    pub(in crate::schema) generated: Option<String>,
    /// `NOT NULL`, with what stands before and behind it.
    pub(in crate::schema) not_null: Option<String>,
}

/// Words that end a column's type.
const CLAUSES: [&str; 6] = ["COLLATE", "DEFAULT", "GENERATED ALWAYS AS", "CONSTRAINT", "NOT NULL", "OPTIONS"];

impl Column {
    fn read(line: &str) -> Option<Self> {
        let (name, rest) = name_and_rest(line)?;
        let mut column = Self { name: name.to_owned(), type_name: String::new(), collation: None, default: None, generated: None, not_null: None };
        let (mut rest, mut first) = (rest, true);
        while first || !rest.is_empty() {
            let skip = if first { 0 } else { clause_of(rest)?.len() };
            let end = CLAUSES.iter().filter_map(|clause| find_words(&rest[skip..], clause)).min().map_or(rest.len(), |at| at + skip);
            // `CONSTRAINT x NOT NULL` is one.
            let end = if rest.starts_with("CONSTRAINT ") { not_null_end(rest)? } else { end };
            let piece = rest[..end].trim();
            if first {
                piece.clone_into(&mut column.type_name);
            } else {
                column.take(piece)?;
            }
            (rest, first) = (rest[end..].trim_start(), false);
        }
        (!column.type_name.is_empty()).then_some(column)
    }

    fn take(&mut self, piece: &str) -> Option<()> {
        let slot = if piece.starts_with("COLLATE") {
            &mut self.collation
        } else if piece.starts_with("GENERATED") {
            &mut self.generated
        } else if let Some(expression) = piece.strip_prefix("DEFAULT ") {
            return self.default.replace(expression.trim().to_owned()).is_none().then_some(());
        } else if piece.starts_with("NOT NULL") || piece.starts_with("CONSTRAINT") {
            &mut self.not_null
        } else {
            return None;
        };
        slot.replace(piece.to_owned()).is_none().then_some(())
    }

    /// What `ADD COLUMN` takes.
    pub(in crate::schema) fn written(&self) -> String {
        let default = self.default.as_ref().map(|expression| format!("DEFAULT {expression}"));
        let parts = [self.collation.as_ref(), self.generated.as_ref(), default.as_ref(), self.not_null.as_ref()];
        parts.into_iter().flatten().fold(format!("{} {}", self.name, self.type_name), |text, part| format!("{text} {part}"))
    }

    /// Everything but the name.
    pub(in crate::schema) fn described(&self) -> String {
        self.written()[self.name.len()..].trim().to_owned()
    }
}

/// The clause that a text begins with.
fn clause_of(text: &str) -> Option<&'static str> {
    CLAUSES.into_iter().find(|clause| text.starts_with(clause))
}

fn not_null_end(text: &str) -> Option<usize> {
    let from = find_words(text, "NOT NULL")? + "NOT NULL".len();
    let rest = &text[from..];
    Some(from + if rest.starts_with(" NO INHERIT") { " NO INHERIT".len() } else { 0 })
}

fn name_and_rest(line: &str) -> Option<(&str, &str)> {
    let at = if line.starts_with('"') {
        let mut at = 1;
        loop {
            at += line[at..].find('"')? + 1;
            if !line[at..].starts_with('"') {
                break at;
            }
            at += 1;
        }
    } else {
        line.find(' ')?
    };
    Some((&line[..at], line[at..].trim()))
}

/// A constraint's line: name and definition.
pub(in crate::schema) type Constraint = (String, String);

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::schema) struct TableText {
    /// With its schema.
    pub(in crate::schema) name: String,
    pub(in crate::schema) unlogged: bool,
    pub(in crate::schema) columns: Vec<Column>,
    pub(in crate::schema) constraints: Vec<Constraint>,
    pub(in crate::schema) options: Options,
    /// `INHERITS ..`, `PARTITION BY ..`: what no statement changes.
    pub(in crate::schema) fixed: Vec<String>,
    /// Statements behind it, about storage, statistics, replica identity.
    pub(in crate::schema) trailing: Vec<String>,
    /// How its rows are kept, quoted, where that is not usual: a setting about the statement says it.
    pub(in crate::schema) access_method: Option<String>,
}

const SET_METHOD: &str = "SET default_table_access_method = ";
const RESET_METHOD: &str = "RESET default_table_access_method";

impl TableText {
    /// `None` for what is written in a way that this does not know.
    pub(in crate::schema) fn read(definition: &str) -> Option<Self> {
        let mut all = statements(definition);
        let access_method = all.first()?.strip_prefix(SET_METHOD).map(str::to_owned);
        if access_method.is_some() {
            all.remove(0);
            all.retain(|statement| *statement != RESET_METHOD);
        }
        let (create, trailing) = all.split_first()?;
        let (unlogged, rest) = match create.strip_prefix("CREATE UNLOGGED TABLE ") {
            Some(rest) => (true, rest),
            None => (false, create.strip_prefix("CREATE TABLE ")?),
        };
        let open = find(rest, b'(', 0)?;
        let close = find(rest, b')', open)?;
        let name = rest[..open].trim();
        if name.contains(' ') && !name.contains('"') {
            return None;
        }
        let mut table = Self {
            name: name.to_owned(),
            unlogged,
            columns: Vec::new(),
            constraints: Vec::new(),
            options: Options::default(),
            fixed: Vec::new(),
            trailing: trailing.iter().map(|statement| (*statement).to_owned()).collect(),
            access_method,
        };
        for line in split(&rest[open + 1..close], ',').into_iter().map(str::trim).filter(|line| !line.is_empty()) {
            match line.strip_prefix("CONSTRAINT ") {
                // PostgreSQL 18, of an inherited column.
                None if line.starts_with("NOT NULL ") => {
                    let column = line["NOT NULL ".len()..].trim_end_matches(" NO INHERIT");
                    match usual_not_null(name, column) {
                        Some(usual) => table.constraints.push((ident(&usual), line.to_owned())),
                        None => table.fixed.push(line.to_owned()),
                    }
                }
                Some(constraint) => {
                    let (name, definition) = name_and_rest(constraint)?;
                    table.constraints.push((name.to_owned(), definition.to_owned()));
                }
                None => table.columns.push(Column::read(line)?),
            }
        }
        for clause in clauses(&rest[close + 1..]) {
            match clause.strip_prefix("WITH ") {
                Some(options) => table.options = Options::read(options)?,
                None => table.fixed.push(clause.to_owned()),
            }
        }
        Some(table)
    }

    /// Whether a column, as it is written, decides in which partition a row lies.
    pub(in crate::schema) fn is_partitioned_by(&self, column: &str) -> bool {
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '"'));
        self.partition_key().is_some_and(|key| {
            key.match_indices(column).any(|(at, _)| !part(key[..at].chars().next_back()) && !part(key[at + column.len()..].chars().next()))
        })
    }

    /// `PARTITION BY ..`.
    pub(in crate::schema) fn partition_key(&self) -> Option<&str> {
        self.fixed.iter().map(String::as_str).find(|clause| clause.starts_with("PARTITION BY"))
    }

    pub(in crate::schema) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Bytes of a name at most.
const MAX_NAME: usize = 63;

/// The name that PostgreSQL 18 gives to a NOT NULL where nothing is said and nobody has it. None where it would be too long, and cut by rules of its own.
pub(in crate::schema) fn usual_not_null(table: &str, column: &str) -> Option<String> {
    let own = split(table, '.').pop().map(bare)?;
    Some(format!("{own}_{}_not_null", bare(column))).filter(|name| name.len() <= MAX_NAME)
}

/// What stands behind the columns, a clause a line; a line that begins with a blank belongs to the one before.
fn clauses(text: &str) -> Vec<&str> {
    const BEGINNINGS: [&str; 4] = ["INHERITS", "PARTITION BY", "WITH", "USING"];
    let mut starts: Vec<usize> = BEGINNINGS.iter().filter_map(|word| find_words(text, word)).collect();
    starts.sort_unstable();
    if starts.first().is_none_or(|first| !text[..*first].trim().is_empty()) {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| text[*start..end].trim()).filter(|clause| !clause.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Column, TableText, usual_not_null};

    const TABLE: &str = "CREATE UNLOGGED TABLE public.\"T x\" (
    id integer NOT NULL,
    \"a, b\" character varying(10) DEFAULT 'NOT NULL, '::character varying COLLATE pg_catalog.\"C\" CONSTRAINT nn NOT NULL,
    g integer GENERATED ALWAYS AS ((id * 2)) STORED,
    CONSTRAINT c CHECK (((id > 0) AND (id < 9)))
)
INHERITS (public.p)
WITH (fillfactor='70', toast.autovacuum_enabled='false');
ALTER TABLE ONLY public.\"T x\" ALTER COLUMN id SET STATISTICS 10;

ALTER TABLE ONLY public.\"T x\" FORCE ROW LEVEL SECURITY;
";

    #[test]
    fn every_part_of_a_table_is_found() {
        let table = TableText::read(TABLE).unwrap();
        assert_eq!((table.name.as_str(), table.unlogged, table.fixed.as_slice()), ("public.\"T x\"", true, &["INHERITS (public.p)".to_owned()][..]));
        let expected = Column {
            name: "\"a, b\"".to_owned(),
            type_name: "character varying(10)".to_owned(),
            collation: Some("COLLATE pg_catalog.\"C\"".to_owned()),
            default: Some("'NOT NULL, '::character varying".to_owned()),
            generated: None,
            not_null: Some("CONSTRAINT nn NOT NULL".to_owned()),
        };
        assert_eq!(table.columns[1], expected);
        assert_eq!(table.columns[2].generated.as_deref(), Some("GENERATED ALWAYS AS ((id * 2)) STORED"));
        assert_eq!(table.constraints, [("c".to_owned(), "CHECK (((id > 0) AND (id < 9)))".to_owned())]);
        assert_eq!(table.trailing.len(), 2);
    }

    #[test]
    fn how_rows_are_kept_is_told_about_a_table() {
        let text = "SET default_table_access_method = \"columnar\";\nCREATE TABLE p.t (\n    a integer\n);\nALTER TABLE ONLY p.t REPLICA IDENTITY FULL;\nRESET default_table_access_method;\n";
        let table = TableText::read(text).unwrap();
        assert_eq!((table.access_method.as_deref(), table.columns.len(), table.trailing.len()), (Some("\"columnar\""), 1, 1));
    }

    #[test]
    fn the_columns_of_a_partition_key_are_known() {
        let table = TableText::read("CREATE TABLE p.t (\n    a integer,\n    ab integer\n)\nPARTITION BY LIST (lower((ab)::text));").unwrap();
        assert_eq!((table.is_partitioned_by("ab"), table.is_partitioned_by("a")), (true, false));
        assert_eq!(usual_not_null("p.\"T x\"", "a").as_deref(), Some("T x_a_not_null"));
        assert_eq!(usual_not_null("p.t", &"a".repeat(60)), None);
    }

    #[test]
    fn an_empty_table_is_one_and_a_typed_one_is_not_understood() {
        assert!(TableText::read("CREATE TABLE public.e (\n);\n").unwrap().columns.is_empty());
        assert_eq!(TableText::read("CREATE TABLE public.t OF public.ty (\n    a WITH OPTIONS NOT NULL\n);"), None);
    }
}
