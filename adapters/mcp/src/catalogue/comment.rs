//! Text of the schema that somebody else wrote: data for a model, so it carries nothing that could pass for anything else.

use domain::unseen::is_unseen;

const SHOWN: usize = 300;

/// A comment or an expression, on one line, without characters that hide or reorder text, cut to a bounded length.
pub(super) fn shown(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !is_invisible(*c));
    let mut words = String::new();
    let mut length = 0;
    for c in plain {
        if c == ' ' && words.ends_with(' ') {
            continue;
        }
        if length == SHOWN {
            words.push('…');
            break;
        }
        words.push(c);
        length += 1;
    }
    words.trim().to_owned()
}

/// What readers do not see, and what only varies the character before it.
const fn is_invisible(c: char) -> bool {
    is_unseen(c) || matches!(c, '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_hides_is_taken_out() {
        assert_eq!(shown(" people\n\n\tof \u{1b}[31m\u{202e}the\u{200b} house\u{e0041} "), "people of [31mthe house");
        assert_eq!(shown("Größe in m² – 身長"), "Größe in m² – 身長");
    }

    #[test]
    fn what_is_long_is_cut() {
        let cut = shown(&"é".repeat(1000));
        assert_eq!(cut.chars().count(), 301);
        assert!(cut.ends_with('…'));
    }
}
