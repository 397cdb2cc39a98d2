//! A token as it is sent: header, payload and signature in base64url, parted by dots.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use ports::driven::InvalidToken;
use serde::{Deserialize, de::IgnoredAny};

/// Bytes of a token at most: more than any header holds.
const MAX_LEN: usize = 16 * 1024;
pub(super) const NOT_A_TOKEN: InvalidToken = InvalidToken::Refused("this is not a JSON Web Token");

/// What is looked at of a header. Where it says keys are to be had from (`jku`, `jwk`, `x5u`, `x5c`) is nobody's business but the attacker's.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

/// A token taken apart. Nothing of it is to be believed before [`CompactToken::is_signed_by`] said yes.
pub(super) struct CompactToken<'a> {
    header: Header,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> CompactToken<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, InvalidToken> {
        if token.len() > MAX_LEN {
            return Err(InvalidToken::Refused("this token is too long"));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(NOT_A_TOKEN)?;
        let (header, payload) = signed.split_once('.').ok_or(NOT_A_TOKEN)?;
        let header: Header = object(&decoded(header)?)?;
        // It names extensions that must be understood, and none is.
        if header.crit.is_some() {
            return Err(InvalidToken::Refused("this token demands extensions that are not known here"));
        }
        Ok(Self { header, signed, payload, signature })
    }

    /// The algorithm that it claims to be signed with.
    pub(super) fn algorithm(&self) -> &str {
        &self.header.alg
    }

    /// The key that it claims to be signed with.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    pub(super) fn is_signed_by(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm).unwrap_or(false)
    }

    /// The claims as they were signed.
    pub(super) fn payload(&self) -> Result<String, InvalidToken> {
        decoded(self.payload)
    }
}

fn decoded(part: &str) -> Result<String, InvalidToken> {
    URL_SAFE_NO_PAD.decode(part).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(NOT_A_TOKEN)
}

/// Reads a JSON object; serde would take a list for a struct as well.
pub(super) fn object<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, InvalidToken> {
    if !json.trim_start().starts_with('{') {
        return Err(NOT_A_TOKEN);
    }
    serde_json::from_str(json).map_err(|_| NOT_A_TOKEN)
}
