//! The page of settings, `app/docs/settings.md`, holds what the binary's own schema says: every key, its default, what it is.

use serde_json::Value;
use std::{env, fmt::Write, fs, process::Command};

/// What stands above it on the page is written by hand.
const MARK: &str = "<!-- below: UPDATE_SNAPSHOTS=1 cargo test -p fluxbase --test settings_page -->\n";
/// In the order in which people come to need them.
const SECTIONS: [&str; 9] = ["server", "database", "embedded", "auth", "security", "mcp", "branching", "migrations", "log"];

#[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
fn schema() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fluxbase")).args(["config", "schema"]).current_dir(folder.path()).env_clear().output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn one_line(text: &Value) -> String {
    text.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Numbers of bytes are read more easily in units.
fn default(value: &Value) -> String {
    let in_units = |bytes: u64| {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")].into_iter();
        units
            .map(|(bits, unit)| (1_u64 << bits, unit))
            .find(|(size, _)| bytes >= 1 << 16 && bytes.is_multiple_of(*size))
            .map(|(size, unit)| (bytes / size, unit))
    };
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.contains(' ') => text.clone(),
        Value::String(text) => format!("`{text}`"),
        Value::Number(number) => match number.as_u64().and_then(in_units) {
            Some((count, unit)) => format!("`{number}` ({count} {unit})"),
            None => format!("`{number}`"),
        },
        other => format!("`{other}`"),
    }
}

/// The words that a key takes, where it takes no others.
fn words<'a>(schema: &'a Value, property: &'a Value) -> Vec<&'a str> {
    let named = property["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
    let shape = named.map_or(property, |name| &schema["$defs"][name]);
    let constants = shape["oneOf"].as_array().into_iter().flatten().map(|one| &one["const"]);
    shape["enum"].as_array().into_iter().flatten().chain(constants).filter_map(Value::as_str).collect()
}

fn tables(schema: &Value) -> String {
    let mut page = String::new();
    for section in SECTIONS {
        let of_section = &schema["properties"][section];
        let name = of_section["$ref"].as_str().unwrap().trim_start_matches("#/$defs/");
        let _ = write!(page, "\n## {section}\n\n{}\n\n| Key | Default | What |\n|---|---|---|\n", one_line(&of_section["description"]));
        for (key, property) in schema["$defs"][name]["properties"].as_object().unwrap() {
            let mut what = one_line(&property["description"]);
            let words = words(schema, property);
            if !words.is_empty() {
                let _ = write!(what, " One of `{}`.", words.join("`, `"));
            }
            if let Some(most) = property["maximum"].as_u64() {
                let _ = write!(what, " {most} at most.");
            }
            let _ = writeln!(page, "| `{section}.{key}` | {} | {what} |", default(&property["default"]));
        }
    }
    page
}

#[test]
fn the_page_of_settings_is_what_the_schema_says() {
    let schema = schema();
    let mut known: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut listed = SECTIONS.to_vec();
    known.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, known);

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
    let committed = fs::read_to_string(path).unwrap();
    let (by_hand, below) = committed.split_once(MARK).expect("the page has its mark");
    let tables = tables(&schema);
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(path, format!("{by_hand}{MARK}{tables}")).unwrap();
        return;
    }
    assert!(below == tables, "app/docs/settings.md is out of date: run this test with UPDATE_SNAPSHOTS=1, and commit what it writes");
}
