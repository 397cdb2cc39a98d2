//! How a value comes from one type into another: what PostgreSQL does by itself, what has to be said, and what gets lost on the way.

use super::widening::{family, limits};

const NUMBERS: [&str; 6] = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];
const TEXTS: [&str; 3] = ["text", "character varying", "character"];
const BITS: [&str; 2] = ["bit", "bit varying"];

/// Pairs that PostgreSQL casts where a value is assigned, besides those of one family, of numbers, of texts and of bits.
const ASSIGNED: [(&str, &str); 22] = [
    ("date", "timestamp without time zone"),
    ("date", "timestamp with time zone"),
    ("timestamp without time zone", "date"),
    ("timestamp without time zone", "time without time zone"),
    ("timestamp without time zone", "timestamp with time zone"),
    ("timestamp with time zone", "date"),
    ("timestamp with time zone", "time without time zone"),
    ("timestamp with time zone", "time with time zone"),
    ("timestamp with time zone", "timestamp without time zone"),
    ("time without time zone", "time with time zone"),
    ("time without time zone", "interval"),
    ("time with time zone", "time without time zone"),
    ("interval", "time without time zone"),
    ("cidr", "inet"),
    ("inet", "cidr"),
    ("json", "jsonb"),
    ("jsonb", "json"),
    ("money", "numeric"),
    ("numeric", "money"),
    ("integer", "money"),
    ("bigint", "money"),
    ("name", "text"),
];

/// Pairs, besides those of texts, numbers, times and bits, between which nothing gets lost: what does not fit is refused.
const HARMLESS: [(&str, &str); 12] = [
    ("boolean", "integer"),
    ("date", "timestamp without time zone"),
    ("date", "timestamp with time zone"),
    ("cidr", "inet"),
    ("jsonb", "json"),
    ("integer", "money"),
    ("bigint", "money"),
    ("macaddr", "macaddr8"),
    ("timestamp without time zone", "timestamp with time zone"),
    ("timestamp with time zone", "timestamp without time zone"),
    ("time without time zone", "time with time zone"),
    ("time without time zone", "interval"),
];

/// What a text becomes without losing anything, or is refused.
const READ_FROM_TEXT: [&str; 17] = [
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "boolean",
    "uuid",
    "bytea",
    "json",
    "xml",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "bit",
    "bit varying",
    "oid",
    "pg_lsn",
];

/// Whether PostgreSQL casts by itself where a value of the one is assigned to the other. It refuses a value that is too long then, which a cast that is
/// written out cuts off in silence.
pub(super) fn is_assigned(old: &str, new: &str) -> bool {
    if let (Some(old), Some(new)) = (old.strip_suffix("[]"), new.strip_suffix("[]")) {
        return is_assigned(old, new);
    }
    let (old, new) = (family(old), family(new));
    let (old, new) = (old.as_str(), new.as_str());
    let both = |list: &[&str]| list.contains(&old) && list.contains(&new);
    old == new || both(&NUMBERS) || both(&BITS) || TEXTS.contains(&new) || ASSIGNED.contains(&(old, new))
}

/// The cast that has to be written out: through text where none need be there, since every type can be written and read. Without what limits the new type:
/// values that go beyond are refused as they are assigned, where the cast would cut them.
/// `old` is none for a type that is another one under the same name.
pub(super) fn cast(old: Option<&str>, new: &str, named: &str) -> String {
    let through = if old.is_some_and(|old| is_cast(old, new)) { "" } else { "::pg_catalog.text" };
    let (item, dimensions) = new.strip_suffix("[]").map_or((new, ""), |item| (item, "[]"));
    let to = match family(item).as_str() {
        "bit" => format!("bit varying{dimensions}"),
        _ if limits(new).is_empty() && !new.starts_with("interval") => named.to_owned(),
        unlimited => format!("{unlimited}{dimensions}"),
    };
    format!("{through}::{to}")
}

/// Whether PostgreSQL itself casts one into the other where that is written out.
fn is_cast(old: &str, new: &str) -> bool {
    let truth = [("integer", "boolean"), ("boolean", "integer")];
    is_assigned(old, new) || TEXTS.contains(&family(old).as_str()) || truth.contains(&(old, new))
}

/// Whether values lose something that nobody refuses: digits, the time of day, the part of a second, what is behind the end. What is not known to lose
/// nothing is taken to.
pub(super) fn loses(old: &str, new: &str) -> bool {
    let item = |name: &str| name.trim_end_matches("[]").to_owned();
    let (old, new) = (item(old), item(new));
    if old == new {
        return false;
    }
    let (before, after) = (family(&old), family(&new));
    let (before, after) = (before.as_str(), after.as_str());
    let is_text = is_text(before);
    match after {
        _ if self::is_text(after) => false,
        "smallint" | "integer" | "bigint" if NUMBERS.contains(&before) => matches!(before, "numeric" | "real" | "double precision"),
        "real" if NUMBERS.contains(&before) => before != "smallint",
        "double precision" if NUMBERS.contains(&before) => matches!(before, "bigint" | "numeric"),
        "numeric" if is_text || before == "money" || NUMBERS.contains(&before) => match before {
            "smallint" | "integer" | "bigint" => scale(&new).is_some_and(|scale| scale < 0),
            "real" | "double precision" => true,
            _ => scale(&new).is_some_and(|after| is_text || before == "money" || scale(&old).is_none_or(|before| after < before)),
        },
        _ if before == after || HARMLESS.contains(&(before, after)) => {
            precision(&new).zip(precision(&old)).is_some_and(|(after, before)| after < before)
        }
        _ if is_text => !READ_FROM_TEXT.contains(&after),
        _ => !(BITS.contains(&before) && BITS.contains(&after)),
    }
}

/// Texts, and those of the extension that compares them otherwise.
fn is_text(family: &str) -> bool {
    TEXTS.contains(&family) || family.rsplit('.').next() == Some("citext")
}

/// Digits behind the point of a number that is limited.
fn scale(type_name: &str) -> Option<i32> {
    let limits = limits(type_name);
    limits.first().map(|_| limits.get(1).copied().unwrap_or(0))
}

/// Digits of a second that a time has; an interval of whole minutes has none, and less.
fn precision(type_name: &str) -> Option<i32> {
    const FIELDS: [(&str, i32); 6] = [("second", 6), ("minute", -1), ("hour", -2), ("day", -3), ("month", -4), ("year", -5)];
    let name = family(type_name);
    if !name.starts_with("time") && name != "interval" {
        return None;
    }
    let field = type_name.rsplit(" to ").next().unwrap_or_default();
    let coarse = FIELDS.iter().find(|(field_name, _)| name == "interval" && field.contains(field_name)).map_or(6, |(_, digits)| *digits);
    Some(limits(type_name).first().copied().unwrap_or(coarse))
}

#[cfg(test)]
mod tests {
    use super::{cast, is_assigned, loses};

    #[test]
    fn what_postgresql_assigns_needs_no_cast() {
        for (old, new, assigned) in [
            ("character varying(50)", "character varying(20)", true),
            ("text", "character(5)", true),
            ("integer", "text", true),
            ("bit varying(9)", "bit(5)", true),
            ("text[]", "character varying(5)[]", true),
            ("integer", "text[]", false),
            ("timestamp with time zone", "time(0) without time zone", true),
            ("interval", "interval second(0)", true),
            ("text", "numeric(10,0)", false),
            ("integer", "boolean", false),
            ("app.mood", "app.feeling", false),
        ] {
            assert_eq!(is_assigned(old, new), assigned, "{old} to {new}");
        }
    }

    #[test]
    fn a_cast_that_is_written_out_cuts_nothing_off() {
        for (old, new, written) in [
            ("text", "numeric(10,2)", "::numeric"),
            ("text", "bit(3)", "::bit varying"),
            ("text", "bit(3)[]", "::bit varying[]"),
            ("integer", "boolean", "::boolean"),
            ("numeric", "date", "::pg_catalog.text::date"),
            ("text", "interval second(0)", "::interval"),
            ("text", "public.vector(3)", "::public.vector"),
            ("app.mood", "app.feeling", "::pg_catalog.text::app.feeling"),
        ] {
            assert_eq!(cast(Some(old), new, new), written, "{old} to {new}");
        }
        assert_eq!(cast(None, "app.mood", "app.mood"), "::pg_catalog.text::app.mood");
        assert_eq!(cast(Some("app.mood"), "integer", "app.number"), "::pg_catalog.text::app.number");
        assert_eq!(cast(Some("numeric"), "bit varying(4)", "app.flags"), "::pg_catalog.text::bit varying");
    }

    #[test]
    fn what_gets_lost_in_silence_is_known() {
        for (old, new, lost) in [
            ("numeric(10,2)", "numeric(10,0)", true),
            ("numeric(10,2)", "numeric(8,2)", false),
            ("numeric", "numeric(10,2)", true),
            ("integer", "numeric(10,2)", false),
            ("double precision", "integer", true),
            ("bigint", "integer", false),
            ("timestamp without time zone", "timestamp(0) without time zone", true),
            ("timestamp(0) without time zone", "timestamp without time zone", false),
            ("timestamp with time zone", "date", true),
            ("timestamp with time zone", "time without time zone", true),
            ("date", "timestamp with time zone", false),
            ("interval", "interval second(0)", true),
            ("interval", "interval day to minute", true),
            ("interval", "interval day to second", false),
            ("character varying(50)", "character varying(20)", false),
            ("text", "numeric(4,1)", true),
            ("text", "integer", false),
            ("numeric(5,2)[]", "numeric(5,1)[]", true),
            ("text", "\"char\"", true),
            ("text", "name", true),
            ("name", "text", false),
            ("integer", "\"char\"", true),
            ("integer", "boolean", true),
            ("boolean", "integer", false),
            ("double precision", "money", true),
            ("bigint", "money", false),
            ("json", "jsonb", true),
            ("jsonb", "json", false),
            ("text", "uuid", false),
            ("text", "jsonb", true),
            ("text", "timestamp with time zone", true),
            ("inet", "cidr", true),
            ("bit(4)", "bit varying(2)", false),
            ("time without time zone", "time(0) with time zone", true),
            ("public.citext", "text", false),
            ("text", "public.citext", false),
            ("public.vector(3)", "public.halfvec(3)", true),
        ] {
            assert_eq!(loses(old, new), lost, "{old} to {new}");
        }
    }
}
