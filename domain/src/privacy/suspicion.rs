//! Which columns look personal. A guess that errs on the side of asking: it stops a copy, and changes nothing.

use super::{
    Kind, PrivateColumn,
    vocabulary::{ABOUT, IN_CODES_TOO, IN_DATES_TOO, IN_DOCUMENTS, IN_NUMBERS_TOO, IN_PLACES, IN_TEXT},
    words::{holds, words},
};

/// Why a column looks personal, where it does.
pub(super) fn suspicion(column: &PrivateColumn) -> Option<String> {
    match column.kind {
        Kind::Inet | Kind::Mac => return Some(format!("its type is {}", column.declared)),
        Kind::Boolean | Kind::LargeObject => return None,
        // By a trigger, or by hand.
        Kind::Other | Kind::Array if is_of(column, &["tsvector"]) && column.generated_from.is_none() => {
            return Some("it is a tsvector: it holds the words of other columns".to_owned());
        }
        _ => {}
    }
    let names = [("name", words(&column.name)), ("type", words(&column.declared))];
    let by_name = names.into_iter().find_map(|(what, words)| {
        let word = personal(&words, column.kind)?;
        Some(format!("its {what} says '{word}'"))
    });
    by_name.or_else(|| copied(column)).or_else(|| {
        let (attribute, word) = column.attributes.iter().find_map(|name| Some((name, personal(&words(name), Kind::Text)?)))?;
        Some(format!("the attribute '{attribute}' of its type says '{word}'"))
    })
}

/// A document that holds rows of others, or what was sent.
fn copied(column: &PrivateColumn) -> Option<String> {
    let is_document =
        column.kind == Kind::Json || (matches!(column.kind, Kind::Other | Kind::Array) && is_of(column, &["json", "jsonb", "hstore", "xml"]));
    let words = words(&column.name);
    let whole = |entry: &&&str| words.len() == entry.split(' ').count() && holds(&words, entry);
    let entry = IN_DOCUMENTS.iter().filter(|_| is_document).find(whole)?;
    Some(format!("its name says '{entry}': a document with whatever rows or people's programs put there"))
}

/// Whether its values are of one of these types, or made of some that are, whatever a domain calls them.
fn is_of(column: &PrivateColumn, types: &[&str]) -> bool {
    column.made_of.iter().any(|name| types.contains(&name.as_str()))
}

fn personal(words: &[String], kind: Kind) -> Option<&'static str> {
    let text = kind.is_text() || matches!(kind, Kind::Json | Kind::Array | Kind::Bytes | Kind::Other);
    let code = text || kind.is_number() || kind == Kind::Enum;
    let number = text || kind.is_number();
    let date = number || matches!(kind, Kind::Date | Kind::Timestamp | Kind::TimestampTz);
    let about = words.len() > 1 && words.last().is_some_and(|last| ABOUT.contains(&last.as_str())) && !(kind.is_text() && is_address(words));
    let place = matches!(kind, Kind::Json | Kind::Array | Kind::Other);
    let lists = [(IN_TEXT, text), (IN_CODES_TOO, code), (IN_NUMBERS_TOO, number), (IN_DATES_TOO, date), (IN_PLACES, place)];
    let entries = lists.into_iter().filter(|(_, asked)| *asked).flat_map(|(list, _)| list.iter().copied());
    // What is looked for may end in such a word itself: `national id`.
    entries.into_iter().find(|entry| holds(words, entry) && (!about || ABOUT.iter().any(|about| entry.ends_with(&format!(" {about}")))))
}

/// `email_id` is the number of a row where it is a number, and the address itself where it is a text.
fn is_address(words: &[String]) -> bool {
    matches!(words, [.., mail, id] if id == "id" && ["email", "mail"].contains(&mail.as_str()))
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
        let names = "email E_Mail contactEmail emails emailaddress phone_number phoneNumber billing_addresses last_name lastName firstname first_name LName
            surname full_name fullName username user_name mobile mobile_number tel home_address street street_name zip zipCode postcode postal_code ssn
            passport passportNumber iban tax_id taxId national_id ip ip_address ipAddress client_ip gender sex nationality password_hash driver_license
            date_of_birth dateofbirth birthplace dob next_of_kin cardholder_name bank_account emergencyContact geolocation
            Vorname nachname strasse Straße hausnummer plz Postleitzahl wohnort telefonnummer handy geburtsdatum geschlecht staatsangehörigkeit
            steuer_id kontonummer personalausweis gehalt
            prénom nom_de_famille nomComplet adresse rue code_postal téléphone courriel date_de_naissance nationalité numero_securite_sociale
            nombre_completo apellidos correo_electronico teléfono móvil dirección calle codigoPostal fecha_nacimiento género nacionalidad pasaporte sueldo";
        for name in names.split_whitespace() {
            assert!(looks(name, Kind::Text), "{name}");
        }
        assert!(looks("date_of_birth", Kind::Date) && looks("ssn", Kind::Integer) && looks("national_id", Kind::Big) && looks("tax_id", Kind::Text));
        assert!(looks("seen_from", Kind::Inet) && looks("emails", Kind::Array) && looks("birth_year", Kind::Small));
        for name in "email_id EmailID mail_id contact_number father_name aadhaar contact_no phoneno emailid owner_name pan_number account_no card_no name_first".split(' ') {
            assert!(looks(name, Kind::Text), "{name}");
        }
        for name in ["location", "geom", "coordinates"] {
            assert!(looks(name, Kind::Other) && !looks(name, Kind::Integer), "{name}");
        }
        assert!(looks("gender", Kind::Enum) && looks("sex", Kind::Small) && looks("lat", Kind::Double) && looks("home_longitude", Kind::Decimal));
    }

    #[test]
    fn what_is_about_something_else_is_not() {
        let names = "name title description mailing shipping zipped recipe email_template email_subject address_id email_verified phone_type file_name fileName
            hostname host_name table_name column_name product_name display_order company_name branch_name event_name nickel tell telemetry ratio platform
            flat latency lonely longest sexton rules ruleset zippy street_id agenda calleable model phone_regex password_policy class_name";
        for name in names.split_whitespace() {
            assert!(!looks(name, Kind::Text), "{name}");
        }
        assert!(!looks("email_verified", Kind::Boolean) && !looks("email_confirmed_at", Kind::TimestampTz) && !looks("address_id", Kind::Integer));
        assert!(!looks("email_count", Kind::Integer) && !looks("created_at", Kind::Timestamp));
        assert!(!looks("email_id", Kind::Integer) && !looks("email_id", Kind::Uuid) && !looks("location", Kind::Text));
    }

    #[test]
    fn what_holds_copies_of_others_is_asked_about() {
        for name in ["object", "objectChanges", "row_data", "payload", "raw_user_meta_data", "profile"] {
            assert!(looks(name, Kind::Json), "{name}");
            assert!(!looks(name, Kind::Text), "{name}");
        }
        for name in ["settings", "options", "metadata", "object_type", "payload_version", "attributes"] {
            assert!(!looks(name, Kind::Json), "{name}");
        }
        let of_type = |name: &str, declared: &str| {
            let made_of = vec![declared.to_owned()];
            PrivateColumn { declared: "of_somebodys_domain".to_owned(), made_of, ..PrivateColumn::plain(name, Kind::Other) }
        };
        assert!(suspicion(&of_type("row_data", "hstore")).is_some() && suspicion(&of_type("body", "xml")).is_some());
        assert!(suspicion(&of_type("body", "point")).is_none());
        assert!(suspicion(&of_type("search", "tsvector")).is_some());
        let computed = PrivateColumn { generated_from: Some(vec!["title".to_owned()]), ..of_type("search", "tsvector") };
        assert!(suspicion(&computed).is_none());
        let listed = PrivateColumn { kind: Kind::Array, ..of_type("requests", "jsonb") };
        assert!(suspicion(&PrivateColumn { name: "request".to_owned(), ..listed }).is_some());
        let reach = PrivateColumn { attributes: vec!["kind".to_owned(), "phone".to_owned()], ..of_type("reach", "contact") };
        assert_eq!(suspicion(&reach).unwrap(), "the attribute 'phone' of its type says 'phone'");
    }
}
