//! Characters that people do not see, or that change how what stands beside them is seen: a name with one of them passes for another.

use std::fmt;

/// A character that has no place in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unseen {
    character: char,
    /// Counted from 1, as people do.
    place: usize,
}

impl Unseen {
    /// The first one of a text.
    pub fn first_of(text: &str) -> Option<Self> {
        text.chars().zip(1..).find(|(character, _)| is_unseen(*character)).map(|(character, place)| Self { character, place })
    }
}

/// By its code point: the character itself would not be seen here either, or would turn the message round.
impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { character, place } = *self;
        let what = match character {
            c if c.is_control() => "a control character",
            '\u{2028}' | '\u{2029}' => "a line or paragraph separator",
            '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "which turns the direction of text",
            _ => "which nobody sees",
        };
        write!(f, "U+{:04X} ({what}) at character {place}", u32::from(character))
    }
}

/// Whether it is a control character, a format character or a separator of lines (general categories Cc, Cf, Zl and Zp of Unicode 17.0,
/// `extracted/DerivedGeneralCategory.txt`), or one of the letters that are blank (`Default_Ignorable_Code_Point` of `DerivedCoreProperties.txt`).
pub const fn is_unseen(character: char) -> bool {
    matches!(character,
        // Cc.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Cf.
        | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}'
        // Zl, Zp.
        | '\u{2028}'..='\u{2029}'
        // Blank letters, and a code point that is reserved among the format characters.
        | '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{2065}' | '\u{3164}' | '\u{ffa0}')
}

#[cfg(test)]
mod tests {
    use super::Unseen;

    #[test]
    fn what_nobody_sees_is_told_by_its_code_point() {
        for (text, told) in [
            ("a\u{7}b", "U+0007 (a control character) at character 2"),
            ("\u{202e}niam", "U+202E (which turns the direction of text) at character 1"),
            ("é\u{200b}", "U+200B (which nobody sees) at character 2"),
            ("\u{feff}x", "U+FEFF (which nobody sees) at character 1"),
            ("a\u{2028}b", "U+2028 (a line or paragraph separator) at character 2"),
            ("a\u{e0041}", "U+E0041 (which nobody sees) at character 2"),
        ] {
            assert_eq!(Unseen::first_of(text).unwrap().to_string(), told);
        }
    }

    #[test]
    fn what_people_write_is_seen() {
        for text in ["feature/a b", "Größe", "身長", "שלום", "हिन्दी", "fix 🐛 #1", "e\u{301}", "\u{a0}"] {
            assert_eq!(Unseen::first_of(text), None, "{text}");
        }
    }
}
