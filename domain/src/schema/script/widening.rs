//! Changes of type that leave the rows as they are.

/// Whether every value of the old type is one of the new, stored alike.
pub(super) fn keeps_rows(old: &str, new: &str) -> bool {
    if old == new {
        return true;
    }
    let (old, new) = (parts(old), parts(new));
    match (old.name, new.name) {
        ("character varying" | "text", "text") => true,
        ("text", "character varying") => new.limits.is_empty(),
        ("character varying", "character varying") | ("bit varying", "bit varying") => grows(&old.limits, &new.limits),
        ("numeric", "numeric") => {
            new.limits.is_empty() || (old.limits.get(1) == new.limits.get(1) && grows(&old.limits[..old.limits.len().min(1)], &new.limits[..1]))
        }
        ("cidr", "inet") => true,
        _ => false,
    }
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
        ] {
            assert_eq!(keeps_rows(old, new), free, "{old} to {new}");
        }
    }
}
