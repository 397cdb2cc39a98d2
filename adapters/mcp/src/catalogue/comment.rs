//! Text of the schema that somebody else wrote: data for a model, so it carries nothing that could pass for anything else.

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

/// Zero-width and bidirectional marks, tags, and others that readers do not see.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
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
