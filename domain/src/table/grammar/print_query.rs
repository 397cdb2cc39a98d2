//! A table query as the pairs of a query string: [`super::QueryParams::parse`] reads them back.

use super::{
    operation::Place,
    print::{as_group, as_test, print_condition, print_order, print_select, push_field, push_members, push_name, push_operation},
    query::TableQuery,
};
use crate::table::{Condition, OrderTerm, SelectItem};

/// The pairs of a query string, not yet percent-encoded.
pub fn print_query(query: &TableQuery) -> Vec<(String, String)> {
    let mut pairs = print_rows(&query.select, query.filter.as_ref(), &query.order);
    pairs.extend(query.limit.map(|limit| ("limit".to_owned(), limit.to_string())));
    if query.offset > 0 {
        pairs.push(("offset".to_owned(), query.offset.to_string()));
    }
    for (name, columns) in [("columns", &query.columns), ("on_conflict", &query.on_conflict)] {
        pairs.extend(columns.as_deref().map(|columns| (name.to_owned(), print_names(columns))));
    }
    for (name, text) in [("branch", &query.branch), ("cursor", &query.cursor)] {
        pairs.extend(text.clone().map(|text| (name.to_owned(), text)));
    }
    pairs
}

/// The pairs that say which rows are read, of the table and of its embeds, and in which order: everything but which page of them.
pub fn print_rows(select: &[SelectItem], filter: Option<&Condition>, order: &[OrderTerm]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    if !select.is_empty() {
        pairs.push(("select".to_owned(), print_select(select)));
    }
    push_scope(&mut pairs, "", filter, order, None, 0);
    push_embeds(&mut pairs, "", select);
    pairs
}

fn push_embeds(pairs: &mut Vec<(String, String)>, prefix: &str, items: &[SelectItem]) {
    for item in items {
        if let SelectItem::Embed(embed) = item {
            let mut prefix = prefix.to_owned();
            push_name(&mut prefix, embed.key());
            prefix.push('.');
            push_scope(pairs, &prefix, embed.filter.as_ref(), &embed.order, embed.limit, embed.offset);
            push_embeds(pairs, &prefix, &embed.columns);
        }
    }
}

fn push_scope(pairs: &mut Vec<(String, String)>, prefix: &str, filter: Option<&Condition>, order: &[OrderTerm], limit: Option<u64>, offset: u64) {
    pairs.extend(filter.map(|filter| print_filter(prefix, filter)));
    if !order.is_empty() {
        pairs.push((format!("{prefix}order"), print_order(order)));
    }
    pairs.extend(limit.map(|limit| (format!("{prefix}limit"), limit.to_string())));
    if offset > 0 {
        pairs.push((format!("{prefix}offset"), offset.to_string()));
    }
}

fn print_filter(prefix: &str, filter: &Condition) -> (String, String) {
    let (mut name, mut value) = (prefix.to_owned(), String::new());
    if let Some((kind, members)) = as_group(filter) {
        name.push_str(kind.name());
        push_members(&mut value, members);
    } else if let Some((test, negated)) = as_test(filter) {
        push_field(&mut name, &test.field);
        push_operation(&mut value, test, negated, Place::Alone);
    } else {
        // A negation of a negation, which no parser makes: its text is what it comes to.
        name.push_str("and");
        value = format!("({})", print_condition(filter));
    }
    (name, value)
}

fn print_names(names: &[String]) -> String {
    let printed: Vec<_> = names
        .iter()
        .map(|name| {
            let mut out = String::new();
            push_name(&mut out, name);
            out
        })
        .collect();
    printed.join(",")
}
