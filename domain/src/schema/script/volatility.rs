//! Which expressions are computed once for all rows that are there.

use crate::lexer::{Lexer, TokenKind};

/// What may stand before a bracket: functions that say the same throughout a statement, types, and words of expressions.
const STEADY: [&str; 53] = [
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "timezone",
    "current_timestamp",
    "current_time",
    "localtimestamp",
    "localtime",
    "current_setting",
    "date_trunc",
    "date_part",
    "make_interval",
    "make_date",
    "to_timestamp",
    "to_date",
    "to_char",
    "lower",
    "upper",
    "md5",
    "concat",
    "coalesce",
    "nullif",
    "jsonb_build_object",
    "jsonb_build_array",
    "json_build_object",
    "json_build_array",
    "to_json",
    "to_jsonb",
    "varying",
    "character",
    "bpchar",
    "numeric",
    "bit",
    "time",
    "timestamp",
    "interval",
    "and",
    "or",
    "not",
    "in",
    "any",
    "all",
    "array",
    "row",
    "case",
    "when",
    "then",
    "else",
    "is",
    "distinct",
    "from",
    "zone",
    "second",
];

/// Whether an expression may have another value for each row. What is not known may.
pub(super) fn may_vary(expression: &str) -> bool {
    let tokens: Vec<_> = Lexer::new(expression, 0).filter(|token| token.kind != TokenKind::Blank).collect();
    tokens.windows(2).enumerate().any(|(at, pair)| {
        let qualified = at > 0 && tokens[at - 1].kind == TokenKind::Dot;
        let called = matches!(pair[0].kind, TokenKind::Word | TokenKind::QuotedName) && pair[1].kind == TokenKind::Open;
        called && (qualified || !STEADY.contains(&pair[0].text.to_lowercase().as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::may_vary;

    #[test]
    fn only_what_is_called_for_each_row_varies() {
        for (expression, varies) in [
            ("now()", false),
            ("timezone('utc'::text, now())", false),
            ("'f(x)'::character varying(9)", false),
            ("(1 + 2)", false),
            ("ARRAY[]::integer[]", false),
            ("gen_random_uuid()", true),
            ("nextval('app.s'::regclass)", true),
            ("app.now()", true),
            ("app.\"Fresh\"()", true),
        ] {
            assert_eq!(may_vary(expression), varies, "{expression}");
        }
    }
}
