//! Generated requests and texts for the properties of the grammar, with names and values as hostile as can be.

use super::TableQuery;
use crate::table::{
    CastType, Condition, Direction, Embed, Field, FieldPath, Join, JsonStep, Nulls, Operator, OrderTerm, Quantifier, SelectItem, Test, TruthValue,
    Value,
};
use proptest::{
    collection::{hash_set, vec},
    option,
    prelude::*,
    sample::select,
};

/// Texts that look like the grammar, and any others.
pub(super) fn hostile() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "",
        " ",
        " a ",
        "a b",
        "a-b",
        "a--b",
        "a->b",
        "->>",
        "a.b",
        ".",
        "a,b",
        "(",
        ")",
        "()",
        "(a)",
        "{a,b}",
        "{",
        "}",
        "\"",
        "\"\"",
        "\\",
        "\\\"",
        "null",
        "NULL",
        "Null",
        "and",
        "or",
        "not",
        "not.and",
        "inner",
        "left",
        "count",
        "select",
        "order",
        "limit",
        "offset",
        "columns",
        "on_conflict",
        "branch",
        "any",
        "0",
        "-1",
        "5",
        "1e3",
        "*",
        "%",
        "eq.1",
        "::text",
        "a:b",
        "!",
        "...",
        "é",
        "日本",
        "\u{0}",
        "\t",
        "\n",
        "'; --",
        "~/",
        "٣",
    ];
    prop_oneof![select(KNOWN).prop_map(str::to_owned), "[ a0.,()\"\\\\{}:!*>-]{0,6}", "[a-z_]{1,8}", any::<String>()]
}

fn name() -> impl Strategy<Value = String> {
    hostile().prop_filter("names are not empty", |name| !name.is_empty())
}

fn path() -> impl Strategy<Value = FieldPath> {
    let step = prop_oneof![
        hostile().prop_map(JsonStep::Key),
        any::<i32>().prop_map(JsonStep::Index),
        hostile().prop_map(JsonStep::KeyText),
        any::<i32>().prop_map(JsonStep::IndexText),
    ];
    (name(), prop_oneof![3 => Just(Vec::new()), 1 => vec(step, 0..3)]).prop_map(|(column, steps)| FieldPath { column, steps })
}

fn test() -> impl Strategy<Value = Condition> {
    let quantifier = select(&[Quantifier::Any, Quantifier::All][..]);
    let values = vec(hostile(), 0..4);
    (path(), select(&Operator::ALL[..]), select(&TruthValue::ALL[..]), option::of(quantifier), option::of(name()), values, hostile()).prop_map(
        |(field, operator, truth, quantifier, language, values, text)| {
            let quantifier = quantifier.filter(|_| operator.takes_quantifier());
            let value = match operator {
                Operator::In => Value::List(values),
                Operator::Is => Value::Truth(truth),
                Operator::TextSearch(_) => Value::Search { language, query: text },
                _ if quantifier.is_some() => Value::List(values),
                _ => Value::Text(text),
            };
            Condition::Test(Test { field, operator, quantifier, value })
        },
    )
}

pub(super) fn condition() -> impl Strategy<Value = Condition> {
    test().prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Condition::And),
            vec(inner.clone(), 1..4).prop_map(Condition::Or),
            inner.prop_map(super::group::negate),
        ]
    })
}

pub(super) fn term() -> impl Strategy<Value = OrderTerm> {
    let direction = select(&[Direction::Ascending, Direction::Descending][..]);
    let nulls = option::of(select(&[Nulls::First, Nulls::Last][..]));
    (option::of(name()), path(), direction, nulls).prop_map(|(relation, path, direction, nulls)| OrderTerm { relation, path, direction, nulls })
}

/// Select lists; of embeds with the same key, which a query could not tell apart, the first is kept.
pub(super) fn items() -> impl Strategy<Value = Vec<SelectItem>> {
    let field = (path(), option::of(name()), option::of(select(CastType::ALL)))
        .prop_map(|(path, alias, cast)| SelectItem::Field(Field { path, alias, cast }));
    let leaf = prop_oneof![1 => Just(SelectItem::All), 4 => field];
    let item = leaf.prop_recursive(3, 12, 3, |inner| {
        (name(), option::of(name()), option::of(name()), any::<bool>(), vec(inner, 0..3)).prop_map(|(relation, alias, hint, inner_join, columns)| {
            let join = if inner_join { Join::Inner } else { Join::Left };
            SelectItem::Embed(Embed {
                relation,
                alias,
                hint,
                join,
                columns: distinct(columns),
                filter: None,
                order: Vec::new(),
                limit: None,
                offset: 0,
            })
        })
    });
    vec(item, 0..4).prop_map(distinct)
}

fn distinct(items: Vec<SelectItem>) -> Vec<SelectItem> {
    let mut kept: Vec<SelectItem> = Vec::new();
    for item in items {
        let key = |item: &SelectItem| match item {
            SelectItem::Embed(embed) => Some(embed.key().to_owned()),
            _ => None,
        };
        if key(&item).is_none() || !kept.iter().any(|other| key(other) == key(&item)) {
            kept.push(item);
        }
    }
    kept
}

type Asked = (Option<Condition>, Vec<OrderTerm>, Option<u64>, u64);

fn asked() -> impl Strategy<Value = Asked> {
    let count = 0..=i64::MAX.unsigned_abs();
    (option::of(condition()), vec(term(), 0..3), option::of(count.clone()), prop_oneof![Just(0), count])
}

pub(super) fn query() -> impl Strategy<Value = TableQuery> {
    let columns = || option::of(hash_set(name(), 1..4).prop_map(Vec::from_iter));
    (items(), asked(), vec(asked(), 1..4), columns(), columns(), option::of("[a-z][a-z0-9-]{0,9}"), option::of("[A-Za-z0-9_-]{1,9}")).prop_map(
        |(mut select, (filter, order, limit, offset), asked, columns, on_conflict, branch, cursor)| {
            ask_embeds(&mut select, &asked, &mut 0);
            TableQuery { select, filter, order, limit, offset, columns, on_conflict, branch, cursor }
        },
    )
}

fn ask_embeds(items: &mut [SelectItem], asked: &[Asked], turn: &mut usize) {
    for item in items {
        if let SelectItem::Embed(embed) = item {
            (embed.filter, embed.order, embed.limit, embed.offset) = asked[*turn % asked.len()].clone();
            *turn += 1;
            ask_embeds(&mut embed.columns, asked, turn);
        }
    }
}

/// Any bytes that are text, and words of the grammar in any order.
pub(super) fn any_text() -> impl Strategy<Value = String> {
    let words = [
        "a",
        "b c",
        "\"q\\\"\"",
        ".",
        ",",
        "(",
        ")",
        "{",
        "}",
        "\"",
        "\\",
        ":",
        "::",
        "!",
        "!inner",
        "*",
        "->",
        "->>",
        "0",
        "-1",
        " ",
        "not",
        "and",
        "or",
        "eq",
        "in",
        "is",
        "null",
        "fts",
        "(any)",
        "text",
        "int4[]",
        "desc",
        "nullslast",
        "order",
        "limit",
        "count",
        "...",
        "é",
        "eq.1",
        "a.eq.",
        "in.(",
        "(a.eq.1",
        "r(",
    ];
    prop_oneof![
        vec(select(words.to_vec()), 0..16).prop_map(|words| words.concat()),
        any::<String>(),
        vec(any::<u8>(), 0..64).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        hostile(),
    ]
}
