//! Operations: `eq.5`, `not.in.(1,2)`, `like(any).{a*,b*}`, `fts(english).cat`.

use super::{
    cursor::Cursor,
    error::{GrammarError, GrammarErrorKind, shortened},
    group, names, values,
};
use crate::table::{Condition, FieldPath, Operator, Quantifier, Test, TruthValue, Value};

/// Where an operation stands, which decides where its value ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is a parameter's whole value, as it stands.
    Alone,
    /// It is a member of a group: a comma or a parenthesis ends it.
    Group,
}

/// What is behind an operator, in parentheses.
enum Modifier {
    None,
    Quantifier(Quantifier),
    Language(String),
}

/// Reads what a field is tested for.
pub(super) fn test(cursor: &mut Cursor<'_>, field: FieldPath, place: Place) -> Result<Condition, GrammarError> {
    if place == Place::Alone {
        cursor.count_item()?;
    }
    let negated = cursor.eat("not.");
    let operator = operator(cursor)?;
    let modifier = modifier(cursor, operator)?;
    cursor.expect(".", "'.' and a value behind the operator")?;
    let (quantifier, value) = match (operator, modifier) {
        (Operator::In, _) => (None, Value::List(values::list(cursor)?)),
        (Operator::Is, _) => (None, Value::Truth(truth(cursor)?)),
        (Operator::TextSearch(_), Modifier::Language(language)) => (None, Value::Search { language: Some(language), query: text(cursor, place)? }),
        (Operator::TextSearch(_), _) => (None, Value::Search { language: None, query: text(cursor, place)? }),
        (_, Modifier::Quantifier(quantifier)) => (Some(quantifier), Value::List(quantified(cursor, place)?)),
        (_, _) => (None, Value::Text(text(cursor, place)?)),
    };
    let test = Condition::Test(Test { field, operator, quantifier, value });
    Ok(if negated { group::negate(test) } else { test })
}

fn operator(cursor: &mut Cursor<'_>) -> Result<Operator, GrammarError> {
    let start = cursor.mark();
    let given = cursor.take_while(|c| !matches!(c, '.' | '(' | ')' | ','));
    if let Some(known) = Operator::ALL.into_iter().find(|operator| operator.name() == given) {
        return Ok(known);
    }
    let kind = match cursor.peek() {
        Some('.' | '(') => GrammarErrorKind::unknown_operator(given),
        _ => GrammarErrorKind::NoOperator { given: shortened(given) },
    };
    Err(cursor.error_at(start, kind))
}

fn modifier(cursor: &mut Cursor<'_>, operator: Operator) -> Result<Modifier, GrammarError> {
    let start = cursor.mark();
    if !cursor.eat("(") {
        return Ok(Modifier::None);
    }
    let modifier = if matches!(operator, Operator::TextSearch(_)) {
        Modifier::Language(names::name(cursor)?.text)
    } else if !operator.takes_quantifier() {
        return Err(cursor.error_at(start, GrammarErrorKind::NoQuantifier(operator)));
    } else if cursor.eat("any") {
        Modifier::Quantifier(Quantifier::Any)
    } else if cursor.eat("all") {
        Modifier::Quantifier(Quantifier::All)
    } else {
        return Err(cursor.expected("'any' or 'all'"));
    };
    cursor.expect(")", "')'")?;
    Ok(modifier)
}

fn truth(cursor: &mut Cursor<'_>) -> Result<TruthValue, GrammarError> {
    let start = cursor.mark();
    let given = cursor.take_while(|c| !matches!(c, ',' | ')')).trim_ascii();
    TruthValue::ALL
        .into_iter()
        .find(|value| value.name().eq_ignore_ascii_case(given))
        .ok_or_else(|| cursor.error_at(start, GrammarErrorKind::UnknownTruth { given: shortened(given) }))
}

fn text(cursor: &mut Cursor<'_>, place: Place) -> Result<String, GrammarError> {
    match place {
        Place::Alone => Ok(cursor.take_rest().to_owned()),
        Place::Group => values::in_group(cursor),
    }
}

/// The list of a quantifier. Within a group it may be in quotes as a whole, as any value.
fn quantified(cursor: &mut Cursor<'_>, place: Place) -> Result<Vec<String>, GrammarError> {
    if place == Place::Alone || cursor.peek() != Some('"') {
        return values::array(cursor);
    }
    let start = cursor.mark();
    let text = values::in_group(cursor)?;
    super::Budget::default().read(&text, values::array).map_err(|error| cursor.error_at(start, error.kind))
}

#[cfg(test)]
mod tests {
    use crate::table::{
        Condition, FieldPath,
        Operator::{self, *},
        Quantifier::{self, All, Any},
        Test, TextSearch, TruthValue, Value,
        grammar::{GrammarErrorKind, Part, parse_test},
    };

    fn test(operator: Operator, quantifier: Option<Quantifier>, value: Value) -> Condition {
        Condition::Test(Test { field: FieldPath::column("a"), operator, quantifier, value })
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    fn list(values: &[&str]) -> Value {
        Value::List(values.iter().map(|value| (*value).to_owned()).collect())
    }

    fn search(kind: TextSearch, language: Option<&str>, query: &str) -> Condition {
        test(TextSearch(kind), None, Value::Search { language: language.map(str::to_owned), query: query.to_owned() })
    }

    #[test]
    fn every_simple_operator_takes_the_rest_as_it_stands() {
        let simple = |operator: &Operator| !matches!(operator, In | Is | TextSearch(_));
        for operator in Operator::ALL.into_iter().filter(simple) {
            for value in ["", "5", "null", " a, b ", "\"q\"", "a.b.c", "{a,b}", "(", "%*_", "é;--"] {
                assert_eq!(parse_test("a", &format!("{}.{value}", operator.name())), Ok(test(operator, None, text(value))));
            }
        }
    }

    #[test]
    fn operations_with_rules_of_their_own() {
        for (operation, expected) in [
            ("in.(1,\"a,b\")", test(In, None, list(&["1", "a,b"]))),
            ("in.()", test(In, None, list(&[]))),
            ("is.null", test(Is, None, Value::Truth(TruthValue::Null))),
            ("is.NOT_null", test(Is, None, Value::Truth(TruthValue::NotNull))),
            ("is.True", test(Is, None, Value::Truth(TruthValue::True))),
            ("is.false", test(Is, None, Value::Truth(TruthValue::False))),
            ("is.unknown", test(Is, None, Value::Truth(TruthValue::Unknown))),
            ("like(any).{O*,\"P,*\"}", test(Like, Some(Any), list(&["O*", "P,*"]))),
            ("eq(all).{}", test(Eq, Some(All), list(&[]))),
            ("fts.cat", search(TextSearch::Raw, None, "cat")),
            ("fts(english).fat & rat", search(TextSearch::Raw, Some("english"), "fat & rat")),
            ("plfts(\"my.conf\").a", search(TextSearch::Plain, Some("my.conf"), "a")),
            ("phfts.a.b", search(TextSearch::Phrase, None, "a.b")),
            ("wfts(french).", search(TextSearch::Web, Some("french"), "")),
            ("not.eq.not.5", Condition::Not(Box::new(test(Eq, None, text("not.5"))))),
        ] {
            assert_eq!(parse_test("a", operation), Ok(expected), "{operation}");
        }
    }

    #[test]
    fn what_is_no_operation_is_refused() {
        for operation in [
            "",
            "5",
            "eq",
            "eq5",
            "EQ.5",
            "noop.0",
            "not.not.eq.5",
            "not.5",
            "in.1,2",
            "in.(1",
            "in.(1)x",
            "in(any).{1}",
            "is.",
            "is.5",
            "is.nullx",
            "is(any).null",
            "neq(any).{1}",
            "eq(some).{1}",
            "eq(any).1",
            "eq(any).{1}x",
            "eq(any.{1}",
            "eq(any){1}",
            "fts().a",
            "fts(a.b",
            "fts(a b'c).x",
            "cs(any).{1}",
            " eq.5",
            "=.5",
            "or.(a.eq.1)",
        ] {
            assert!(parse_test("a", operation).is_err(), "{operation}");
        }
    }

    #[test]
    fn errors_say_what_would_be_right_and_where() {
        let message = |operation| parse_test("a", operation).unwrap_err().message();
        assert_eq!(
            message("not.equals.5"),
            "unknown operator 'equals' (did you mean 'eq'?); the operators are eq neq gt gte lt lte like ilike match imatch in is isdistinct cs cd ov \
             fts plfts phfts wfts sl sr nxr nxl adj (at character 5 of the value)"
        );
        assert!(message("5").starts_with("expected an operator, a dot and a value, such as 'eq.5'; the operators are eq"));
        assert_eq!(message("is.nil"), "'is' takes null, not_null, true, false, unknown, not 'nil' (at character 4 of the value)");
        assert_eq!(
            message("neq(any).{1}"),
            "'neq' takes neither '(any)' nor '(all)'; these do: eq gt gte lt lte like ilike match imatch (at character 4 of the value)"
        );
    }

    #[test]
    fn an_error_in_the_name_says_so() {
        let error = parse_test("a.b", "eq.1").unwrap_err();
        assert_eq!((error.part, error.position), (Part::Name, 1));
        assert!(matches!(error.kind, GrammarErrorKind::Expected { found: Some('.'), .. }));
    }
}
