//! What becomes of an object of the target, by its kind.

use super::{grants, routine, statement::Hazard, types, view};
use crate::schema::{
    Kind, Object, SchemaSnapshot,
    sql::{Column, Options, RESTART, SequenceText, TableText, find, find_words, statements},
};

/// A statement and its hazards.
pub(super) type Step = (String, Vec<Hazard>);

/// Statements that hold nobody up and lose nothing.
pub(super) fn without_hazards(statements: impl IntoIterator<Item = String>) -> Vec<Step> {
    statements.into_iter().map(|sql| (sql, Vec::new())).collect()
}

/// What becomes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing.
    Keep,
    /// It is changed where it stands.
    Alter(Alteration),
    /// A table is changed, by its parts.
    Table,
    /// A check is validated, and its table tells of it from then on.
    Validate,
    /// It is dropped and made again.
    Rebuild,
    /// It is dropped.
    Remove,
    /// No statement that this knows makes the change.
    Blocked(String),
}

/// A change in place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Alteration {
    /// First of all, each by itself.
    pub(super) ahead: Vec<Step>,
    /// While others are dropped.
    pub(super) early: Vec<Step>,
    /// Where the source makes it.
    pub(super) at: Vec<Step>,
}

impl Alteration {
    pub(super) fn at(steps: Vec<Step>) -> Fate {
        Fate::Alter(Self { at: steps, ..Self::default() })
    }
}

/// What becomes of an object that both have, with other definitions.
pub(super) fn of_changed(target: &SchemaSnapshot, source: &SchemaSnapshot, old: &Object, new: &Object) -> Fate {
    match &new.identity.kind {
        Kind::Table => match (TableText::read(&old.definition), TableText::read(&new.definition)) {
            (Some(old), Some(new)) if old.partition_key() == new.partition_key() => of_changed_table(&old, &new),
            (Some(_), Some(_)) => Fate::Blocked("no statement changes how a table is partitioned".to_owned()),
            _ => Fate::Blocked("it is defined in a way that no statement changes".to_owned()),
        },
        Kind::View => view::change(target, source, old, new),
        Kind::Function | Kind::Procedure => routine::change(target, source, old, new),
        Kind::Type => types::change(old, new),
        Kind::Domain => types::change_domain(old, new),
        Kind::Sequence => sequence(old, new),
        Kind::Comment | Kind::SecurityLabel | Kind::Default | Kind::IndexAttach => Alteration::at(vec![(new.definition.clone(), Vec::new())]),
        Kind::Acl | Kind::DefaultAcl => match grants::changes(&old.definition, Some(&new.definition)) {
            Some(steps) => Alteration::at(without_hazards(steps)),
            None => Fate::Blocked("a grant is written in a way that is not understood".to_owned()),
        },
        Kind::SequenceOwnedBy => Fate::Alter(Alteration {
            early: vec![(nobodys(old), Vec::new())],
            at: vec![(new.definition.clone(), Vec::new())],
            ..Alteration::default()
        }),
        Kind::Extension => extension(target, old, new),
        Kind::FkConstraint => validated(old, new).map_or(Fate::Rebuild, |step| Alteration::at(vec![step])),
        Kind::Index | Kind::Constraint => trailing(source, old, new),
        Kind::Schema | Kind::ShellType => Fate::Blocked("it cannot be dropped without what is in it".to_owned()),
        _ => Fate::Rebuild,
    }
}

fn of_changed_table(old: &TableText, new: &TableText) -> Fate {
    let stays =
        |column: &Column| new.column(&column.name).is_some_and(|new| (&new.type_name, &new.collation) == (&column.type_name, &column.collation));
    match old.columns.iter().find(|column| !stays(column) && old.is_partitioned_by(&column.name)) {
        Some(column) => Fate::Blocked(format!("column {} decides in which partition a row lies", column.name)),
        None => Fate::Table,
    }
}

/// Where it is may lie beyond the bounds that it gets.
fn sequence_step(sql: String) -> Step {
    let says = |word: &str| find_words(&sql, word).is_some();
    let mut hazards = vec![Hazard::ExclusiveLock];
    if says(RESTART) {
        hazards.insert(0, Hazard::DataLoss);
    } else if ["MINVALUE", "MAXVALUE", "AS"].into_iter().any(says) {
        hazards.push(Hazard::MayFail);
    }
    (sql, hazards)
}

fn sequence(old: &Object, new: &Object) -> Fate {
    let (Some(before), Some(after)) = (SequenceText::read(&old.definition), SequenceText::read(&new.definition)) else {
        return Fate::Blocked("the sequence is written in a way that is not understood".to_owned());
    };
    match after.changes_from(&before) {
        Some(steps) => Alteration::at(steps.into_iter().map(sequence_step).collect()),
        None => Fate::Rebuild,
    }
}

/// Why an extension of that version cannot be made, where this server has no files of it.
pub(super) fn unknown_version(target: &SchemaSnapshot, extension: &Object) -> Option<String> {
    let version = extension_parts(extension)?.2;
    let known: Vec<&str> = versions(&target.facts.extension_versions, &extension.identity.name);
    let missing = !target.facts.extension_versions.is_empty() && !known.contains(&unquoted(&version).as_str());
    let instead = if known.is_empty() { String::new() } else { format!(", or make it with VERSION {}", known.join(" or ")) };
    missing.then(|| format!("this server has no files of version {version}: install them{instead}"))
}

fn versions<'a>(of: &'a [(String, String)], extension: &str) -> Vec<&'a str> {
    of.iter().filter(|(name, _)| name == extension).map(|(_, version)| version.as_str()).collect()
}

fn unquoted(version: &str) -> String {
    version.trim_matches('\'').replace("''", "'")
}

/// Of `CREATE EXTENSION IF NOT EXISTS x WITH SCHEMA s VERSION 'v'`: name, schema, version.
fn extension_parts(object: &Object) -> Option<(String, String, String)> {
    let part = |from: &str, to: Option<&str>| {
        let text = &object.definition;
        let start = find_words(text, from)? + from.len();
        let end = to.map_or_else(|| text.find(';'), |to| find_words(text, to)).unwrap_or(text.len());
        Some(text[start..end].trim().to_owned())
    };
    Some((part("EXISTS", Some("WITH SCHEMA"))?, part("WITH SCHEMA", Some("VERSION"))?, part("VERSION", None)?))
}

/// Whether an extension lies in another schema.
pub(super) fn moves(old: &Object, new: &Object) -> bool {
    let schema = |object| extension_parts(object).map(|(_, schema, _)| schema);
    schema(old) != schema(new)
}

/// It is updated where this server's files lead there.
fn extension(target: &SchemaSnapshot, old: &Object, new: &Object) -> Fate {
    let (Some((name, schema, version)), Some((_, new_schema, new_version))) = (extension_parts(old), extension_parts(new)) else {
        return Fate::Blocked("the extension is written in a way that is not understood".to_owned());
    };
    let mut steps = Vec::new();
    if schema != new_schema && target.facts.fixed_extensions.contains(&old.identity.name) {
        let way_out = format!("drop it and make it again WITH SCHEMA {new_schema}");
        return Fate::Blocked(format!("it cannot leave schema {schema}, by its own files: {way_out}"));
    }
    if schema != new_schema {
        steps.push((format!("ALTER EXTENSION {name} SET SCHEMA {new_schema}"), Vec::new()));
    }
    if version != new_version {
        if !versions(&target.facts.extension_updates, &old.identity.name).contains(&unquoted(&new_version).as_str()) {
            let way_out = format!("install files that do, or drop it and make it again with VERSION {new_version}");
            return Fate::Blocked(format!("no files of this server lead from version {version} to version {new_version}: {way_out}"));
        }
        steps.push((format!("ALTER EXTENSION {name} UPDATE TO {new_version}"), vec![Hazard::MayFail]));
    }
    Alteration::at(steps)
}

/// Of a check that was not checked over the rows: its name and what it will be.
pub(super) fn unchecked(object: &Object) -> Option<(String, String)> {
    let text = object.definition.trim().trim_end_matches(';').strip_suffix(" NOT VALID")?;
    let (_, rest) = text.split_once("ADD CONSTRAINT ")?;
    let at = find_words(rest, "CHECK").filter(|_| object.identity.kind == Kind::CheckConstraint)?;
    Some((rest[..at].trim().to_owned(), rest[at..].trim().to_owned()))
}

/// Of a constraint that is the same but for not having been checked: the statement that checks it.
fn validated(old: &Object, new: &Object) -> Option<Step> {
    let [before, after] = [&old.definition, &new.definition].map(|text| text.trim().trim_end_matches(';'));
    let (head, rest) = before.strip_suffix(" NOT VALID").filter(|valid| *valid == after)?.split_once("ADD CONSTRAINT ")?;
    let end = find_words(rest, "FOREIGN KEY")?;
    Some((
        format!("{}VALIDATE CONSTRAINT {}", head.replacen("ALTER TABLE ONLY ", "ALTER TABLE ", 1), rest[..end].trim()),
        vec![Hazard::LongScan, Hazard::MayFail],
    ))
}

/// Whether the source says something of a table that begins like this.
fn is_said(source: &SchemaSnapshot, beginning: &str) -> bool {
    let bearers = source.map.objects().iter().filter(|object| matches!(object.identity.kind, Kind::Table | Kind::Index | Kind::Constraint));
    bearers.flat_map(|object| statements(&object.definition)).any(|statement| statement.starts_with(beginning))
}

/// Of an index or a key that goes, and identified the rows of its table for replication: a table whose index is gone goes on to ask for one, and its
/// updates fail where they are published. `None` where the source says what identifies them instead.
pub(super) fn identified_as_usual(source: &SchemaSnapshot, gone: &Object) -> Option<Step> {
    let (table, _) = statements(&gone.definition).into_iter().find_map(|statement| statement.split_once(" REPLICA IDENTITY USING INDEX "))?;
    let beginning = format!("{table} REPLICA IDENTITY ");
    (!is_said(source, &beginning)).then(|| (format!("{beginning}DEFAULT"), vec![Hazard::ExclusiveLock]))
}

/// Indexes and keys carry statements about their table behind them: whether it is clustered by them, whether they identify its rows for replication.
/// Nothing is undone where the source says the same of the table by something else: that would undo it too.
fn trailing(source: &SchemaSnapshot, old: &Object, new: &Object) -> Fate {
    let (before, after) = (statements(&old.definition), statements(&new.definition));
    if before.first() != after.first() {
        return Fate::Rebuild;
    }
    marks(source, &before, &after).map_or(Fate::Rebuild, Alteration::at)
}

/// The statements that make the marks of an index those of the source; `None` for one that this does not know.
fn marks(source: &SchemaSnapshot, before: &[&str], after: &[&str]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for gone in before.iter().skip(1).filter(|statement| !after.contains(statement)) {
        let (undone, beginning) = if let Some((table, _)) = gone.split_once(" CLUSTER ON ") {
            (format!("{table} SET WITHOUT CLUSTER"), format!("{table} CLUSTER ON "))
        } else if let Some((table, _)) = gone.split_once(" REPLICA IDENTITY USING INDEX ") {
            (format!("{table} REPLICA IDENTITY DEFAULT"), format!("{table} REPLICA IDENTITY "))
        } else if let Some((column, _)) = gone.split_once(" SET STATISTICS ").filter(|(column, _)| column.contains(" ALTER COLUMN ")) {
            (format!("{column} SET STATISTICS -1"), format!("{column} SET STATISTICS "))
        } else {
            return None;
        };
        if !is_said(source, &beginning) {
            steps.push((undone, vec![Hazard::ExclusiveLock]));
        }
    }
    let came = after.iter().skip(1).filter(|statement| !before.contains(statement));
    steps.extend(came.map(|statement| ((*statement).to_owned(), vec![Hazard::ExclusiveLock])));
    Some(steps)
}

/// The statements that change an index where it is, told by its name; `None` where more differs than its options and marks.
pub(super) fn options_and_marks(source: &SchemaSnapshot, index: &str, old: &Object, new: &Object) -> Option<Vec<Step>> {
    let (before, after) = (statements(&old.definition), statements(&new.definition));
    let ((head, options), (new_head, new_options)) = (without_options(before.first()?)?, without_options(after.first()?)?);
    if head != new_head {
        return None;
    }
    let set = new_options.changes_from(&options).into_iter().map(|change| (format!("ALTER INDEX {index} {change}"), vec![Hazard::ExclusiveLock]));
    Some(set.chain(marks(source, &before, &after)?).collect())
}

/// Whether two definitions of an index or a key differ in nothing but options and marks.
pub(super) fn same_but_for_options(old: &Object, new: &Object) -> bool {
    let head = |object: &Object| without_options(statements(&object.definition).first()?).map(|(head, _)| head);
    head(old) == head(new)
}

/// What makes an index or a key, without its `WITH (..)`, and that.
fn without_options(statement: &str) -> Option<(String, Options)> {
    let Some(at) = find_words(statement, "WITH") else { return Some((statement.to_owned(), Options::default())) };
    let end = find(statement, b')', at)? + 1;
    let options = Options::read(&statement[at + "WITH".len()..end])?;
    Some((format!("{}{}", statement[..at].trim_end(), &statement[end..]), options))
}

/// `ALTER SEQUENCE s OWNED BY NONE`.
pub(super) fn nobodys(owned: &Object) -> String {
    let at = find_words(&owned.definition, "OWNED BY").unwrap_or(owned.definition.len());
    format!("{}OWNED BY NONE", &owned.definition[..at])
}
