//! Places in a request, in words of the command line.

/// The flag that says what stands at this JSON pointer of a request's body.
fn flag(pointer: &str) -> String {
    let first = pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "data_clone_mode" => "--clone-data".to_owned(),
        "parent" => "--from".to_owned(),
        "seeds" => "--seed".to_owned(),
        "github" => "--pr".to_owned(),
        "scopes" => "--scope".to_owned(),
        "tables" => "--table".to_owned(),
        "allow_out_of_order" | "branch" | "dry_run" | "expires_in" | "max_age" | "protected" | "rate_limit" | "read_only" | "type" => {
            format!("--{}", first.replace('_', "-"))
        }
        other => other.replace('_', " "),
    }
}

/// What a server says of a request's places, said of flags. A file names itself.
pub(super) fn in_flags(detail: &str, pointers: impl Iterator<Item = impl AsRef<str>>) -> String {
    // The longest first: none is a part of another's place then.
    let mut pointers: Vec<_> = pointers.filter(|pointer| !pointer.as_ref().is_empty()).collect();
    pointers.sort_by_key(|pointer| std::cmp::Reverse(pointer.as_ref().len()));
    pointers.iter().map(AsRef::as_ref).fold(detail.to_owned(), |detail, pointer| {
        let said = if pointer.starts_with("/files") { String::new() } else { format!("{}: ", flag(pointer)) };
        detail.replace(&format!("{pointer}: "), &said)
    })
}

#[cfg(test)]
mod tests {
    use super::in_flags;

    #[test]
    fn places_of_a_body_are_told_as_flags() {
        let told = in_flags("/data_clone_mode: needs a member; /expires_in: is too long", ["/data_clone_mode", "/expires_in"].iter());
        assert_eq!(told, "--clone-data: needs a member; --expires-in: is too long");
        assert_eq!(in_flags("/seeds/0: unknown; /seeds/01: x", ["/seeds/0", "/seeds/01"].iter()), "--seed: unknown; --seed: x");
        assert_eq!(in_flags("/files/1: '2_b.txt' is no SQL file", ["/files/1"].iter()), "'2_b.txt' is no SQL file");
        assert_eq!(in_flags("/name: is too long", ["/name"].iter()), "name: is too long");
    }
}
