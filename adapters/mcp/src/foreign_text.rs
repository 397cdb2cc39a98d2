//! Text that somebody else wrote: data for a model, so it carries nothing that could pass for anything else.
//!
//! What is only read (a comment) loses what readers do not see. What names something, or says why something failed, keeps a trace of it: without one, a
//! name would pass for another. What is run (a script) is never changed: where readers do not see all of it is told beside it, and [`spelled_out`] makes
//! it seen on the wire.

use domain::unseen::is_unseen;
use std::fmt::Write as _;

/// Characters of a comment that are shown.
const COMMENT: usize = 300;
/// Characters of a name that are shown: one part has 63 bytes, but a function has its arguments, and a sentence has several names.
const NAME: usize = 1000;
/// Characters of a message or a statement that are shown.
const MESSAGE: usize = 2000;
/// Places of a script that are told.
const PLACES: usize = 10;

/// A comment or an expression, on one line, without characters that hide or reorder text, cut to a bounded length.
pub(crate) fn comment(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !is_invisible(*c));
    let mut words = String::new();
    let mut length = 0;
    for c in plain {
        if c == ' ' && words.ends_with(' ') {
            continue;
        }
        if length == COMMENT {
            words.push('…');
            break;
        }
        words.push(c);
        length += 1;
    }
    words.trim().to_owned()
}

/// A name, or a sentence with names in it. What hides or reorders text stands there by its code point.
pub(crate) fn name(text: &str) -> String {
    by_code_point(text, NAME, is_invisible)
}

/// A message or a statement, line by line. What hides or reorders text stands there by its code point.
pub(crate) fn message(text: &str) -> String {
    by_code_point(text, MESSAGE, hides_in_lines)
}

fn by_code_point(text: &str, most: usize, hides: impl Fn(char) -> bool) -> String {
    let mut told = String::with_capacity(text.len().min(most));
    for (place, c) in text.chars().enumerate() {
        if place == most {
            told.push('…');
            break;
        }
        if hides(c) { write!(told, "<U+{:04X}>", u32::from(c)).expect("a string takes everything") } else { told.push(c) }
    }
    told
}

/// Where a text of several lines has what readers do not see: `line 3: U+202E`, the first of each line. A bounded number of them.
pub(crate) fn unseen_places(text: &str) -> Vec<String> {
    let hidden = |line: &str| line.chars().find(|c| hides_in_lines(*c));
    let places = text.lines().zip(1_usize..).filter_map(|(line, number)| Some(format!("line {number}: U+{:04X}", u32::from(hidden(line)?))));
    places.take(PLACES).collect()
}

/// JSON in which everything that readers do not see is escaped: it says the same to whoever parses it, and is seen by whoever does not.
pub(crate) fn spelled_out(json: String) -> String {
    // What comes before is escaped already, or stands between the values.
    let hides = |c: char| c >= '\u{7f}' && is_invisible(c);
    if !json.contains(hides) {
        return json;
    }
    let mut seen = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if hides(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(seen, "\\u{unit:04x}").expect("a string takes everything");
            }
        } else {
            seen.push(c);
        }
    }
    seen
}

/// What readers do not see, but for the ends of lines and what stands them apart.
const fn hides_in_lines(c: char) -> bool {
    is_invisible(c) && !matches!(c, '\n' | '\r' | '\t')
}

/// What readers do not see, and what only varies the character before it.
const fn is_invisible(c: char) -> bool {
    is_unseen(c) || matches!(c, '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::{PLACES, comment, message, name, spelled_out, unseen_places};
    use serde_json::{Value, json};

    #[test]
    fn what_hides_is_taken_out_of_comments() {
        assert_eq!(comment(" people\n\n\tof \u{1b}[31m\u{202e}the\u{200b} house\u{e0041} "), "people of [31mthe house");
        assert_eq!(comment("Größe in m² – 身長"), "Größe in m² – 身長");
    }

    #[test]
    fn a_name_that_hides_something_passes_for_no_other() {
        assert_eq!(name("public.ta\u{202e}sks\n"), "public.ta<U+202E>sks<U+000A>");
        assert_eq!(name("public.\"Größe  身長\""), "public.\"Größe  身長\"");
        assert_eq!(message("select 1;\n\tselect\u{e0041} 2"), "select 1;\n\tselect<U+E0041> 2");
    }

    #[test]
    fn what_is_long_is_cut() {
        for (cut, length) in [(comment(&"é".repeat(3000)), 301), (name(&"é".repeat(3000)), 1001), (message(&"é".repeat(3000)), 2001)] {
            assert_eq!(cut.chars().count(), length);
            assert!(cut.ends_with('…'));
        }
    }

    #[test]
    fn a_script_is_told_where_it_hides_something() {
        assert_eq!(unseen_places("select 1;\r\n\tselect '\u{202e}x\u{200b}';\nselect '\u{feff}'"), ["line 2: U+202E", "line 3: U+FEFF"]);
        assert_eq!(unseen_places(&"\u{200b}\n".repeat(100)).len(), PLACES);
    }

    #[test]
    fn json_that_is_spelled_out_says_the_same() {
        for text in ["a\u{202e}b", "\u{e0041}\u{7f}\u{85}é\"\\\n", "plain", "\u{2028}🐛\u{fe0f}"] {
            let value = json!({"a": [text], text: 1});
            let spelled = spelled_out(format!("{value:#}"));
            assert_eq!(serde_json::from_str::<Value>(&spelled).unwrap(), value);
            assert!(!spelled.chars().any(|c| c != '\n' && super::is_invisible(c)), "{spelled}");
        }
    }
}
