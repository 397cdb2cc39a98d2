//! The query string of a table request.

use super::{
    MAX_ITEMS,
    cursor::{Budget, Cursor},
    error::{GrammarError, shortened},
    key::{Clause, Key, Word, key},
    names, pointer_step,
    scope::{Scopes, all_of, apply_all, once},
    select,
};
use crate::{
    Fault,
    table::{Condition, OrderTerm, SelectItem},
};

/// What a query string asks of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableQuery {
    /// Which columns and embeds, each embed with its own filter, order and limit; empty means every column.
    pub select: Vec<SelectItem>,
    /// Which rows; `None` means all.
    pub filter: Option<Condition>,
    /// In which order.
    pub order: Vec<OrderTerm>,
    /// Rows at most.
    pub limit: Option<u64>,
    /// Rows passed over first.
    pub offset: u64,
    /// The columns that a write takes from its rows.
    pub columns: Option<Vec<String>>,
    /// The columns of the key that an upsert goes by.
    pub on_conflict: Option<Vec<String>>,
    /// The branch, where the query string names one.
    pub branch: Option<String>,
    /// Where the page begins, by what the last page said.
    pub cursor: Option<String>,
}

/// The parameters of a query string while they are gathered.
#[derive(Default)]
pub struct QueryParams {
    budget: Budget,
    select: Option<Vec<SelectItem>>,
    select_is_good: bool,
    columns: Option<Vec<String>>,
    on_conflict: Option<Vec<String>>,
    branch: Option<String>,
    cursor: Option<String>,
    /// What is asked of the table (under an empty path) and of its embeds.
    scopes: Scopes,
    faults: Vec<Fault>,
}

impl QueryParams {
    /// Reads the decoded pairs of a query string, in their order. Every fault is told, each under its parameter's name.
    pub fn parse(pairs: impl Iterator<Item = (String, String)>) -> Result<TableQuery, Vec<Fault>> {
        let mut params = Self { select_is_good: true, ..Self::default() };
        for (count, (name, value)) in pairs.enumerate() {
            if count == MAX_ITEMS {
                params.faults.push(Fault::new(pointer(&name), format!("a query string has at most {MAX_ITEMS} parameters")));
                break;
            }
            if let Err(reason) = params.take(&name, value) {
                params.faults.push(Fault::new(pointer(&name), reason));
            }
        }
        params.finish()
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            _ if names_branch(name, &value) => return once(&mut self.branch, value),
            "cursor" if !value.contains('.') => return once(&mut self.cursor, value),
            _ => {}
        }
        let Key { path, word } = self.budget.read(name, key).map_err(GrammarError::in_name)?;
        match word {
            Word::Select => {
                let items = self.budget.read(&value, select::items);
                self.select_is_good &= items.is_ok();
                once(&mut self.select, items?)
            }
            Word::Columns => once(&mut self.columns, self.budget.read(&value, distinct_names)?),
            Word::OnConflict => once(&mut self.on_conflict, self.budget.read(&value, names::list)?),
            Word::Of(clause) => self.take_clause(path, clause, name, &value),
        }
    }

    fn take_clause(&mut self, path: Vec<String>, clause: Clause, name: &str, value: &str) -> Result<(), String> {
        let of_embed = !path.is_empty();
        let scope = self.scopes.entry(path).or_default();
        // An embed that is asked for nowhere is told later, the table itself is always there.
        if of_embed {
            scope.pointers.push(pointer(name));
        }
        scope.take(&mut self.budget, clause, value)
    }

    fn finish(mut self) -> Result<TableQuery, Vec<Fault>> {
        let mut select = self.select.unwrap_or_default();
        let root = self.scopes.remove(&Vec::new()).unwrap_or_default();
        // Without a select list that could be read, every embed would seem to be missing.
        if self.select_is_good {
            self.faults.extend(apply_all(self.scopes, &mut select));
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        Ok(TableQuery {
            select,
            filter: all_of(root.filters),
            order: root.order.unwrap_or_default(),
            limit: root.limit,
            offset: root.offset.unwrap_or_default(),
            columns: self.columns,
            on_conflict: self.on_conflict,
            branch: self.branch,
            cursor: self.cursor,
        })
    }
}

/// Whether a parameter names the branch. A filter on a column of that name has an operator and a dot; slugs, and cursors, have none.
pub fn names_branch(name: &str, value: &str) -> bool {
    name == "branch" && !value.contains('.')
}

fn distinct_names(cursor: &mut Cursor<'_>) -> Result<Vec<String>, GrammarError> {
    let mut distinct = Vec::new();
    for name in names::list(cursor)? {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    Ok(distinct)
}

/// Where a parameter's fault lies.
fn pointer(name: &str) -> String {
    pointer_step(&shortened(name))
}

#[cfg(test)]
mod tests {
    use super::{QueryParams, TableQuery};
    use crate::{
        Fault,
        table::grammar::{MAX_ITEMS, MAX_TEXT, parse_condition, parse_order, parse_select},
    };

    fn parse(pairs: &[(&str, &str)]) -> Result<TableQuery, Vec<Fault>> {
        QueryParams::parse(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn all_parameters_of_a_table() {
        let query = parse(&[
            ("age", "gte.18"),
            ("select", "id, n:name"),
            ("or", "(a.eq.1,b.is.null)"),
            ("order", "a.desc,b"),
            ("limit", "10"),
            ("offset", "20"),
            ("age", "lt.65"),
            ("not.and", "(c.eq.1,d.eq.2)"),
            ("columns", "a, \"b\",a"),
            ("on_conflict", "id,b c"),
            ("branch", "pr-1"),
            ("cursor", "AAz_-9"),
            ("data->>k", "not.in.(1,2)"),
        ]);
        let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let filter = "and(age.gte.18,or(a.eq.1,b.is.null),age.lt.65,not.and(c.eq.1,d.eq.2),data->>k.not.in.(1,2))";
        assert_eq!(
            query,
            Ok(TableQuery {
                select: parse_select("id,n:name").unwrap(),
                filter: Some(parse_condition(filter).unwrap()),
                order: parse_order("a.desc,b").unwrap(),
                limit: Some(10),
                offset: 20,
                columns: names(&["a", "b"]),
                on_conflict: names(&["id", "b c"]),
                branch: Some("pr-1".to_owned()),
                cursor: Some("AAz_-9".to_owned()),
            })
        );
        assert_eq!(parse(&[]), Ok(TableQuery::default()));
    }

    #[test]
    fn names_in_quotes_are_columns() {
        let query = parse(&[("\"order\"", "eq.1"), ("\"a.b\"", "eq.2"), ("branch", "eq.x"), ("\"branch\"", "is.null"), ("cursor", "gt.5")]).unwrap();
        assert_eq!(query.filter, Some(parse_condition("and(\"order\".eq.1,\"a.b\".eq.2,branch.eq.x,branch.is.null,cursor.gt.5)").unwrap()));
        assert_eq!((query.branch, query.cursor), (None, None));
    }

    #[test]
    fn every_fault_is_told_under_its_parameter() {
        let pairs = [
            ("select", "a"),
            ("limit", "-1"),
            ("offset", "ten"),
            ("age", "5"),
            ("rel.x", "eq.1"),
            ("or", "a.eq.1"),
            ("order", "a.up"),
            ("", "eq.1"),
            ("a;b", "eq.1"),
            ("x.select", "a"),
            ("columns", ""),
            ("on_conflict", "a,"),
            ("apikey", "secret"),
        ];
        let faults = parse(&pairs).unwrap_err();
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        let expected = ["/limit", "/offset", "/age", "/or", "/order", "/", "/a;b", "/x.select", "/columns", "/on_conflict", "/apikey", "/rel.x"];
        assert_eq!(places, expected);
        assert_eq!(faults[0].message, "must be a whole number from 0 to 9223372036854775807, not '-1'");
        assert!(faults.last().unwrap().message.starts_with("'rel' is not an embedded resource in this request"));
    }

    #[test]
    fn what_can_be_said_once_is_not_said_twice() {
        let once = [
            ("select", "a"),
            ("order", "a"),
            ("limit", "1"),
            ("offset", "1"),
            ("columns", "a"),
            ("on_conflict", "a"),
            ("branch", "b"),
            ("cursor", "c"),
            ("r.limit", "1"),
        ];
        for pair in once {
            let faults = parse(&[pair, pair]).unwrap_err();
            assert_eq!(faults[0], Fault::new(format!("/{}", pair.0), "may be given only once"));
        }
    }

    #[test]
    fn numbers_of_rows_are_whole_and_not_negative() {
        for good in ["0", "1", "9223372036854775807"] {
            assert!(parse(&[("limit", good), ("offset", good)]).is_ok(), "{good}");
        }
        for bad in ["", "-1", "+1", "1.0", " 1", "1e3", "9223372036854775808", "99999999999999999999", "all", "0x10", "١"] {
            assert_eq!(parse(&[("limit", bad), ("offset", bad)]).unwrap_err().len(), 2, "{bad}");
        }
    }

    #[test]
    fn limits_hold_over_all_parameters() {
        assert!(parse(&vec![("a", "eq.1"); MAX_ITEMS]).is_ok());
        assert_eq!(parse(&vec![("a", "eq.1"); 5 * MAX_ITEMS]).unwrap_err().len(), 1);
        let half = vec!["a.eq.1"; MAX_ITEMS / 2].join(",");
        let group = format!("({half})");
        assert!(parse(&[("or", &group), ("or", &group)]).is_ok());
        assert_eq!(parse(&[("or", &group), ("or", &group), ("a", "eq.1")]).unwrap_err()[0].pointer, "/a");
        let long = "x".repeat(MAX_TEXT + 1);
        assert_eq!(parse(&[("a", &long), (&long, "eq.1")]).unwrap_err().len(), 2);
    }
}
