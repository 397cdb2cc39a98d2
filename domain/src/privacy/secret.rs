//! What one could act as somebody with: it stays behind though nobody asked, unless somebody says that it may come along.

use super::{
    Kind, PrivateColumn,
    words::{ends_with, words},
};
use crate::table::QualifiedName;

/// Where people sign in: our own schema, or Supabase's.
const SIGN_IN: &str = "auth";

/// Tables of [`SIGN_IN`] that hold sessions, tokens, second factors, what providers tell of people, and the log of all that.
const TABLES: &[&str] = &["sessions", "refresh_tokens", "identities", "one_time_tokens", "flow_state", "audit_log_entries", "instances"];

/// What the names of more such tables begin with.
const FAMILIES_OF_TABLES: &[&str] = &["mfa_", "saml_", "oauth_", "custom_oauth_", "webauthn_"];

/// Tables of extensions that keep secrets and what opens them: whoever is on the same server could read them in a branch as in the parent.
const SAFES: &[(&str, &str)] = &[("vault", "secrets"), ("pgsodium", "key")];

/// What the name of a column ends with that holds a password or its hash.
const PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "kennwort",
    "mot de passe",
    "contrasena",
    "password hash",
    "password digest",
    "password salt",
    "password encrypted",
    "passwd hash",
    "user pass",
    "passcode",
    "pwd",
    "senha",
    "wachtwoord",
    "hashed pw",
    "password old",
    "password history",
    "password hashed",
    "password md",
    "password sha",
    "password bcrypt",
    "password scrypt",
    "password argon",
    "pass hash",
    "passhash",
    "passwordhash",
    "pwd hash",
    "pw hash",
    "pwhash",
    "bcrypt hash",
    "argon hash",
];

/// What the name of a column ends with that holds a key or a token.
const KEYS: &[&str] = &[
    "secret",
    "secret key",
    "secret hash",
    "secret digest",
    "api key",
    "apikey",
    "api key hash",
    "key hash",
    "key digest",
    "private key",
    "access key",
    "signing key",
    "encryption key",
    "token hash",
    "token digest",
    "token encrypted",
    "hashed token",
    "encrypted token",
    "access token",
    "refresh token",
    "auth token",
    "oauth token",
    "id token",
    "bearer token",
    "session token",
    "provider token",
    "remember token",
    "reset token",
    "reset password token",
    "recovery token",
    "confirmation token",
    "verification token",
    "reauthentication token",
    "invitation token",
    "invite token",
    "login token",
    "email change token",
    "email change token new",
    "email change token current",
    "phone change token",
    "token ciphertext",
    "recovery code",
    "backup code",
    "security answer",
    "otp seed",
    "credentials",
];

/// Whether no row of the table ever comes along.
pub fn holds_credentials(table: &QualifiedName) -> bool {
    let name = table.name.as_str();
    let of_sign_in = table.schema == SIGN_IN && (TABLES.contains(&name) || FAMILIES_OF_TABLES.iter().any(|family| name.starts_with(family)));
    of_sign_in || SAFES.contains(&(table.schema.as_str(), name))
}

/// Why a column looks as if it held a secret, where it does: a password, where people sign in also a key or a token, and those elsewhere where somebody `asked`
/// for privacy. A copy of which nobody asked anything is faithful but for passwords.
pub(super) fn secret(table: &QualifiedName, column: &PrivateColumn, asked: bool) -> Option<String> {
    let keys = if asked || table.schema == SIGN_IN { KEYS } else { &[] };
    let may_hold = column.kind.is_text() || matches!(column.kind, Kind::Bytes | Kind::Uuid | Kind::Json | Kind::Array);
    let words = words(&column.name);
    let listed = PASSWORDS.iter().chain(keys).copied().filter(|ending| ends_with(&words, ending)).max_by_key(|ending| ending.len());
    let ending = listed.or_else(|| (!keys.is_empty() && is_some_token(&words)).then_some("token")).filter(|_| may_hold)?;
    Some(format!("its name says '{ending}': passwords, keys and tokens stay behind unless a rule or '@pii keep' says otherwise"))
}

/// `unlock_token`, `api_token`: one could do with it what its first word says. A `token` alone may be anybody's word.
fn is_some_token(words: &[String]) -> bool {
    words.len() > 1 && ends_with(words, "token")
}

#[cfg(test)]
mod tests {
    use super::{holds_credentials, secret};
    use crate::{
        privacy::{Kind, PrivateColumn},
        table::QualifiedName,
    };

    fn is_secret(name: &str, kind: Kind) -> bool {
        secret(&QualifiedName::new("app", "t"), &PrivateColumn::plain(name, kind), true).is_some()
    }

    #[test]
    fn keys_and_tokens_are_secrets_where_somebody_asked_or_signs_in() {
        for (name, schema, asked, is_secret) in [
            ("password_hash", "app", false, true),
            ("reset_password_token", "app", false, false),
            ("api_key", "app", false, false),
            ("api_key", "app", true, true),
            ("recovery_token", "auth", false, true),
        ] {
            let found = secret(&QualifiedName::new(schema, "t"), &PrivateColumn::plain(name, Kind::Text), asked);
            assert_eq!(found.is_some(), is_secret, "{name} of {schema}");
        }
    }

    #[test]
    fn what_one_could_act_as_somebody_with_is_known_by_its_name() {
        for name in [
            "password",
            "user_password",
            "password_hash",
            "hashedPassword",
            "encrypted_password",
            "password_digest",
            "api_key",
            "apiKey",
            "APIKey",
            "secret",
            "totp_secret",
            "client_secret",
            "client_secret_hash",
            "token_hash",
            "reset_password_token_digest",
            "sessionToken",
            "refresh_token",
            "email_change_token_new",
            "reauthentication_token",
            "recovery_codes",
            "Contraseña",
            "user_pass",
            "pwd",
            "password_sha256",
            "password_history",
            "unlock_token",
            "authentication_token",
            "api_tokens",
            "magicLinkToken",
            "push_token",
            "otp_seed",
            "access_token_ciphertext",
        ] {
            assert!(is_secret(name, Kind::Text), "{name}");
        }
        assert!(is_secret("token_hash", Kind::Bytes) && is_secret("reset_token", Kind::Uuid) && is_secret("backup_codes", Kind::Array));
    }

    #[test]
    fn what_is_about_secrets_is_none() {
        for name in
            ["token", "tokens", "secretary", "password_policy", "api_key_name", "key", "primary_key", "hash", "digest", "secret_id", "token_type"]
        {
            assert!(!is_secret(name, Kind::Text), "{name}");
        }
        assert!(!is_secret("has_password", Kind::Boolean) && !is_secret("api_key", Kind::Big) && !is_secret("reset_token", Kind::Timestamp));
    }

    #[test]
    fn tables_of_signing_in_are_known_in_its_schema_only() {
        for table in ["sessions", "mfa_amr_claims", "mfa_challenges", "one_time_tokens", "saml_relay_states", "flow_state", "oauth_clients"] {
            assert!(holds_credentials(&QualifiedName::new("auth", table)), "{table}");
            assert!(!holds_credentials(&QualifiedName::new("public", table)), "{table}");
        }
        for table in ["users", "schema_migrations", "roles"] {
            assert!(!holds_credentials(&QualifiedName::new("auth", table)), "{table}");
        }
        for (schema, table, holds) in
            [("vault", "secrets", true), ("pgsodium", "key", true), ("vault", "decrypted_secrets", false), ("app", "secrets", false)]
        {
            assert_eq!(holds_credentials(&QualifiedName::new(schema, table)), holds, "{schema}.{table}");
        }
    }
}
