//! Values of settings, as `SET` wants them.

use crate::quoting::literal;

/// A setting that is a list of quoted names is stored as such, and each of them is a value by itself.
pub(crate) fn setting_value(name: &str, value: &str) -> String {
    const LISTS: [&str; 5] = ["search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries", "shared_preload_libraries"];
    if !LISTS.contains(&name) || value.is_empty() {
        return literal(value);
    }
    let mut elements = vec![String::new()];
    let mut quoted = false;
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        let current = elements.last_mut().expect("never empty");
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                current.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => elements.push(String::new()),
            c if c.is_whitespace() && !quoted => {}
            c => current.push(c),
        }
    }
    elements.iter().map(|element| literal(element)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::setting_value;

    #[test]
    fn lists_of_names_stay_lists() {
        assert_eq!(setting_value("search_path", r#""$user", public, "a, ""b""""#), r#"'$user', 'public', 'a, "b"'"#);
        assert_eq!(setting_value("search_path", r#""""#), "''");
        assert_eq!(setting_value("TimeZone", "Europe/Berlin"), "'Europe/Berlin'");
        assert_eq!(setting_value("my.text", "a, b"), "'a, b'");
    }
}
