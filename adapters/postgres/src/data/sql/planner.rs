//! What a plan is made on and with: the catalogue, the caller's table list, the values bound so far.

use domain::{
    Denied, Failure,
    access::Role,
    catalogue::{Catalogue, Column, ForeignKey, Relation},
    table::{QualifiedName, TableName, grammar::MAX_ITEMS},
};

use super::{
    refusal::{Refusal, hint, step},
    statement::{Alias, Params, Statement, push_identifier},
};

/// What plans are made on: the tables there are, and those the caller is held to.
#[derive(Clone, Copy, Debug)]
pub(in crate::data) struct Grounds<'a> {
    pub(in crate::data) catalogue: &'a Catalogue,
    /// What tells this catalogue from those before it.
    pub(in crate::data) token: &'a str,
    /// `None` where every table may be touched.
    pub(in crate::data) tables: Option<&'a [QualifiedName]>,
    /// What it has no right on is named in no refusal.
    pub(in crate::data) role: Role,
}

impl<'a> Grounds<'a> {
    pub(super) fn relation(&self, name: &TableName) -> Result<&'a Relation, Refusal> {
        let found = self.catalogue.find(name.schema.as_deref(), &name.name);
        let relation = found.ok_or_else(|| Refusal::unknown(Failure::not_found("table", name.to_string())))?;
        self.allow(relation)?;
        Ok(relation)
    }

    /// Whether the caller may touch a relation: it and, for a view, everything it reads must be in the list.
    pub(super) fn allow(&self, relation: &Relation) -> Result<(), Denied> {
        let Some(tables) = self.tables else { return Ok(()) };
        match std::iter::once(&relation.name).chain(&relation.reads).find(|name| !tables.contains(name)) {
            Some(name) => Err(Denied::Table { table: name.to_string() }),
            None => Ok(()),
        }
    }

    /// Whether the caller may be told of a relation.
    pub(super) fn shows(&self, relation: &Relation) -> bool {
        relation.visible_to.contains(&self.role)
    }

    /// Whether the caller may be told of these columns.
    pub(super) fn shows_columns(&self, relation: &Relation, names: &[String]) -> bool {
        self.shows(relation) && relation.shows(self.role, names)
    }

    /// Whether the caller may be told of a foreign key: of the columns at both of its ends.
    pub(super) fn shows_key(&self, key: &ForeignKey) -> bool {
        key.ends().into_iter().all(|(name, columns)| self.catalogue.get(name).is_some_and(|relation| self.shows_columns(relation, columns)))
    }

    /// A column by the name that a request has for it. System columns are unknown.
    pub(super) fn column(&self, relation: &'a Relation, name: &str, place: Place, path: &str) -> Result<&'a Column, Refusal> {
        column(self.role, relation, name, place, path)
    }
}

/// Makes one plan.
pub(super) struct Planner<'a> {
    pub(super) params: Params<'a>,
    role: Role,
    aliases: u32,
    repeatable: Repeatable,
    joins: Joins,
    /// For writes: which of the root's columns are asked back, by their place.
    used: Option<Vec<bool>>,
}

/// What was written of that which a statement may have several times: an embed's table and its tests stand wherever the embed is shown, tested or
/// joined, and once more for each time that the embed around it is, so that few words of a request could become more text than there is memory.
#[derive(Default)]
struct Repeatable {
    tables: usize,
    tests: usize,
    bytes: usize,
}

impl Repeatable {
    /// PostgreSQL takes about 100 kB to plan one.
    const MOST_TABLES: usize = MAX_ITEMS;
    const MOST_TESTS: usize = 3 * MAX_ITEMS;
    const MOST_BYTES: usize = 16 * 1024 * 1024;

    fn check(&self) -> Result<(), Refusal> {
        if self.tables <= Self::MOST_TABLES && self.tests <= Self::MOST_TESTS && self.bytes <= Self::MOST_BYTES {
            return Ok(());
        }
        let message = format!(
            "the embeds of this request come to more than {} tables, {} conditions or {} MB of these: each test of one repeats what is asked of those \
             within it, so that they multiply; test each once, and embed less",
            Self::MOST_TABLES,
            Self::MOST_TESTS,
            Self::MOST_BYTES / 1024 / 1024
        );
        Err(Refusal::fault("/select", message))
    }
}

/// What PostgreSQL looks for the best order of. Its memory for that grows with the square of what is joined by the same key, and worse: 200 tests of one
/// embed took 3 GB, 900 embeds of one row 16 GB. What is over these numbers is written so that it is planned by itself, or refused.
#[derive(Default)]
struct Joins {
    shown: u32,
    ordering: u32,
    by_exists: u32,
}

impl Joins {
    const MOST_SHOWN: u32 = 32;
    const MOST_ORDERING: u32 = 32;
    const MOST_BY_EXISTS: u32 = 8;
}

/// Which part of a request a name stands in: for pointers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Select,
    Filter,
    Order,
    Data,
    OnConflict,
}

impl Place {
    pub(super) fn pointer(self, path: &str, name: &str) -> String {
        match self {
            Self::Select => "/select".to_owned(),
            Self::Filter => format!("/filter/{}{}", step(path), step(name)),
            Self::Order => "/order".to_owned(),
            Self::Data => format!("/data/{}", step(name)),
            Self::OnConflict => "/on_conflict".to_owned(),
        }
    }
}

impl<'a> Planner<'a> {
    pub(super) fn new(grounds: Grounds<'_>) -> Self {
        Self { params: Params::default(), role: grounds.role, aliases: 0, repeatable: Repeatable::default(), joins: Joins::default(), used: None }
    }

    /// The same as [`Grounds::column`].
    pub(super) fn column(&self, relation: &'a Relation, name: &str, place: Place, path: &str) -> Result<&'a Column, Refusal> {
        column(self.role, relation, name, place, path)
    }

    /// The statement that was written.
    ///
    /// It bears the catalogue's token, for a prepared statement keeps the types that its parameters had: after a column's type was changed it would fail
    /// for ever, or refuse values that are good.
    pub(super) fn finish(self, grounds: Grounds<'_>, mut sql: String) -> Statement<'a> {
        if !grounds.token.is_empty() {
            sql.push_str(" -- ");
            sql.push_str(grounds.token);
        }
        Statement { sql, params: self.params.into_vec() }
    }

    pub(super) fn fresh_alias(&mut self) -> Result<Alias, Refusal> {
        self.repeatable.tables += 1;
        self.repeatable.check()?;
        self.aliases += 1;
        Ok(Alias(self.aliases))
    }

    /// Counts a test that was written: its text and the values that were bound for it.
    pub(super) fn count_test(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.repeatable.tests += 1;
        self.repeatable.bytes += bytes;
        self.repeatable.check()
    }

    /// Whether one more table may be joined to be shown.
    pub(super) fn shows_one_more(&mut self) -> bool {
        self.joins.shown += 1;
        self.joins.shown <= Joins::MOST_SHOWN
    }

    /// Whether one more table may be joined to be ordered by.
    pub(super) fn orders_by_one_more(&mut self) -> bool {
        self.joins.ordering += 1;
        self.joins.ordering <= Joins::MOST_ORDERING
    }

    /// Whether one more `exists` may become a join.
    pub(super) fn tests_one_more(&mut self) -> bool {
        self.joins.by_exists += 1;
        self.joins.by_exists <= Joins::MOST_BY_EXISTS
    }

    /// From here on, notes which of the root's columns are used.
    pub(super) fn note_used(&mut self, root: &Relation) {
        self.used = Some(vec![false; root.columns.len()]);
    }

    /// The root's columns that were used since [`Self::note_used`], in the table's order.
    pub(super) fn used(&self, root: &'a Relation) -> impl Iterator<Item = &'a Column> {
        let used = self.used.as_deref().unwrap_or_default();
        root.columns.iter().zip(used).filter_map(|(column, used)| used.then_some(column))
    }

    /// Writes `_0."column"`. The name comes from the catalogue.
    pub(super) fn push_column(&mut self, out: &mut String, relation: &Relation, alias: Alias, name: &str) {
        if alias == Alias::ROOT
            && let Some(used) = &mut self.used
            && let Some(place) = relation.columns.iter().position(|column| column.name == name)
        {
            used[place] = true;
        }
        alias.push(out);
        out.push('.');
        push_identifier(out, name);
    }
}

fn column<'a>(role: Role, relation: &'a Relation, name: &str, place: Place, path: &str) -> Result<&'a Column, Refusal> {
    relation.column(name).ok_or_else(|| {
        let known = match (place, name) {
            (Place::Select, "count") => "; the aggregate of that name is not supported yet".to_owned(),
            _ => hint(name, told_columns(role, relation)),
        };
        Refusal::unknown_name(place.pointer(path, name), format!("'{}' has no column '{name}'{known}", relation.name))
    })
}

/// The columns that a role may be told of.
fn told_columns(role: Role, relation: &Relation) -> impl Iterator<Item = &str> + Clone {
    let told = relation.visible_to.contains(&role);
    relation.columns_of(role).filter(move |_| told).map(|column| column.name.as_str())
}
