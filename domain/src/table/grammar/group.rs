//! Conditions within `and` and `or`.

use super::{
    cursor::Cursor,
    error::GrammarError,
    names::{self, Name},
    operation::{self, Place},
};
use crate::table::{Condition, FieldPath};

/// How the members of a group are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// All hold.
    And,
    /// At least one holds.
    Or,
    /// Not all hold.
    NotAnd,
    /// None holds.
    NotOr,
}

impl GroupKind {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::And, Self::Or, Self::NotAnd, Self::NotOr];

    /// As requests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
            Self::NotAnd => "not.and",
            Self::NotOr => "not.or",
        }
    }

    /// The group that a parameter of this name is.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The group of this word, and its opposite where `not.` stood before it.
    pub(super) fn of_word(name: &Name, negated: bool) -> Option<Self> {
        match (name.is_word("and"), name.is_word("or"), negated) {
            (true, _, false) => Some(Self::And),
            (_, true, false) => Some(Self::Or),
            (true, _, true) => Some(Self::NotAnd),
            (_, true, true) => Some(Self::NotOr),
            _ => None,
        }
    }

    /// The condition that such a group of these is.
    pub(super) fn of(self, members: Vec<Condition>) -> Condition {
        match self {
            Self::And => Condition::And(members),
            Self::Or => Condition::Or(members),
            Self::NotAnd => negate(Condition::And(members)),
            Self::NotOr => negate(Condition::Or(members)),
        }
    }
}

/// The opposite. Two negations are none, for NULL as well, so that no tree has two in a row.
pub(super) fn negate(condition: Condition) -> Condition {
    match condition {
        Condition::Not(inner) => *inner,
        other => Condition::Not(Box::new(other)),
    }
}

/// `(member,member)`
pub(super) fn parenthesised(cursor: &mut Cursor<'_>, kind: GroupKind) -> Result<Condition, GrammarError> {
    cursor.deeper(|cursor| {
        cursor.skip_space();
        cursor.expect("(", "conditions in parentheses, such as '(a.eq.1,b.eq.2)'")?;
        let members = cursor.separated(member)?;
        cursor.expect(")", "',' or ')' behind the condition")?;
        Ok(kind.of(members))
    })
}

/// `a.eq.1`, `a.not.eq.1`, `or(..)`, `not.and(..)`. A column called `and`, `or` or `not` needs no quotes where no group can be meant.
pub(super) fn member(cursor: &mut Cursor<'_>) -> Result<Condition, GrammarError> {
    let name = names::name(cursor)?;
    if let Some(kind) = group_ahead(cursor, &name) {
        return parenthesised(cursor, kind);
    }
    let field = FieldPath { column: name.text, steps: names::json_steps(cursor)? };
    cursor.expect(".", "'.' and an operator behind the field (a name with other signs goes in double quotes)")?;
    operation::test(cursor, field, Place::Group)
}

/// The group that begins here, past its words; otherwise nothing is taken.
fn group_ahead(cursor: &mut Cursor<'_>, name: &Name) -> Option<GroupKind> {
    let start = cursor.mark();
    let kind = if name.is_word("not") {
        cursor.eat(".").then(|| names::name(cursor).ok()).flatten().and_then(|word| GroupKind::of_word(&word, true))
    } else {
        GroupKind::of_word(name, false)
    };
    let kind = kind.filter(|_| cursor.peek() == Some('('));
    if kind.is_none() {
        cursor.back_to(start);
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::GroupKind::{And, NotAnd, NotOr, Or};
    use crate::table::{
        Condition, FieldPath, JsonStep, Operator, Quantifier, Test, TruthValue, Value,
        grammar::{GrammarErrorKind, MAX_DEPTH, MAX_ITEMS, MAX_TEXT, parse_condition, parse_group},
    };

    fn eq(column: &str, value: &str) -> Condition {
        test(column, Operator::Eq, Value::Text(value.to_owned()))
    }

    fn test(column: &str, operator: Operator, value: Value) -> Condition {
        Condition::Test(Test { field: FieldPath::column(column), operator, quantifier: None, value })
    }

    fn not(condition: Condition) -> Condition {
        Condition::Not(Box::new(condition))
    }

    #[test]
    fn groups_nest() {
        assert_eq!(
            parse_group(Or, "(a.eq.1,and(b.gt.2,c.is.null))"),
            Ok(Condition::Or(vec![
                eq("a", "1"),
                Condition::And(vec![test("b", Operator::Gt, Value::Text("2".into())), test("c", Operator::Is, Value::Truth(TruthValue::Null))])
            ]))
        );
        for (kind, expected) in [
            (And, Condition::And(vec![eq("a", "1")])),
            (Or, Condition::Or(vec![eq("a", "1")])),
            (NotAnd, not(Condition::And(vec![eq("a", "1")]))),
            (NotOr, not(Condition::Or(vec![eq("a", "1")]))),
        ] {
            assert_eq!(parse_group(kind, "(a.eq.1)").as_ref(), Ok(&expected));
            assert_eq!(parse_condition(&format!("{}(a.eq.1)", kind.name())).as_ref(), Ok(&expected));
            assert_eq!(parse_condition(&format!(" {} ( a.eq.1) ", kind.name())).as_ref(), Ok(&expected));
        }
    }

    #[test]
    fn values_end_where_postgrest_ends_them() {
        for (value, expected) in [
            ("", ""),
            ("1", "1"),
            (" 1 ", " 1 "),
            ("a.b", "a.b"),
            ("f(x", "f(x"),
            (r#""a,(b)""#, "a,(b)"),
            (r#""a\"b\\""#, r#"a"b\"#),
            (r#""" "#, ""),
            (r#""a"b"#, r#""a"b"#),
            (r#""a"#, r#""a"#),
            (r#"5" pipe"#, r#"5" pipe"#),
            ("{a,b}", "{a,b}"),
            ("{a,{b,c}}", "{a,{b,c}}"),
            (r#"{"a}","b)"}"#, r#"{"a}","b)"}"#),
            (r#"{"x": [1,2], "y": {"z": null}}"#, r#"{"x": [1,2], "y": {"z": null}}"#),
        ] {
            let expected = Condition::And(vec![eq("a", expected), eq("b", "2")]);
            assert_eq!(parse_group(And, &format!("(a.eq.{value},b.eq.2)")), Ok(expected), "{value}");
        }
    }

    #[test]
    fn lists_quantifiers_and_paths_within_groups() {
        let any = |values: &[&str]| {
            Condition::Test(Test {
                field: FieldPath::column("a"),
                operator: Operator::Like,
                quantifier: Some(Quantifier::Any),
                value: Value::List(values.iter().map(|value| (*value).to_owned()).collect()),
            })
        };
        assert_eq!(
            parse_group(Or, r#"(a.like(any).{x*,"y,)*"}, a.like(any)."{x,y}" ,a.not.in.("1,2", 3) )"#),
            Ok(Condition::Or(vec![
                any(&["x*", "y,)*"]),
                any(&["x", "y"]),
                not(test("a", Operator::In, Value::List(vec!["1,2".into(), " 3".into()])))
            ]))
        );
        let field = FieldPath { column: "d".into(), steps: vec![JsonStep::Index(0), JsonStep::KeyText("k".into())] };
        let expected = Condition::Test(Test { field, operator: Operator::Eq, quantifier: None, value: Value::Text("1".into()) });
        assert_eq!(parse_condition("d->0->>k.eq.1"), Ok(expected));
    }

    #[test]
    fn words_of_the_grammar_are_columns_where_no_group_is_meant() {
        for (text, expected) in [
            ("and.eq.1", eq("and", "1")),
            ("or.eq.1", eq("or", "1")),
            ("not.eq.1", eq("not", "1")),
            ("not.not.eq.1", not(eq("not", "1"))),
            ("\"not\".eq.1", eq("not", "1")),
            ("\"a.b\".eq.1", eq("a.b", "1")),
        ] {
            assert_eq!(parse_condition(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_group_is_refused() {
        for text in [
            "",
            "()",
            "(",
            ")",
            "(,)",
            "(a.eq.1",
            "(a.eq.1,",
            "(a.eq.1,)",
            "a.eq.1",
            "(a.eq.1)x",
            "(a.eq.1)(b.eq.2)",
            "(a)",
            "(a=1)",
            "(a.b.eq.1)",
            "(xor(a.eq.1))",
            "(not.xor(a.eq.1))",
            "(ord(a.eq.1,b.eq.2),c.eq.1)",
            "(id.in.1,2)",
            "(a.eq.{1)",
            "(a.eq.{1}x)",
            "(\"and\"(a.eq.1))",
            "(not.a.eq.1)",
            "(a.eq(any).\"{\")",
            "(and())",
            "(a.is.null x)",
        ] {
            assert!(parse_group(Or, text).is_err(), "{text}");
        }
        assert_eq!(parse_group(Or, "(é.eq.1,b.is.nil)").unwrap_err().position, 13);
    }

    #[test]
    fn limits_hold() {
        let deep = |levels: usize| format!("{}a.eq.1{}", "and(".repeat(levels), ")".repeat(levels));
        assert!(parse_condition(&deep(MAX_DEPTH)).is_ok());
        for levels in [MAX_DEPTH + 1, 10_000] {
            assert_eq!(parse_condition(&deep(levels)).unwrap_err().kind, GrammarErrorKind::TooDeep);
        }
        let wide = |members: usize| format!("({})", vec!["a.eq.1"; members].join(","));
        assert!(parse_group(And, &wide(MAX_ITEMS)).is_ok());
        assert_eq!(parse_group(And, &wide(MAX_ITEMS + 1)).unwrap_err().kind, GrammarErrorKind::TooManyItems);
        assert_eq!(parse_group(And, &"(".repeat(MAX_TEXT + 1)).unwrap_err().kind, GrammarErrorKind::TooLong);
    }
}
