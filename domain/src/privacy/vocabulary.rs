//! Words that speak of a person in the name of a column, or in that of its type. Accents are left out, as they are when names are taken apart; words side by
//! side stand with a space between them, and glued ones beside them where people glue them.

/// In texts, and in what may hold texts.
#[rustfmt::skip]
pub(super) const IN_TEXT: &[&str] = &[
    // Addresses of mail.
    "email", "emailid", "emailaddress", "e mail", "mail", "mailbox", "courriel", "correo", "posta elettronica",
    // Names.
    "firstname", "first name", "fname", "lastname", "last name", "lname", "middlename", "middle name", "surname", "forename", "fullname", "full name",
    "givenname", "given name", "familyname", "family name", "birth name", "maiden name", "maiden", "nickname", "nick name", "username", "user name",
    "display name", "legal name", "customer name", "contact name", "person name", "employee name", "client name", "patient name", "student name",
    "guest name", "member name", "owner name", "father name", "mother name", "guardian name", "husband name", "wife name", "name first", "name last", "name middle",
    "author name", "sender name", "recipient name", "passenger name", "cardholder", "cardholder name", "card holder",
    "account holder", "next of kin", "emergency contact", "spouse",
    "vorname", "nachname", "familienname", "geburtsname", "benutzername", "kundenname", "ansprechpartner",
    "prenom", "nom de famille", "nom complet", "nom utilisateur", "nom d utilisateur",
    "nombre completo", "nombre de usuario", "apellido", "apellidos", "cognome", "sobrenome", "voornaam", "achternaam",
    // Where people live.
    "address", "addr", "homeaddress", "postaladdress", "streetaddress", "street", "house number", "postcode", "post code", "postal code", "postalcode",
    "zip", "zipcode", "zip code",
    "anschrift", "adresse", "strasse", "hausnummer", "plz", "postleitzahl", "wohnort",
    "rue", "code postal", "direccion", "domicilio", "calle", "codigo postal", "indirizzo", "endereco",
    // What their devices tell.
    "ip", "ipaddress", "ipaddr", "ip address", "useragent", "user agent", "geolocation",
    // The rest.
    "password", "passwd", "signature", "unterschrift", "diagnosis", "diagnose", "krankenkasse", "biometric", "bankverbindung",
];

/// In enums and numbers, too.
#[rustfmt::skip]
pub(super) const IN_CODES_TOO: &[&str] = &[
    "gender", "sex", "religion", "ethnicity", "nationality", "citizenship", "marital status", "disability", "sexual orientation", "blood type",
    "geschlecht", "konfession", "familienstand", "staatsangehorigkeit", "staatsangehoerigkeit", "nationalitat", "nationalitaet", "blutgruppe",
    "sexe", "nationalite", "etat civil", "sexo", "genero", "nacionalidad", "estado civil",
];

/// In numbers, too.
#[rustfmt::skip]
pub(super) const IN_NUMBERS_TOO: &[&str] = &[
    // Telephones.
    "phone", "phonenumber", "phoneno", "contact number", "contact no", "mobileno", "telephone", "tel", "mobile", "mobilenumber", "cellphone", "cell phone", "fax", "msisdn", "whatsapp",
    "telefon", "telefonnummer", "rufnummer", "mobilnummer", "mobiltelefon", "handy", "handynummer",
    "telefono", "movil", "celular", "telefone", "cellulare", "telefoonnummer",
    // Numbers that somebody has for life.
    "ssn", "social security", "aadhaar", "aadhar", "pan number", "national id", "nationalid", "national insurance", "national number", "identity card", "id card", "tax id", "taxid", "tax number",
    "taxpayer", "vat id", "passport", "passportnumber", "license number", "licence number", "driver license", "driver licence", "drivers license",
    "license plate", "licence plate", "number plate", "insurance number", "medical record",
    "steuernummer", "steuer id", "steuerid", "sozialversicherungsnummer", "versichertennummer", "ausweis", "ausweisnummer", "personalausweis", "reisepass",
    "kennzeichen", "securite sociale", "passeport", "carte d identite", "carte identite", "pasaporte", "seguridad social",
    "dni", "nie", "nif", "curp", "cpf", "bsn", "codice fiscale", "personnummer", "pesel",
    // Accounts and pay.
    "iban", "account number", "accountnumber", "account no", "card no", "bank account", "routing number", "sort code", "card number", "cardnumber", "credit card", "creditcard", "cvv",
    "cvc", "kontonummer", "kreditkarte", "numero de compte", "numero de cuenta", "tarjeta de credito",
    "salary", "income", "wage", "gehalt", "salaire", "salario", "sueldo",
    // Where somebody is.
    "lat", "latitude", "lon", "lng", "longitude", "gps", "breitengrad", "langengrad", "laengengrad",
];

/// Where somebody is, in types that hold places, and in what may hold anything.
#[rustfmt::skip]
pub(super) const IN_PLACES: &[&str] = &[
    "location", "coordinates", "coords", "latlng", "latlon", "geom", "geog", "geo point", "home", "whereabouts", "standort", "ubicacion",
];

/// In documents, and in rows of key and value: copies of other rows, and what people or their programs sent. They hold whatever those held.
#[rustfmt::skip]
pub(super) const IN_DOCUMENTS: &[&str] = &[
    "object", "object changes", "row data", "row", "record", "old record", "new record", "old data", "new data", "old values", "new values", "changed fields",
    "changes", "before", "after", "snapshot", "payload", "request", "response", "body", "headers", "profile", "session", "session data", "user data",
    "user info", "userinfo", "raw user meta data", "raw app meta data", "raw",
];

/// In days, too.
#[rustfmt::skip]
pub(super) const IN_DATES_TOO: &[&str] = &[
    "birth", "birthday", "birthdate", "birthyear", "birthplace", "dateofbirth", "dob", "born",
    "geburt", "geburtsdatum", "geburtstag", "geburtsort", "geburtsjahr", "naissance", "nacimiento", "nascita", "nascimento", "geboortedatum", "fodselsdato",
];

/// Words after which a name speaks of something about the value, not of the value: `email_template`, `phone_verified_at`.
#[rustfmt::skip]
pub(super) const ABOUT: &[&str] = &[
    "id", "count", "verified", "confirmed", "type", "kind", "status", "enabled", "required", "template", "subject", "format", "pattern", "regex", "policy",
    "at",
];
