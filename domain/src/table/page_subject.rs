//! What a cursor is good for.

use super::{Select, TableName, grammar::print_rows};
use crate::{Failure, Principal, branch::BranchMentions};
use std::fmt::Write as _;

/// What a cursor belongs to: the same rows in the same order, on the same branch, for the same principal.
///
/// Each door goes by what its clients send again with a cursor: MCP by the query, however it is written, REST by the text of its query string, which
/// need not be written anew for every page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSubject(String);

impl PageSubject {
    /// What a principal reads. Where its page begins and ends does not count.
    pub fn new(principal: &Principal, branch: &BranchMentions, select: &Select) -> Result<Self, Failure> {
        let mut subject = Self::of_table(principal, branch, &select.table)?;
        for (name, value) in print_rows(&select.columns, select.filter.as_ref(), &select.order) {
            subject.push(&name);
            subject.push(&value);
        }
        Ok(subject)
    }

    /// What a principal reads from a table by a query string, as it was sent, in whatever order. What is said there of the page and of the branch does
    /// not count.
    pub fn of_query_string(principal: &Principal, branch: &BranchMentions, table: &TableName, query: &str) -> Result<Self, Failure> {
        let mut subject = Self::of_table(principal, branch, table)?;
        let mut parts: Vec<_> = query.split('&').filter(|part| !says_where(part)).collect();
        parts.sort_unstable();
        for part in parts {
            subject.push(part);
        }
        Ok(subject)
    }

    fn of_table(principal: &Principal, branch: &BranchMentions, table: &TableName) -> Result<Self, Failure> {
        let branch = branch.written(principal.restrictions.branch.as_ref())?;
        let mut subject = Self(String::with_capacity(256));
        subject.push(&principal.budget_key());
        subject.push(&branch);
        match &table.schema {
            Some(schema) => subject.push(schema),
            None => subject.0.push('-'),
        }
        subject.push(&table.name);
        Ok(subject)
    }

    /// Adds a part behind its length, so that no two lists of parts are the same text.
    fn push(&mut self, part: &str) {
        let _ = write!(self.0, "{}:", part.len());
        self.0.push_str(part);
    }

    /// Its text: equal for equal subjects only.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Whether a parameter says which page is meant, or on which branch. A filter on a column of such a name has an operator and a dot.
fn says_where(part: &str) -> bool {
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    matches!(name, "" | "limit" | "offset") || (matches!(name, "cursor" | "branch") && !value.contains('.'))
}

/// What is said of a cursor that does not belong to a query.
pub const FOREIGN_CURSOR: &str =
    "is not one of this query: send the last page's cursor unchanged, with the same table, select, filter, order and branch, written the same way";

#[cfg(test)]
mod tests {
    use super::PageSubject;
    use crate::{
        Principal,
        branch::{BranchMentions, MentionPlace},
        table::{Select, Shape, TableName, grammar::QueryParams},
    };

    fn select(table: &str, pairs: &[(&str, &str)]) -> Select {
        let query = QueryParams::parse(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).unwrap();
        Select {
            table: TableName::parse(table),
            columns: query.select,
            filter: query.filter,
            order: query.order,
            tie_break: true,
            limit: query.limit,
            offset: query.offset,
            count: None,
            shape: Shape::Array,
            max_bytes: None,
        }
    }

    fn subject(branch: &str, select: &Select) -> PageSubject {
        let mut mentions = BranchMentions::NONE;
        mentions.add(MentionPlace::Query, branch).unwrap();
        PageSubject::new(&Principal::internal(), &mentions, select).unwrap()
    }

    #[test]
    fn pages_of_one_query_have_one_subject_and_other_queries_have_others() {
        let query = [("select", "id,author(name)"), ("a", "eq.1"), ("order", "id"), ("author.limit", "2")];
        let first = subject("main", &select("t", &query));
        assert_eq!(first, subject("main", &select("t", &[&query[..], &[("limit", "5"), ("offset", "10")]].concat())));
        for (branch, table, changed) in [
            ("pr-1", "t", query),
            ("main", "u", query),
            ("main", "t", [("select", "id,author(id)"), query[1], query[2], query[3]]),
            ("main", "t", [query[0], ("a", "eq.2"), query[2], query[3]]),
            ("main", "t", [query[0], query[1], ("order", "id.desc"), query[3]]),
            ("main", "t", [query[0], query[1], query[2], ("author.limit", "3")]),
        ] {
            assert_ne!(first, subject(branch, &select(table, &changed)), "{branch} {table} {changed:?}");
        }
    }

    fn of_text(table: &str, query: &str) -> PageSubject {
        PageSubject::of_query_string(&Principal::internal(), &BranchMentions::NONE, &TableName::parse(table), query).unwrap()
    }

    #[test]
    fn pages_of_one_query_string_have_one_subject_and_others_have_others() {
        let first = of_text("t", "select=id&a=eq.1&order=id");
        for same in ["select=id&a=eq.1&order=id&cursor=x-_1", "&limit=5&select=id&&a=eq.1&offset=3&order=id", "order=id&branch=pr-1&a=eq.1&select=id"]
        {
            assert_eq!(first, of_text("t", same), "{same}");
        }
        for other in
            ["", "select=id&a=eq.1", "select=id&a=eq.2&order=id", "select=id&a=eq.1&order=id&cursor=eq.x", "select=id&a=eq.1&order=id&branch=eq.x"]
        {
            assert_ne!(first, of_text("t", other), "{other}");
        }
        assert_ne!(first, of_text("s.t", "select=id&a=eq.1&order=id"));
    }
}
