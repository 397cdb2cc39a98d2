//! What lies where, and how files look.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What lies at the top, hidden files aside.
const TOP: [&str; 9] = ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "adapters", "app", "domain", "migrations", "ports"];
/// Besides the others at the top: this package, and what cargo makes.
const OURS: [&str; 2] = ["target", "tests"];

/// Lines of a source file whose length has a reason, at most.
const MOST_LINES: usize = 600;
/// Lines of a source file at most. One that nears it wants to be two; one that is longer stands in [`LONGER`], with why.
const MAX_LINES: usize = 400;
/// Files that may have more, up to [`MOST_LINES`], each with its reason.
const LONGER: [(&str, &str); 4] = [
    ("adapters/pgtools/tests/cases/stock.rs", "what becomes of templates and spares, each a test over one server"),
    ("app/src/serve/wiring.rs", "the composition root: every adapter is made and every use case guarded in one place"),
    ("domain/src/operation/mod.rs", "an operation, and the words for its kinds, steps and states, each enum with its names"),
    ("tests/schema_diff/cases_rare.sql", "a list of cases, each looked at by itself"),
];
/// The one file that makes a security context, without which nobody opens a branch's database, and the folders in which no other one does.
const OPENS_BRANCHES: &str = "app/usecases/src/routing.rs";
const OPENING_NONE: [&str; 5] = ["adapters/client/", "adapters/http/", "adapters/mcp/", "app/", "domain/"];
const SOURCES: [&str; 7] = ["css", "rs", "sh", "sql", "ts", "tsx", "js"];

/// Package registries: their clients know where they are. Written apart, so that this file does not break its own rule.
const REGISTRIES: [&str; 7] = [
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("npm", "js.org"),
    concat!("npm", "js.com"),
    concat!("deb.", "debian.org"),
    concat!("proxy.", "golang.org"),
];
/// Folders of somebody's machine.
const PLACES: [&str; 3] = [concat!("/wo", "rk"), concat!("/ro", "ot"), concat!("/ho", "me")];

pub(super) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every file of the project that holds text of ours, seen from the top.
pub(super) fn files() -> Vec<(String, String)> {
    let (top, mut found) = (top(), Vec::new());
    collect(&top, &top, &mut found);
    found
}

fn collect(top: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for name in names(folder) {
        let path = folder.join(&name);
        let from_top = path.strip_prefix(top).unwrap().display().to_string();
        let not_ours = matches!(name.as_str(), ".git" | "node_modules" | "dist" | "__pycache__" | ".venv" | "Cargo.lock" | "LICENSE");
        if not_ours || from_top == "target" || from_top == ".fluxbase" || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(top, &path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((from_top, text));
        }
    }
}

pub(super) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let is_source = SOURCES.iter().any(|extension| has_extension(path, extension));
    let most = LONGER.iter().find(|(longer, _)| *longer == path).map_or(MAX_LINES, |_| MOST_LINES);
    let lines = text.lines().count();
    (is_source && lines > most).then(|| format!("{path} has {lines} lines; {most} at most"))
}

fn opens_branches(path: &str, text: &str) -> bool {
    OPENING_NONE.iter().any(|folder| path.starts_with(folder)) && has_extension(path, "rs") && text.contains("SecurityContext")
}

fn named_places(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let registry = REGISTRIES.iter().find(|registry| line.contains(**registry));
        let place = PLACES.iter().find(|place| line.match_indices(**place).any(|(at, _)| stands_alone(line, at, place.len())));
        found.extend(registry.or(place).map(|named| format!("{path}:{number} names {named}")));
    }
    found
}

/// Whether a path begins here: `target` and a name behind a slash is a place in the project, and a folder named in prose is no path.
fn stands_alone(line: &str, at: usize, length: usize) -> bool {
    let before = line[..at].chars().next_back();
    let after = line[at + length..].chars().next();
    !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '>' | ')')) && matches!(after, Some('/' | '"' | '\''))
}

#[test]
fn at_the_top_lies_what_belongs_there() {
    let strangers: Vec<String> =
        names(&top()).into_iter().filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()) && !OURS.contains(&name.as_str())).collect();
    assert!(strangers.is_empty(), "not at the top: {strangers:?}");
}

#[test]
fn files_are_short_enough_to_be_read() {
    let found: Vec<String> = files().iter().filter_map(|(path, text)| too_long(path, text)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn one_file_opens_branches() {
    let files = files();
    let found: Vec<&str> = files.iter().filter(|(path, text)| opens_branches(path, text)).map(|(path, _)| path.as_str()).collect();
    assert_eq!(found, [OPENS_BRANCHES], "a branch's database is opened by the resolver alone: access is checked there");
}

#[test]
fn no_file_names_a_registry_or_a_place_of_this_machine() {
    let found: Vec<String> = files().iter().flat_map(|(path, text)| named_places(path, text)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_is_wrong_is_found() {
    assert!(files().iter().any(|(path, _)| path == "domain/src/lib.rs"), "the files were read");
    assert_eq!(too_long("a.rs", &"\n".repeat(401)).as_deref(), Some("a.rs has 401 lines; 400 at most"));
    assert_eq!(too_long("openapi.json", &"\n".repeat(401)), None);
    let (longer, _) = LONGER[0];
    assert_eq!(too_long(longer, &"\n".repeat(MOST_LINES)), None);
    assert!(too_long(longer, &"\n".repeat(MOST_LINES + 1)).is_some());
    assert!(opens_branches("adapters/mcp/src/a.rs", "use ports::driven::SecurityContext;"));
    for line in [format!("see https://{}/x", REGISTRIES[0]), format!("in {}/x", PLACES[0]), format!("\"{}\"", PLACES[1])] {
        assert_eq!(named_places("a.md", &format!("good\n{line}\n")).len(), 1, "{line}");
    }
    for line in [format!("target{}/x, not below `{}`", PLACES[0], PLACES[1]), "a network/root of things".to_owned()] {
        assert!(named_places("a.md", &line).is_empty(), "{line}");
    }
}
