//! The words that a name is made of.

/// `billingE-Mail_1` is billing, e, mail; `Straße` is strasse, `prénom` is prenom.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        if begins || !c.is_alphabetic() {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            c.to_lowercase().for_each(|c| plain(c, words.last_mut().expect("never empty")));
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A small letter without its accent.
fn plain(c: char, word: &mut String) {
    word.push_str(match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => "a",
        'ç' => "c",
        'è' | 'é' | 'ê' | 'ë' => "e",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => "o",
        'ù' | 'ú' | 'û' | 'ü' => "u",
        'ß' => "ss",
        c => return word.push(c),
    });
}

/// Whether the words of an entry stand side by side in a name, in the singular or in the plural.
pub(super) fn holds(words: &[String], entry: &str) -> bool {
    let entry: Vec<&str> = entry.split(' ').collect();
    words.windows(entry.len()).any(|some| same(some, &entry))
}

/// Whether a name ends with the words of an entry.
pub(super) fn ends_with(words: &[String], entry: &str) -> bool {
    let entry: Vec<&str> = entry.split(' ').collect();
    words.len().checked_sub(entry.len()).is_some_and(|before| same(&words[before..], &entry))
}

fn same(words: &[String], entry: &[&str]) -> bool {
    let alike = |word: &str, part: &str| word == part || word.strip_prefix(part).is_some_and(|rest| ["s", "es"].contains(&rest));
    words.iter().zip(entry).all(|(word, part)| alike(word, part))
}

#[cfg(test)]
mod tests {
    use super::{ends_with, words};

    #[test]
    fn words_are_told_apart() {
        assert_eq!(words("billingE-Mail_1"), ["billing", "e", "mail"]);
        assert_eq!(words("HomePhone2"), ["home", "phone"]);
        assert_eq!(words("EMAIL"), ["email"]);
        assert_eq!(words("Straße_prénom_Año"), ["strasse", "prenom", "ano"]);
    }

    #[test]
    fn an_end_is_the_end() {
        assert!(ends_with(&words("stripeApiKeys"), "api key") && ends_with(&words("secret"), "secret"));
        assert!(!ends_with(&words("api_key_name"), "api key") && !ends_with(&words("key"), "api key"));
    }
}
