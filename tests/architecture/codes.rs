//! The client knows the codes that a server refuses with: one that it does not know is told to scripts as `refused`.

use super::tree::files;
use std::collections::BTreeSet;

/// Where refusals of what the client asks for are made. Those of rows are left out: it asks for none.
const REFUSING: [&str; 6] =
    ["app/usecases/src/", "domain/src/", "ports/src/", "adapters/auth/src/", "adapters/pgtools/src/", "adapters/postgres/src/"];
const OF_ROWS: &str = "adapters/postgres/src/data/";
/// What stands before a code.
const BEFORE: [&str; 3] = ["code:", "bad_request(", "refused("];
const CLIENT: &str = "adapters/client/src/failure.rs";

/// The codes of a source, without those that its tests make up.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    let source = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    BEFORE.into_iter().flat_map(move |before| {
        source.split(before).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next()).filter(|code| is_code(code))
    })
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// The list that stands in the client.
fn known(client: &str) -> BTreeSet<&str> {
    let list = client.split("const CODES").nth(1).and_then(|rest| rest.split("];").next()).expect("the client has its list");
    list.split('"').skip(1).step_by(2).collect()
}

#[test]
fn the_client_knows_every_code() {
    let files = files();
    let (_, client) = files.iter().find(|(path, _)| path == CLIENT).unwrap();
    let refusing = |path: &str| REFUSING.iter().any(|folder| path.starts_with(folder)) && !path.starts_with(OF_ROWS);
    let made: BTreeSet<&str> = files.iter().filter(|(path, _)| refusing(path)).flat_map(|(_, text)| codes(text)).collect();
    assert!(made.len() > 40, "the codes were read: {made:?}");
    let unknown: Vec<_> = made.difference(&known(client)).copied().collect();
    assert!(unknown.is_empty(), "{CLIENT} does not know {unknown:?}");
}

#[test]
fn a_code_is_found_however_it_is_written() {
    let source =
        "Conflict { code: \"a_b\", reason }; bad_request(\"c\", x); refused(\n    \"d\", y); code: code\n#[cfg(test)]\nmod tests { code: \"e\" }";
    assert_eq!(codes(source).collect::<Vec<_>>(), ["a_b", "c", "d"]);
}
