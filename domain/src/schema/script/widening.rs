//! Changes of type that leave the rows as they are.

/// Whether every value of the old type is one of the new, stored alike.
pub(super) fn keeps_rows(old: &str, new: &str) -> bool {
    if old == new {
        return true;
    }
    let (before, after) = (limits(old), limits(new));
    match (family(old).as_str(), family(new).as_str()) {
        ("text", "character varying") => after.is_empty(),
        ("character varying", "character varying") | ("bit varying", "bit varying") => grows(&before, &after),
        ("numeric", "numeric") => after.is_empty() || (before.get(1) == after.get(1) && grows(&before[..before.len().min(1)], &after[..1])),
        (time, other) if time == other && time.starts_with("time") => after.is_empty() || grows(&before, &after),
        ("character varying" | "text", "text") | ("cidr", "inet") => true,
        _ => false,
    }
}

/// A type without its modifiers.
pub(super) fn family(type_name: &str) -> String {
    if type_name == "interval" || type_name.starts_with("interval ") || type_name.starts_with("interval(") {
        return "interval".to_owned();
    }
    let Some((name, rest)) = type_name.split_once('(') else { return type_name.to_owned() };
    format!("{name}{}", rest.split_once(')').map_or("", |(_, rest)| rest))
}

/// The numbers that limit a type: `numeric(10,2)`, `timestamp(0) without time zone`.
pub(super) fn limits(type_name: &str) -> Vec<i32> {
    let inner = type_name.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    inner.map_or_else(Vec::new, |(inner, _)| inner.split(',').filter_map(|limit| limit.trim().parse().ok()).collect())
}

fn grows(old: &[i32], new: &[i32]) -> bool {
    match (old.first(), new.first()) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(old), Some(new)) => old <= new,
    }
}

#[cfg(test)]
mod tests {
    use super::keeps_rows;

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
            ("timestamp(0) without time zone", "timestamp(3) without time zone", true),
            ("timestamp with time zone", "timestamp(3) with time zone", false),
        ] {
            assert_eq!(keeps_rows(old, new), free, "{old} to {new}");
        }
    }
}
