//! What a cursor is good for.

use super::{Select, grammar::print_rows};
use crate::{Failure, Principal, branch::BranchMentions};

/// What a cursor belongs to: the same rows in the same order, on the same branch, for the same principal. Every door takes cursors for just this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSubject(Vec<String>);

impl PageSubject {
    /// What a principal reads. Where its page begins and ends does not count.
    pub fn new(principal: &Principal, branch: &BranchMentions, select: &Select) -> Result<Self, Failure> {
        let branch = branch.resolve(principal.restrictions.branch.as_ref())?;
        let mut parts = vec![principal.budget_key(), branch.to_string(), select.table.to_string()];
        for (name, value) in print_rows(&select.columns, select.filter.as_ref(), &select.order) {
            parts.extend([name, value]);
        }
        Ok(Self(parts))
    }

    /// Its parts, in order. Their borders count too.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// What is said of a cursor that does not belong to a query.
pub const FOREIGN_CURSOR: &str =
    "is not one of this query: send the last page's cursor unchanged, with the same table, select, filter, order and branch";

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
}
