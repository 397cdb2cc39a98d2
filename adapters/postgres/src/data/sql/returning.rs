//! What a write counts and gives back, and the guards that make it fail as a whole.

use domain::{
    catalogue::Relation,
    table::{Condition, OrderTerm, Returning, SelectItem, Shape},
};

use super::{
    marker::{Broken, LARGEST_ANSWER},
    planner::{Grounds, Planner},
    query::{Query, bigint},
    refusal::Refusal,
    relationship::{Embedded, Scope},
    select_list::Shown,
    statement::{Alias, Statement, push_identifier, push_number},
};

/// A write. Its first row is a header: the number of rows touched and, where they were counted, of those inserted, parted by a space. The rows come
/// behind it, as JSON text in the second column.
#[derive(Debug)]
pub(in crate::data) struct WritePlan<'a> {
    /// `None` where there is nothing to do.
    pub(in crate::data) statement: Option<Statement<'a>>,
    pub(in crate::data) inserted: Inserted,
    pub(in crate::data) returns: Returns,
}

/// How many of the rows touched were not there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Inserted {
    All,
    None,
    /// The header tells, by what the table says of each row.
    Counted,
    /// The header tells, by what the statement notes of each row.
    Marked,
}

impl Inserted {
    /// Whether the header has a second number.
    pub(in crate::data) const fn is_in_header(self) -> bool {
        matches!(self, Self::Counted | Self::Marked)
    }
}

/// The setting that says of the row that was written last that it had been there before.
pub(super) const MERGED: &str = "fluxbase.merged";

/// What document comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Returns {
    Nothing,
    Array,
    Singular,
    /// One row, or no document.
    Key,
}

/// What of a write's answer does not depend on the kind of write.
pub(super) struct Answer<'a> {
    grounds: Grounds<'a>,
    pub(super) relation: &'a Relation,
    pub(super) returning: &'a Returning,
    pub(super) embeds: Vec<Embedded<'a>>,
    pub(super) max_affected: Option<u64>,
    pub(super) inserted: Inserted,
}

impl<'a> Answer<'a> {
    pub(super) fn new(grounds: Grounds<'a>, relation: &'a Relation, returning: &'a Returning) -> Result<Self, Refusal> {
        let embeds = match returning {
            Returning::Rows { columns, .. } => grounds.embeds(relation, columns, "")?,
            Returning::Count | Returning::Key => Vec::new(),
        };
        Ok(Self { grounds, relation, returning, embeds, max_affected: None, inserted: Inserted::None })
    }

    pub(super) fn scope(&self) -> Scope<'_, 'a> {
        Scope { relation: self.relation, alias: Alias::ROOT, embeds: &self.embeds, path: "" }
    }

    pub(super) fn returns(&self) -> Returns {
        match self.returning {
            Returning::Rows { shape: Shape::Singular, .. } => Returns::Singular,
            Returning::Rows { shape: Shape::Array, .. } => Returns::Array,
            Returning::Key if !self.relation.primary_key.is_empty() => Returns::Key,
            Returning::Key | Returning::Count => Returns::Nothing,
        }
    }

    /// Puts the statement together around the write itself, which is without its `returning`.
    pub(super) fn around(&self, mut planner: Planner<'a>, write: &str) -> Result<WritePlan<'a>, Refusal> {
        planner.note_used(self.relation);
        let rows = self.rows(&mut planner)?;
        let marker = self.marker();
        let mut sql = String::with_capacity(write.len() + 512);
        sql.push_str("with _w as (");
        sql.push_str(write);
        self.push_returning(&mut sql, &planner, &marker);
        sql.push_str("), _c as (select pg_catalog.count(*) as n");
        if self.inserted.is_in_header() {
            sql.push_str(", pg_catalog.count(*) filter (where ");
            push_identifier(&mut sql, &marker);
            sql.push_str(") as i");
        }
        sql.push_str(" from _w)");
        if let Some(rows) = &rows {
            sql.push_str(", _j as materialized (select pg_catalog.row_to_json(_r.*)::text as j from (");
            rows.push(&mut sql, &mut planner);
            sql.push_str(") as _r)");
        }
        sql.push_str(" select case");
        self.push_guards(&mut sql, &mut planner, rows.is_some());
        sql.push_str(if self.inserted.is_in_header() { " else pg_catalog.concat(_c.n, ' ', _c.i) end" } else { " else _c.n::text end" });
        sql.push_str(", null::text from _c");
        if rows.is_some() {
            sql.push_str(" union all select null, _j.j from _j");
        }
        Ok(WritePlan { statement: Some(planner.finish(self.grounds, sql)), inserted: self.inserted, returns: self.returns() })
    }

    pub(super) fn nothing(&self) -> WritePlan<'a> {
        WritePlan { statement: None, inserted: Inserted::None, returns: self.returns() }
    }

    /// The rows to give back, read from what the write returned.
    fn rows(&self, planner: &mut Planner<'a>) -> Result<Option<Query>, Refusal> {
        let scope = self.scope();
        let mut query = Query::from("_w as _0".to_owned());
        match (self.returns(), self.returning) {
            (Returns::Nothing, _) => return Ok(None),
            (_, Returning::Rows { columns, order, .. }) => self.add_rows(planner, &mut query, columns, order)?,
            _ => {
                for column in &self.relation.primary_key {
                    super::statement::push_separated(&mut query.columns, ", ");
                    planner.push_column(&mut query.columns, self.relation, scope.alias, column);
                }
                query.condition().push_str("(select _c.n from _c) = 1");
            }
        }
        Ok(Some(query))
    }

    fn add_rows(&self, planner: &mut Planner<'a>, query: &mut Query, columns: &'a [SelectItem], order: &'a [OrderTerm]) -> Result<(), Refusal> {
        let scope = self.scope();
        planner.add_inner(query, &scope)?;
        planner.add_columns(query, &scope, columns, Shown::All)?;
        planner.add_order(query, &scope, order)
    }

    /// Only what is asked for is returned, since a role needs the right to read it.
    fn push_returning(&self, out: &mut String, planner: &Planner<'a>, marker: &str) {
        let mut list = String::new();
        for column in planner.used(self.relation) {
            super::statement::push_separated(&mut list, ", ");
            list.push_str("_0.");
            push_identifier(&mut list, &column.name);
        }
        if self.inserted.is_in_header() {
            super::statement::push_separated(&mut list, ", ");
            push_is_new(&mut list, self.inserted);
            list.push_str(" as ");
            push_identifier(&mut list, marker);
        }
        out.push_str(" returning ");
        out.push_str(if list.is_empty() { "1" } else { &list });
    }

    fn push_guards(&self, out: &mut String, planner: &mut Planner<'a>, has_rows: bool) {
        if let Some(max) = self.max_affected {
            out.push_str(" when _c.n > ");
            push_number(out, bigint(max));
            push_failing(out, planner, Broken::TooMany, "_c.n");
        }
        if self.returns() == Returns::Singular {
            // Embeds that must be there leave rows out, so that the answer may have fewer than were written.
            const ROWS: &str = "(select pg_catalog.count(*) from _j)";
            out.push_str(" when ");
            out.push_str(ROWS);
            out.push_str(" <> 1");
            push_failing(out, planner, Broken::NotOne, ROWS);
        }
        if has_rows {
            out.push_str(" when (select pg_catalog.sum(pg_catalog.octet_length(_j.j)) from _j) > ");
            push_number(out, LARGEST_ANSWER);
            push_failing(out, planner, Broken::TooLarge, "_c.n");
        } else if self.max_affected.is_none() {
            out.push_str(" when false then null");
        }
    }

    /// A name that no column has.
    fn marker(&self) -> String {
        let mut name = "_inserted".to_owned();
        while self.relation.column(&name).is_some() {
            name.push('_');
        }
        name
    }
}

/// Writes an expression that is true for a row that was not there before.
///
/// Where rows are [`Inserted::Marked`], the statement sets [`MERGED`] when it finds a row there. The expression reads that setting and empties it, so that
/// the next row begins without a mark.
fn push_is_new(out: &mut String, inserted: Inserted) {
    if inserted == Inserted::Marked {
        out.push_str("case when pg_catalog.current_setting('");
        out.push_str(MERGED);
        out.push_str("', true) = 'yes' then pg_catalog.set_config('");
        out.push_str(MERGED);
        out.push_str("', '', true) is null else true end");
    } else {
        out.push_str("_0.xmax = '0'");
    }
}

fn push_failing(out: &mut String, planner: &mut Planner<'_>, broken: Broken, number: &str) {
    out.push_str(" then (");
    planner.params.bind(out, broken.text());
    out.push_str("::text || ");
    out.push_str(number);
    out.push_str("::text)::pg_catalog.int4::text");
}

/// A write without a filter is allowed only where its extent is bounded.
pub(super) fn check_bounded(filter: Option<&Condition>, max_affected: Option<u64>) -> Result<(), Refusal> {
    if max_affected.is_none() && filter.is_none_or(holds_always) {
        let reason = "a filter is needed: without one every row would be touched; to mean that, bound it by max_affected";
        return Err(domain::Failure::bad_request("filter_required", reason).into());
    }
    Ok(())
}

fn holds_always(condition: &Condition) -> bool {
    match condition {
        Condition::And(members) => members.iter().all(holds_always),
        Condition::Or(_) | Condition::Not(_) | Condition::Test(_) => false,
    }
}
