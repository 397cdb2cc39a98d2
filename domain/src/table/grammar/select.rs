//! Select lists: `id, full:name, data->>age::int4, author!inner(name)`.

use super::{
    cursor::Cursor,
    error::{GrammarError, GrammarErrorKind},
    names::{self, Name},
};
use crate::table::{CastType, Embed, Field, FieldPath, Join, SelectItem};

const AGGREGATES: [&str; 5] = ["sum", "avg", "min", "max", "count"];

/// Reads a whole list. Nothing is an empty list.
pub(super) fn items(cursor: &mut Cursor<'_>) -> Result<Vec<SelectItem>, GrammarError> {
    cursor.skip_space();
    if cursor.peek().is_none() {
        return Ok(Vec::new());
    }
    let items = cursor.separated(item)?;
    if cursor.peek().is_none() { Ok(items) } else { Err(cursor.expected("',' and another column, or the end of the list")) }
}

fn item(cursor: &mut Cursor<'_>) -> Result<SelectItem, GrammarError> {
    if cursor.eat("*") {
        return Ok(SelectItem::All);
    }
    refuse_spread(cursor)?;
    let first = names::name(cursor)?;
    let (alias, name) = if alias_ahead(cursor) {
        cursor.eat(":");
        cursor.skip_space();
        refuse_spread(cursor)?;
        (Some(first.text), names::name(cursor)?)
    } else {
        (None, first)
    };
    if matches!(cursor.peek(), Some('!' | '(')) { embed(cursor, alias, name) } else { field(cursor, alias, name) }
}

/// A colon, but not the two of a cast.
fn alias_ahead(cursor: &Cursor<'_>) -> bool {
    cursor.rest().starts_with(':') && !cursor.rest().starts_with("::")
}

fn refuse_spread(cursor: &Cursor<'_>) -> Result<(), GrammarError> {
    if cursor.rest().starts_with("..") {
        return Err(cursor.error(GrammarErrorKind::NotSupported { what: "spread embeds ('...relation(column)')" }));
    }
    Ok(())
}

fn field(cursor: &mut Cursor<'_>, alias: Option<String>, column: Name) -> Result<SelectItem, GrammarError> {
    let path = FieldPath { column: column.text, steps: names::json_steps(cursor)? };
    refuse_aggregate(cursor)?;
    let cast = if cursor.eat("::") { Some(cast(cursor)?) } else { None };
    Ok(SelectItem::Field(Field { path, alias, cast }))
}

/// `amount.sum()`
fn refuse_aggregate(cursor: &mut Cursor<'_>) -> Result<(), GrammarError> {
    let start = cursor.mark();
    if !cursor.eat(".") {
        return Ok(());
    }
    let function = cursor.take_while(|c| c.is_ascii_lowercase());
    if AGGREGATES.contains(&function) && cursor.eat("(") {
        return Err(aggregate(cursor, start));
    }
    cursor.back_to(start);
    Err(cursor.expected("',' or the end of the list (a name with a dot goes in double quotes)"))
}

fn aggregate(cursor: &Cursor<'_>, start: usize) -> GrammarError {
    cursor.error_at(start, GrammarErrorKind::NotSupported { what: "aggregates ('amount.sum()', 'count()')" })
}

fn cast(cursor: &mut Cursor<'_>) -> Result<CastType, GrammarError> {
    cursor.skip_space();
    let start = cursor.mark();
    let given = cursor.take_while(|c| names::is_name_char(c) || matches!(c, '[' | ']' | '.' | '"')).trim();
    cursor.skip_space();
    if given.is_empty() {
        return Err(cursor.expected("a type, such as 'text'"));
    }
    given.to_ascii_lowercase().parse().map_err(|_| cursor.error_at(start, GrammarErrorKind::unknown_cast(given)))
}

fn embed(cursor: &mut Cursor<'_>, alias: Option<String>, relation: Name) -> Result<SelectItem, GrammarError> {
    let start = cursor.mark();
    let (hint, join) = embed_modifiers(cursor)?;
    cursor.expect("(", "'(' and the columns of the embed")?;
    cursor.skip_space();
    let columns = if cursor.peek() == Some(')') { Vec::new() } else { cursor.deeper(|cursor| cursor.separated(item))? };
    cursor.expect(")", "',' and another column, or ')'")?;
    if relation.is_word("count") && columns.is_empty() && hint.is_none() {
        return Err(aggregate(cursor, start));
    }
    Ok(SelectItem::Embed(Embed { relation: relation.text, alias, hint, join, columns, filter: None, order: Vec::new(), limit: None, offset: 0 }))
}

/// `!hint`, `!inner`, `!left`: one of a kind, in either order.
fn embed_modifiers(cursor: &mut Cursor<'_>) -> Result<(Option<String>, Join), GrammarError> {
    let (mut hint, mut join) = (None, None);
    loop {
        let start = cursor.mark();
        if !cursor.eat("!") {
            return Ok((hint, join.unwrap_or_default()));
        }
        let name = names::name(cursor)?;
        let again = if name.is_word("inner") {
            join.replace(Join::Inner).is_some()
        } else if name.is_word("left") {
            join.replace(Join::Left).is_some()
        } else {
            hint.replace(name.text).is_some()
        };
        if again {
            cursor.back_to(start);
            return Err(cursor.expected("'(' behind one hint and one of '!inner' and '!left'"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::table::{
        CastType, Embed, Field, FieldPath, Join, JsonStep, SelectItem,
        grammar::{GrammarErrorKind, MAX_DEPTH, MAX_ITEMS, parse_select},
    };

    fn column(name: &str) -> SelectItem {
        field(None, FieldPath::column(name), None)
    }

    fn field(alias: Option<&str>, path: FieldPath, cast: Option<CastType>) -> SelectItem {
        SelectItem::Field(Field { path, alias: alias.map(str::to_owned), cast })
    }

    fn embed(alias: Option<&str>, relation: &str, hint: Option<&str>, join: Join, columns: Vec<SelectItem>) -> SelectItem {
        let (alias, hint) = (alias.map(str::to_owned), hint.map(str::to_owned));
        SelectItem::Embed(Embed { relation: relation.to_owned(), alias, hint, join, columns, filter: None, order: vec![], limit: None, offset: 0 })
    }

    #[test]
    fn columns_paths_aliases_and_casts() {
        let data = FieldPath { column: "data".into(), steps: vec![JsonStep::Key("a".into()), JsonStep::KeyText("b".into())] };
        for (text, expected) in [
            ("", vec![]),
            (" ", vec![]),
            ("*", vec![SelectItem::All]),
            ("id, email, created_at", vec![column("id"), column("email"), column("created_at")]),
            ("\n  id,\n\t*\n", vec![column("id"), SelectItem::All]),
            ("full name,\"a.b\",\"x\"", vec![column("full name"), column("a.b"), column("x")]),
            ("n:id", vec![field(Some("n"), FieldPath::column("id"), None)]),
            ("id::text", vec![field(None, FieldPath::column("id"), Some(CastType::Text))]),
            ("n : id :: INT4[] ", vec![field(Some("n"), FieldPath::column("id"), Some(CastType::Int4Array))]),
            ("id::double precision,x", vec![field(None, FieldPath::column("id"), Some(CastType::Float8)), column("x")]),
            ("data->a->>b", vec![field(None, data.clone(), None)]),
            ("n:data->a->>b::int4", vec![field(Some("n"), data, Some(CastType::Int4))]),
        ] {
            assert_eq!(parse_select(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn embeds() {
        for (text, expected) in [
            ("rel()", embed(None, "rel", None, Join::Left, vec![])),
            ("rel( * )", embed(None, "rel", None, Join::Left, vec![SelectItem::All])),
            ("a:rel(x,y)", embed(Some("a"), "rel", None, Join::Left, vec![column("x"), column("y")])),
            ("rel!fk(x)", embed(None, "rel", Some("fk"), Join::Left, vec![column("x")])),
            ("rel!inner(x)", embed(None, "rel", None, Join::Inner, vec![column("x")])),
            ("rel!left(x)", embed(None, "rel", None, Join::Left, vec![column("x")])),
            ("rel!fk!inner(x)", embed(None, "rel", Some("fk"), Join::Inner, vec![column("x")])),
            ("a:rel!inner!fk (x)", embed(Some("a"), "rel", Some("fk"), Join::Inner, vec![column("x")])),
            ("rel!\"inner\"(x)", embed(None, "rel", Some("inner"), Join::Left, vec![column("x")])),
            ("rel!leftover(x)", embed(None, "rel", Some("leftover"), Join::Left, vec![column("x")])),
            (
                "a(b(c()),d)",
                embed(
                    None,
                    "a",
                    None,
                    Join::Left,
                    vec![embed(None, "b", None, Join::Left, vec![embed(None, "c", None, Join::Left, vec![])]), column("d")],
                ),
            ),
            ("\"count\"()", embed(None, "count", None, Join::Left, vec![])),
        ] {
            assert_eq!(parse_select(text), Ok(vec![expected]), "{text}");
        }
    }

    #[test]
    fn what_is_no_select_list_is_refused() {
        for text in [
            ",",
            "a,",
            ",a",
            "a,,b",
            "a;b",
            "a.b",
            "a b:",
            ":a",
            "a:b:c",
            "a::",
            "a::text::int4",
            "*::text",
            "*!hint",
            "a!hint",
            "n:*",
            "rel(",
            "rel(x",
            "rel(x,)",
            "rel)",
            "rel(x))",
            "rel(x)y",
            "rel->a(x)",
            "rel!a!b(x)",
            "rel!inner!left(x)",
            "rel!(x)",
            "a'b",
            "'a'",
            "id,clients(name[])",
            "data->>-78xy",
            "a->",
            "\"\"",
            "\"a",
            "amount.sum",
            "amount.median()",
        ] {
            assert!(parse_select(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_comes_later_says_so() {
        for text in [
            "count()",
            "n:count( )",
            "amount.sum()",
            "n:amount.avg()::text",
            "rel(id.max())",
            "...rel(a)",
            "a,...rel!inner(a)",
            "..rel(a)",
            "n:...rel(a)",
        ] {
            let error = parse_select(text).unwrap_err();
            assert!(matches!(error.kind, GrammarErrorKind::NotSupported { .. }), "{text}: {error}");
            assert!(error.message().contains("not supported yet"), "{text}");
        }
    }

    #[test]
    fn a_cast_outside_the_list_names_the_list() {
        for (text, given) in
            [("id::regclass", "regclass"), ("id::public.mine", "public.mine"), ("id::\"char\"", "\"char\""), ("id::text[][]", "text[][]")]
        {
            let error = parse_select(text).unwrap_err();
            assert_eq!((&error.kind, error.position), (&GrammarErrorKind::unknown_cast(given), 4), "{text}");
            assert!(error.message().contains("known are text, varchar"), "{text}");
        }
    }

    #[test]
    fn limits_hold() {
        let deep = |levels: usize| format!("{}x{}", "r(".repeat(levels), ")".repeat(levels));
        assert!(parse_select(&deep(MAX_DEPTH)).is_ok());
        for levels in [MAX_DEPTH + 1, 10_000] {
            assert_eq!(parse_select(&deep(levels)).unwrap_err().kind, GrammarErrorKind::TooDeep);
        }
        assert_eq!(parse_select(&vec!["a"; MAX_ITEMS + 1].join(",")).unwrap_err().kind, GrammarErrorKind::TooManyItems);
    }
}
