//! How a client says who it is.

use http::HeaderValue;
use ports::driven::{KeyKind, Secret};

/// A credential, by the header that it is sent in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// `X-API-Key`.
    ApiKey(Secret),
    /// `X-Service-Key`.
    ServiceKey(Secret),
    /// `Authorization: Bearer`.
    Token(Secret),
}

/// A text that no header can carry. It is not repeated: it may be a secret with a slip in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key: expected fb_pk_..., sb_service_... or a JSON Web Token, without spaces")]
pub struct InvalidCredential;

impl Credential {
    /// Tells the kind by what the text begins with; what begins like no key is taken for a token.
    pub fn from_text(text: &str) -> Result<Self, InvalidCredential> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidCredential);
        }
        let secret = Secret::new(text);
        Ok(if text.starts_with(KeyKind::Service.secret_prefix()) {
            Self::ServiceKey(secret)
        } else if text.starts_with(KeyKind::Api.secret_prefix()) {
            Self::ApiKey(secret)
        } else {
            Self::Token(secret)
        })
    }

    /// The header's name, as people write it.
    pub const fn header_name(&self) -> &'static str {
        match self {
            Self::ApiKey(_) => "X-API-Key",
            Self::ServiceKey(_) => "X-Service-Key",
            Self::Token(_) => "Authorization",
        }
    }

    /// The header's value.
    pub fn header_value(&self) -> Secret {
        match self {
            Self::ApiKey(secret) | Self::ServiceKey(secret) => secret.clone(),
            Self::Token(secret) => Secret::new(format!("Bearer {}", secret.expose())),
        }
    }

    /// The value marked as one that is not to be logged.
    pub(crate) fn sensitive_value(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(self.header_value().expose()).expect("it was checked to be visible ASCII");
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::{Credential, InvalidCredential};

    #[test]
    fn the_kind_is_told_by_the_beginning() {
        for (text, header, value) in [
            (" fb_pk_a\n", "X-API-Key", "fb_pk_a"),
            ("sb_service_a", "X-Service-Key", "sb_service_a"),
            ("eyJh.eyJz.c2ln", "Authorization", "Bearer eyJh.eyJz.c2ln"),
        ] {
            let credential = Credential::from_text(text).unwrap();
            assert_eq!((credential.header_name(), credential.header_value().expose()), (header, value));
            assert!(!format!("{credential:?} {:?}", credential.sensitive_value()).contains(value));
        }
    }

    #[test]
    fn what_no_header_can_carry_is_refused_without_repeating_it() {
        for text in ["", "  ", "a b", "a\u{7}", "schlüssel"] {
            assert_eq!(Credential::from_text(text), Err(InvalidCredential), "{text:?}");
        }
    }
}
