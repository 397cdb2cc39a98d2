//! Changes of type that leave the rows as they are.

/// Whether every value of the old type is one of the new, stored alike.
pub(super) fn keeps_rows(old: &str, new: &str) -> bool {
    if old == new {
        return true;
    }
    let (old, new) = (parts(old), parts(new));
    match (old.name, new.name) {
        ("text", "character varying") => new.limits.is_empty(),
        ("character varying", "character varying") | ("bit varying", "bit varying") => grows(&old.limits, &new.limits),
        ("numeric", "numeric") => {
            new.limits.is_empty() || (old.limits.get(1) == new.limits.get(1) && grows(&old.limits[..old.limits.len().min(1)], &new.limits[..1]))
        }
        ("character varying" | "text", "text") | ("cidr", "inet") => true,
        _ => false,
    }
}

/// Whether PostgreSQL itself casts one into the other.
pub(super) fn casts(old: &str, new: &str) -> bool {
    const NUMBERS: [&str; 6] = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];
    const TIMES: [&str; 3] = ["date", "timestamp without time zone", "timestamp with time zone"];
    const TEXTS: [&str; 3] = ["text", "character varying", "character"];
    let (old, new) = (family(old), family(new));
    let both = |list: &[&str]| list.contains(&old.as_str()) && list.contains(&new.as_str());
    let truth = both(&["integer", "boolean"]);
    old == new || both(&NUMBERS) || both(&TIMES) || truth || [&old, &new].iter().any(|family| TEXTS.contains(&family.as_str()))
}

/// A type without its modifiers.
pub(super) fn family(type_name: &str) -> String {
    let Some((name, rest)) = type_name.split_once('(') else { return type_name.to_owned() };
    format!("{name}{}", rest.split_once(')').map_or("", |(_, rest)| rest))
}

fn grows(old: &[u32], new: &[u32]) -> bool {
    match (old.first(), new.first()) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(old), Some(new)) => old <= new,
    }
}

struct Parts<'a> {
    name: &'a str,
    limits: Vec<u32>,
}

fn parts(type_name: &str) -> Parts<'_> {
    let Some((name, rest)) = type_name.split_once('(') else { return Parts { name: type_name, limits: Vec::new() } };
    let Some(inner) = rest.strip_suffix(')') else { return Parts { name: type_name, limits: Vec::new() } };
    Parts { name: name.trim(), limits: inner.split(',').filter_map(|limit| limit.trim().parse().ok()).collect() }
}

#[cfg(test)]
mod tests {
    use super::{casts, keeps_rows};

    #[test]
    fn wider_is_free_and_narrower_is_not() {
        for (old, new, free) in [
            ("character varying(10)", "character varying(20)", true),
            ("character varying(10)", "character varying(5)", false),
            ("character varying(10)", "text", true),
            ("text", "character varying(10)", false),
            ("numeric(5,2)", "numeric(9,2)", true),
            ("numeric(5,2)", "numeric(9,3)", false),
            ("numeric", "numeric(9,3)", false),
            ("numeric(9,3)", "numeric", true),
            ("integer", "bigint", false),
        ] {
            assert_eq!(keeps_rows(old, new), free, "{old} to {new}");
        }
    }

    #[test]
    fn what_has_no_cast_goes_through_text() {
        for (old, new, direct) in [
            ("integer", "numeric(8,2)", true),
            ("timestamp(3) without time zone", "date", true),
            ("integer", "text[]", false),
            ("numeric", "date", false),
            ("app.mood", "app.feeling", false),
            ("app.mood", "character varying(9)", true),
        ] {
            assert_eq!(casts(old, new), direct, "{old} to {new}");
        }
    }
}
