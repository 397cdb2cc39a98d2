//! Which columns look personal. A guess that errs on the side of asking: it stops a copy, and changes nothing.

use super::{
    Kind, PrivateColumn,
    vocabulary::{ABOUT, IN_CODES_TOO, IN_DATES_TOO, IN_NUMBERS_TOO, IN_TEXT},
    words::{holds, words},
};

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
    let code = text || kind.is_number() || kind == Kind::Enum;
    let number = text || kind.is_number();
    let date = number || matches!(kind, Kind::Date | Kind::Timestamp | Kind::TimestampTz);
    let about = words.len() > 1 && words.last().is_some_and(|last| ABOUT.contains(&last.as_str()));
    let lists = [(IN_TEXT, text), (IN_CODES_TOO, code), (IN_NUMBERS_TOO, number), (IN_DATES_TOO, date)];
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
    }
}
