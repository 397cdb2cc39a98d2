//! The canonical text of conditions, select lists and orders: what is printed parses to the same tree.

use super::{GroupKind, names::is_name_char, operation::Place};
use crate::table::{Condition, Direction, Embed, Field, FieldPath, Join, JsonStep, Nulls, OrderTerm, Quantifier, SelectItem, Test, Value};

/// Words that mean something where a name may stand: in quotes they are names.
const WORDS: [&str; 13] = ["and", "or", "not", "inner", "left", "count", "select", "order", "limit", "offset", "columns", "on_conflict", "branch"];

/// The text that [`super::parse_condition`] reads: `or(a.eq.1,b.not.is.null)`.
///
/// The parsers make neither empty groups nor a negation of a negation, and do not read the former.
pub fn print_condition(condition: &Condition) -> String {
    let mut out = String::new();
    push_condition(&mut out, condition);
    out
}

/// The text that [`super::parse_select`] reads. Filters, order and limits of embeds are parameters of their own: [`super::print_query()`].
pub fn print_select(items: &[SelectItem]) -> String {
    let mut out = String::new();
    push_separated(&mut out, items, push_item);
    out
}

/// The text that [`super::parse_order`] reads.
pub fn print_order(terms: &[OrderTerm]) -> String {
    let mut out = String::new();
    push_separated(&mut out, terms, push_term);
    out
}

/// A name as it stands in a select list, an order or a filter: in quotes where it would be read as something else.
pub fn print_name(name: &str) -> String {
    let mut out = String::new();
    push_name(&mut out, name);
    out
}

fn push_separated<T>(out: &mut String, all: &[T], push: impl Fn(&mut String, &T)) {
    for (index, one) in all.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push(out, one);
    }
}

fn push_condition(out: &mut String, condition: &Condition) {
    if let Some((kind, members)) = as_group(condition) {
        out.push_str(kind.name());
        push_members(out, members);
    } else if let Some((test, negated)) = as_test(condition) {
        push_field(out, &test.field);
        out.push('.');
        push_operation(out, test, negated, Place::Group);
    } else if let Condition::Not(twice) = condition
        && let Condition::Not(inner) = &**twice
    {
        push_condition(out, inner);
    }
}

/// `(a.eq.1,b.eq.2)`
pub(super) fn push_members(out: &mut String, members: &[Condition]) {
    out.push('(');
    push_separated(out, members, push_condition);
    out.push(')');
}

/// A condition that is a group, and of which kind.
pub(super) fn as_group(condition: &Condition) -> Option<(GroupKind, &[Condition])> {
    match condition {
        Condition::And(members) => Some((GroupKind::And, members)),
        Condition::Or(members) => Some((GroupKind::Or, members)),
        Condition::Not(inner) => match &**inner {
            Condition::And(members) => Some((GroupKind::NotAnd, members)),
            Condition::Or(members) => Some((GroupKind::NotOr, members)),
            _ => None,
        },
        Condition::Test(_) => None,
    }
}

/// A condition that is one test, and whether it is negated.
pub(super) fn as_test(condition: &Condition) -> Option<(&Test, bool)> {
    match condition {
        Condition::Test(test) => Some((test, false)),
        Condition::Not(inner) => match &**inner {
            Condition::Test(test) => Some((test, true)),
            _ => None,
        },
        _ => None,
    }
}

/// `not.eq.1`
pub(super) fn push_operation(out: &mut String, test: &Test, negated: bool, place: Place) {
    if negated {
        out.push_str("not.");
    }
    out.push_str(test.operator.name());
    match (&test.value, test.quantifier) {
        (Value::List(values), Some(quantifier)) => {
            out.push_str(match quantifier {
                Quantifier::Any => "(any).{",
                Quantifier::All => "(all).{",
            });
            push_separated(out, values, |out, value| push_value(out, value));
            out.push('}');
        }
        (Value::List(values), None) => {
            out.push_str(".(");
            push_separated(out, values, |out, value| push_value(out, value));
            out.push(')');
        }
        (Value::Truth(truth), _) => {
            out.push('.');
            out.push_str(truth.name());
        }
        (Value::Text(literal), _) => {
            out.push('.');
            push_text(out, literal, place);
        }
        (Value::Search { language, query }, _) => {
            if let Some(language) = language {
                out.push('(');
                push_name(out, language);
                out.push(')');
            }
            out.push('.');
            push_text(out, query, place);
        }
    }
}

fn push_text(out: &mut String, text: &str, place: Place) {
    match place {
        Place::Alone => out.push_str(text),
        Place::Group => push_value(out, text),
    }
}

/// A value where others may follow: in quotes unless nothing in it can be mistaken.
fn push_value(out: &mut String, text: &str) {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '+' | '*' | '%' | '@');
    let null = text.eq_ignore_ascii_case("null");
    if !text.is_empty() && !null && text.chars().all(plain) { out.push_str(text) } else { push_quoted(out, text) }
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// A name: in quotes unless it is plain and no word of the grammar.
pub(super) fn push_name(out: &mut String, name: &str) {
    let plain = |c: char| is_name_char(c) && c != ' ';
    if !name.is_empty() && name.chars().all(plain) && !WORDS.contains(&name) { out.push_str(name) } else { push_quoted(out, name) }
}

/// `column->key->>0`
pub(super) fn push_field(out: &mut String, path: &FieldPath) {
    push_name(out, &path.column);
    for step in &path.steps {
        match step {
            JsonStep::Key(key) => push_key(out, "->", key),
            JsonStep::KeyText(key) => push_key(out, "->>", key),
            JsonStep::Index(index) => push_index(out, "->", *index),
            JsonStep::IndexText(index) => push_index(out, "->>", *index),
        }
    }
}

fn push_index(out: &mut String, arrow: &str, index: i32) {
    out.push_str(arrow);
    out.push_str(&index.to_string());
}

fn push_key(out: &mut String, arrow: &str, key: &str) {
    out.push_str(arrow);
    if key.starts_with(|c: char| c.is_ascii_digit()) { push_quoted(out, key) } else { push_name(out, key) }
}

fn push_item(out: &mut String, item: &SelectItem) {
    match item {
        SelectItem::All => out.push('*'),
        SelectItem::Field(Field { path, alias, cast }) => {
            push_alias(out, alias.as_deref());
            push_field(out, path);
            if let Some(cast) = cast {
                out.push_str("::");
                out.push_str(cast.name());
            }
        }
        SelectItem::Embed(Embed { relation, alias, hint, join, columns, .. }) => {
            push_alias(out, alias.as_deref());
            push_name(out, relation);
            if let Some(hint) = hint {
                out.push('!');
                push_name(out, hint);
            }
            if *join == Join::Inner {
                out.push_str("!inner");
            }
            out.push('(');
            push_separated(out, columns, push_item);
            out.push(')');
        }
    }
}

fn push_alias(out: &mut String, alias: Option<&str>) {
    if let Some(alias) = alias {
        push_name(out, alias);
        out.push(':');
    }
}

fn push_term(out: &mut String, term: &OrderTerm) {
    if let Some(relation) = &term.relation {
        push_name(out, relation);
        out.push('(');
        push_field(out, &term.path);
        out.push(')');
    } else {
        push_field(out, &term.path);
    }
    if term.direction == Direction::Descending {
        out.push_str(".desc");
    }
    match term.nulls {
        Some(Nulls::First) => out.push_str(".nullsfirst"),
        Some(Nulls::Last) => out.push_str(".nullslast"),
        None => {}
    }
}
