//! Attempts to get SQL through the grammar: each is refused, or is an inert name or value.

use super::{FilterObject, GroupKind, QueryParams, parse_condition, parse_group, parse_order, parse_select, parse_test};
use crate::table::{Condition, Field, FieldPath, Operator, SelectItem, Test, Value};

#[test]
fn select_items_with_sql_are_refused() {
    for text in [
        "set_config('request.jwt.claims','{}',true)",
        "id,set_config('role','postgres',false)",
        "id||email",
        "id || email",
        "id+1",
        "id*2",
        "(select password from users)",
        "id,(select 1)",
        "id from users; drop table users",
        "id;drop table users",
        "id--",
        "id/**/",
        "id,*/*",
        "'id'",
        "$$id$$;",
        "E'\\x41'",
        "\"id\" from users",
        "\"id\"::text||\"email\"",
        "id::text||email",
        "id::text;drop table users",
        "id::regclass",
        "id::pg_catalog.regclass",
        "id::\"text\"",
        "id::text::regclass",
        "id::int4)",
        "id::varchar(10)",
        "case when true then id end)",
        "id->>'a'",
        "data#>>'{a}'",
        "data@>'{}'",
        "count(*) over ()",
        "a:set_config('x','y',true)",
        "id=1",
        "id\\",
        "id\0",
    ] {
        assert!(parse_select(text).is_err(), "{text}: {:?}", parse_select(text));
    }
}

#[test]
fn what_looks_like_a_call_is_an_embed_that_the_catalogue_does_not_know() {
    for text in ["pg_sleep(10)", "current_user()", "version()", "lo_import(a)", "cast(id as text)"] {
        let items = parse_select(text).unwrap();
        assert!(matches!(items.as_slice(), [SelectItem::Embed(_)]), "{text}: {items:?}");
    }
}

#[test]
fn hostile_names_in_quotes_are_names_to_the_letter() {
    for name in ["id\" from users; --", "set_config('a','b')", "a||b", "'; drop table users; --", "x\\", "(select 1)"] {
        let quoted = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        let field = SelectItem::Field(Field { path: FieldPath::column(name), alias: None, cast: None });
        assert_eq!(parse_select(&quoted), Ok(vec![field]), "{quoted}");
    }
}

#[test]
fn operators_with_sql_are_refused() {
    for operation in [
        "=.1",
        "eq or 1=1.1",
        "eq;drop table users.1",
        "like%.1",
        "= any(select 1).1",
        "operator(pg_catalog.=).1",
        "is.null or true",
        "is.not null",
        "is.distinct from 1",
        "in.(select 1) or (1=1",
        "in.(1) or true",
        "eq(any).{1} or true",
        "eq(select 1).1",
        "fts(english'::regconfig).x",
        "fts(english,a).x",
        "between.1",
        "not.in.(1);--",
        "raw.1=1",
        "not.not.is.null",
    ] {
        assert!(parse_test("id", operation).is_err(), "{operation}");
        assert!(parse_group(GroupKind::Or, &format!("(id.{operation})")).is_err(), "{operation}");
    }
}

#[test]
fn fields_and_orders_with_sql_are_refused() {
    for field in [
        "id=1 or id",
        "id||email",
        "lower(email)",
        "id;",
        "id::text",
        "(select 1)",
        "1=1;--",
        "id'",
        "data->>'a'",
        "data->'a'||",
        "a.b",
        "\"id\"\"x\"",
        "id--",
        "*",
    ] {
        assert!(parse_test(field, "eq.1").is_err(), "{field}");
    }
    for order in
        ["id desc;", "id.desc;drop table users", "id.using >", "random()", "case when (select 1) then 1 end", "a.b", "id.desc nulls last limit 1--"]
    {
        assert!(parse_order(order).is_err(), "{order}");
    }
}

#[test]
fn values_with_sql_are_values() {
    for value in ["1; drop table users", "' or '1'='1", "1)) or ((1=1", "$1", "%' or true --", "\\'; --", "null", "now()"] {
        let test = Test { field: FieldPath::column("id"), operator: Operator::Eq, quantifier: None, value: Value::Text(value.to_owned()) };
        assert_eq!(parse_test("id", &format!("eq.{value}")), Ok(Condition::Test(test)));
    }
}

#[test]
fn limits_columns_and_keys_with_sql_are_refused() {
    for (name, value) in [
        ("limit", "1; drop table users"),
        ("limit", "(select 1)"),
        ("limit", "all"),
        ("offset", "1 union select 1"),
        ("columns", "a);drop table users"),
        ("on_conflict", "id) do update set a=(select 1"),
        ("id) or (1", "eq.1"),
        ("or", "(1=1)"),
        ("or", "(id.eq.1) or (true)"),
    ] {
        assert!(QueryParams::parse([(name.to_owned(), value.to_owned())].into_iter()).is_err(), "{name}={value}");
    }
}

#[test]
fn filter_objects_with_sql_are_refused() {
    for json in [
        r#"{"1=1; --": "eq.1"}"#,
        r#"{"id": "= 1 or true.1"}"#,
        r#"{"id": {"raw": "1=1"}}"#,
        r#"{"$where": {"sql": "true"}}"#,
        r#"{"or": [{"lower(email)": "eq.a"}]}"#,
        r#"{"or": "true"}"#,
        r#"{"not": []}"#,
        r#"{"or": []}"#,
        r#"{"and": [{}]}"#,
    ] {
        let filter: FilterObject = serde_json::from_str(json).unwrap();
        assert!(filter.condition(None).is_err(), "{json}");
    }
}

/// The worst texts that the limits let through take no longer than others: nothing is read again and again.
#[test]
fn texts_made_to_take_long_do_not() {
    let began = std::time::Instant::now();
    let fill = |piece: &str| piece.repeat(super::MAX_TEXT / piece.len() - 1);
    for piece in ["\"", "\\", "{", "(", ",", "\",", "\"\\", ".\"", "not.", "a-", "->", " ", "a.eq.{", "and(", "!", "\" ,", ",\" x", "0"] {
        let text = fill(piece);
        let _ = parse_condition(&text);
        let _ = parse_condition(&format!("a.in.({text}"));
        let _ = parse_condition(&format!("a.eq(any).{{{text}"));
        let _ = parse_condition(&format!("or(a.eq.{text}"));
        let _ = parse_select(&text);
        let _ = parse_order(&text);
        let _ = parse_test(&text, &text);
        let _ = QueryParams::parse([(text.clone(), text.clone())].into_iter());
    }
    // It is a fraction of a second; what is quadratic in the text would be minutes.
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
