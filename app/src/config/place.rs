//! Where a value stands, for who has to put it right: the line of the file, or the name of the variable.

use super::load::{ENVIRONMENT, source_name};
use figment::{Metadata, Source};

/// The place of a key's value.
pub(super) fn of(metadata: &Metadata, key: &str) -> String {
    let whole = source_name(metadata);
    if let Some(Source::File(path)) = &metadata.source {
        let line = std::fs::read_to_string(path).ok().and_then(|text| line_of(&text, key));
        return line.map_or_else(|| whole.clone(), |line| format!("{whole}:{line}"));
    }
    match metadata.name.as_ref() {
        // The one variable that has no section in its name.
        ENVIRONMENT => "environment variable FLUXBASE_DATA_DIR".to_owned(),
        name if name.contains(ENVIRONMENT) => {
            let parts: Vec<_> = key.split('.').take(2).map(str::to_ascii_uppercase).collect();
            format!("environment variable FLUXBASE_{}", parts.join("__"))
        }
        _ => whole,
    }
}

/// The line, counted from 1, that a section's key begins; the section's own where the key has none to itself. Settings lie one level deep.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut parts = key.split('.');
    let (section, field) = (parts.next()?, parts.next());
    let begins = |line: &str, key: &str| {
        let key_of_line = line.split_once(':').map(|(before, _)| before.trim().trim_matches(['"', '\'']));
        key_of_line == Some(key)
    };
    let counted = || text.lines().zip(1..);
    let (_, of_section) = counted().find(|(line, _)| !line.starts_with(char::is_whitespace) && begins(line, section))?;
    let Some(field) = field else { return Some(of_section) };
    let below = counted().skip(of_section).take_while(|(line, _)| line.trim().is_empty() || line.starts_with([' ', '\t', '#']));
    Some(below.into_iter().find(|(line, _)| begins(line, field)).map_or(of_section, |(_, number)| number))
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn a_key_is_found_in_its_section_only() {
        let text = "# workers: 1\nmcp:\n  enabled: true\n\"branching\":\n\n# so many\n  'workers': 3\n  spares: 1\nlog: {level: info}\n";
        for (key, line) in [
            ("branching.workers", Some(7)),
            ("branching.spares", Some(8)),
            ("branching", Some(4)),
            ("branching.enabled", Some(4)),
            ("log.level", Some(9)),
            ("auth.jwt_secret", None),
        ] {
            assert_eq!(line_of(text, key), line, "{key}");
        }
    }
}
