//! Which columns look personal. A guess that errs on the side of asking: it stops a copy, and changes nothing.

use super::{
    Kind, PrivateColumn,
    words::{holds, words},
};

/// Words, or neighbours in a name, that speak of a person in a text.
const IN_TEXT: &[&str] = &[
    "email",
    "e mail",
    "mail",
    "mailbox",
    "courriel",
    "correo",
    "firstname",
    "first name",
    "lastname",
    "last name",
    "middlename",
    "middle name",
    "surname",
    "forename",
    "fullname",
    "full name",
    "givenname",
    "given name",
    "familyname",
    "family name",
    "maiden name",
    "nickname",
    "username",
    "user name",
    "customer name",
    "contact name",
    "person name",
    "display name",
    "vorname",
    "nachname",
    "familienname",
    "prenom",
    "prénom",
    "apellido",
    "apellidos",
    "cognome",
    "sobrenome",
    "voornaam",
    "achternaam",
    "address",
    "addr",
    "street",
    "postcode",
    "postal code",
    "zip",
    "zipcode",
    "zip code",
    "anschrift",
    "adresse",
    "strasse",
    "straße",
    "plz",
    "direccion",
    "dirección",
    "indirizzo",
    "endereco",
    "endereço",
    "password",
    "passwd",
    "ip",
    "useragent",
    "user agent",
    "gender",
    "religion",
    "ethnicity",
    "nationality",
    "diagnosis",
    "signature",
];

/// The same for texts and numbers alike.
const IN_NUMBERS_TOO: &[&str] = &[
    "phone",
    "telephone",
    "mobile",
    "cellphone",
    "fax",
    "msisdn",
    "telefon",
    "telefono",
    "teléfono",
    "telefoonnummer",
    "handy",
    "ssn",
    "social security",
    "national id",
    "nationalid",
    "tax id",
    "taxid",
    "vat id",
    "passport",
    "license number",
    "licence number",
    "iban",
    "account number",
    "card number",
    "cardnumber",
    "credit card",
    "creditcard",
    "cvv",
    "cvc",
    "steuernummer",
    "sozialversicherungsnummer",
    "ausweis",
    "dni",
    "nif",
    "curp",
    "cpf",
    "bsn",
    "codice fiscale",
    "personnummer",
    "pesel",
    "salary",
    "income",
];

/// The same for texts, numbers and days alike.
const IN_DATES_TOO: &[&str] = &[
    "birth",
    "birthday",
    "birthdate",
    "birthyear",
    "dob",
    "born",
    "geburtsdatum",
    "geburtstag",
    "geburt",
    "naissance",
    "nacimiento",
    "nascita",
    "nascimento",
    "geboortedatum",
    "fødselsdato",
];

/// Words after which a name speaks of something about the value, not of the value: `email_template`, `phone_verified_at`.
const ABOUT: &[&str] = &["id", "count", "verified", "confirmed", "type", "kind", "status", "enabled", "template", "format", "at"];

/// Why a column looks personal, where it does.
pub(super) fn suspicion(column: &PrivateColumn) -> Option<String> {
    match column.kind {
        Kind::Inet | Kind::Mac => return Some(format!("its type is {}", column.declared)),
        Kind::Boolean | Kind::LargeObject => return None,
        _ => {}
    }
    let names = [("name", words(&column.name)), ("type", words(&column.declared))];
    names.into_iter().find_map(|(what, words)| {
        let word = personal(&words, column.kind)?;
        Some(format!("its {what} says '{word}'"))
    })
}

fn personal(words: &[String], kind: Kind) -> Option<&'static str> {
    let text = kind.is_text() || matches!(kind, Kind::Json | Kind::Array | Kind::Bytes | Kind::Other);
    let number = text || kind.is_number();
    let date = number || matches!(kind, Kind::Date | Kind::Timestamp | Kind::TimestampTz);
    let about = words.len() > 1 && words.last().is_some_and(|last| ABOUT.contains(&last.as_str()));
    let lists = [(IN_TEXT, text), (IN_NUMBERS_TOO, number), (IN_DATES_TOO, date)];
    let entries = lists.into_iter().filter(|(_, asked)| *asked).flat_map(|(list, _)| list.iter().copied());
    // What is looked for may end in such a word itself: `national id`.
    entries.into_iter().find(|entry| holds(words, entry) && (!about || ABOUT.iter().any(|about| entry.ends_with(&format!(" {about}")))))
}

#[cfg(test)]
mod tests {
    use super::suspicion;
    use crate::privacy::{Kind, PrivateColumn};

    fn looks(name: &str, kind: Kind) -> bool {
        suspicion(&PrivateColumn::plain(name, kind)).is_some()
    }

    #[test]
    fn what_looks_personal_is_asked_about() {
        for name in
            ["email", "E_Mail", "contactEmail", "emails", "phone_number", "billing_addresses", "last_name", "ip_address", "iban", "password_hash"]
        {
            assert!(looks(name, Kind::Text), "{name}");
        }
        assert!(looks("date_of_birth", Kind::Date) && looks("ssn", Kind::Integer) && looks("national_id", Kind::Big) && looks("tax_id", Kind::Text));
        assert!(looks("seen_from", Kind::Inet) && looks("emails", Kind::Array) && looks("birth_year", Kind::Small));
    }

    #[test]
    fn what_is_about_something_else_is_not() {
        for name in [
            "name",
            "title",
            "description",
            "mailing",
            "shipping",
            "zipped",
            "recipe",
            "email_template",
            "address_id",
            "email_verified",
            "phone_type",
        ] {
            assert!(!looks(name, Kind::Text), "{name}");
        }
        assert!(!looks("email_verified", Kind::Boolean) && !looks("email_confirmed_at", Kind::TimestampTz) && !looks("address_id", Kind::Integer));
        assert!(!looks("email_count", Kind::Integer) && !looks("created_at", Kind::Timestamp));
    }
}
