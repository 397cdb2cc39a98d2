//! Orders: `name.desc.nullslast,author(name)`.

use super::{cursor::Cursor, error::GrammarError, names};
use crate::table::{Direction, FieldPath, Nulls, OrderTerm};

/// Reads a whole order. Nothing is no order.
pub(super) fn terms(cursor: &mut Cursor<'_>) -> Result<Vec<OrderTerm>, GrammarError> {
    cursor.skip_space();
    if cursor.peek().is_none() {
        return Ok(Vec::new());
    }
    let terms = cursor.separated(term)?;
    if cursor.peek().is_none() {
        Ok(terms)
    } else {
        Err(cursor.expected("',' and another column, '.asc', '.desc', '.nullsfirst', '.nullslast' or the end"))
    }
}

fn term(cursor: &mut Cursor<'_>) -> Result<OrderTerm, GrammarError> {
    let name = names::name(cursor)?.text;
    let (relation, path) = if cursor.eat("(") {
        let path = names::field(cursor)?;
        cursor.expect(")", "')' behind the one column of the embed")?;
        (Some(name), path)
    } else {
        (None, FieldPath { column: name, steps: names::json_steps(cursor)? })
    };
    let (direction, nulls) = ways(cursor)?;
    Ok(OrderTerm { relation, path, direction, nulls })
}

/// `.desc.nullslast`: each once, the direction first.
fn ways(cursor: &mut Cursor<'_>) -> Result<(Direction, Option<Nulls>), GrammarError> {
    let (mut direction, mut nulls) = (None, None);
    while cursor.eat(".") {
        let start = cursor.mark();
        match cursor.take_while(|c| c.is_ascii_alphanumeric()) {
            "asc" if direction.is_none() && nulls.is_none() => direction = Some(Direction::Ascending),
            "desc" if direction.is_none() && nulls.is_none() => direction = Some(Direction::Descending),
            "nullsfirst" if nulls.is_none() => nulls = Some(Nulls::First),
            "nullslast" if nulls.is_none() => nulls = Some(Nulls::Last),
            _ => {
                cursor.back_to(start);
                return Err(cursor.expected("'asc' or 'desc', then 'nullsfirst' or 'nullslast' (a name with a dot goes in double quotes)"));
            }
        }
    }
    Ok((direction.unwrap_or_default(), nulls))
}

#[cfg(test)]
mod tests {
    use crate::table::{
        Direction::{self, Ascending, Descending},
        FieldPath, JsonStep,
        Nulls::{self, First, Last},
        OrderTerm,
        grammar::parse_order,
    };

    fn term(relation: Option<&str>, path: FieldPath, direction: Direction, nulls: Option<Nulls>) -> OrderTerm {
        OrderTerm { relation: relation.map(str::to_owned), path, direction, nulls }
    }

    #[test]
    fn orders() {
        let a = || FieldPath::column("a");
        let data = |steps: &[JsonStep]| FieldPath { column: "data".into(), steps: steps.to_vec() };
        for (text, expected) in [
            ("", vec![]),
            ("a", vec![term(None, a(), Ascending, None)]),
            ("a.asc", vec![term(None, a(), Ascending, None)]),
            ("a.desc", vec![term(None, a(), Descending, None)]),
            ("a.nullsfirst", vec![term(None, a(), Ascending, Some(First))]),
            ("a.desc.nullslast", vec![term(None, a(), Descending, Some(Last))]),
            (" a.desc , b ", vec![term(None, a(), Descending, None), term(None, FieldPath::column("b"), Ascending, None)]),
            ("data->k.asc", vec![term(None, data(&[JsonStep::Key("k".into())]), Ascending, None)]),
            ("data->0.desc", vec![term(None, data(&[JsonStep::Index(0)]), Descending, None)]),
            ("rel(a)", vec![term(Some("rel"), a(), Ascending, None)]),
            ("rel(data->>k).desc.nullsfirst", vec![term(Some("rel"), data(&[JsonStep::KeyText("k".into())]), Descending, Some(First))]),
            ("\"a.desc\".desc", vec![term(None, FieldPath::column("a.desc"), Descending, None)]),
        ] {
            assert_eq!(parse_order(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_order_is_refused() {
        for text in [
            ",",
            "a,",
            "a.",
            "a.ac",
            "id.descc",
            "id.nulsfist",
            "id.nullslasttt",
            "id.asc.nlsfst",
            "a.desc.asc",
            "a.nullslast.desc",
            "a.desc.desc",
            "a.nullsfirst.nullslast",
            "a.DESC",
            "rel(a,b)",
            "rel()",
            "rel(a",
            "rel(a)b",
            "a.b.desc",
            "1+1",
            "(select 1)",
            "a;b",
            "random()",
        ] {
            let error = parse_order(text);
            assert!(error.is_err(), "{text}");
        }
        assert_eq!(parse_order("id.asc.smth").unwrap_err().position, 7);
    }
}
