//! What tokens are made and checked by.

use ports::driven::Secret;
use reqwest::Url;
use std::time::Duration;

/// What tokens are made and checked by.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// `auth.jwt_secret`: at least 32 bytes.
    pub secret: Secret,
    /// The `kid` of our own tokens: others may sign with the same secret, and what they call sessions is nothing that we know of.
    pub key_id: String,
    /// `auth.jwks_url`: where an issuer publishes the keys of its RS256 and ES256 tokens.
    pub jwks_url: Option<String>,
    /// `auth.jwt_issuer`: what `iss` must be; what it is in our own tokens.
    pub issuer: Option<String>,
    /// `auth.jwt_audience`: what `aud` must be or contain; what it is in our own tokens.
    pub audience: Option<String>,
    /// How long our own tokens are good.
    pub lifetime: Duration,
}

/// What is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTokenSettings {
    /// A secret that could be guessed.
    #[error("the secret of tokens has {bytes} bytes; HS256 needs at least 32")]
    ShortSecret {
        /// What it has.
        bytes: usize,
    },
    /// A place of keys that cannot be trusted.
    #[error("'{url}' is no place of a key set: {reason}")]
    JwksUrl {
        /// The place.
        url: String,
        /// Why not.
        reason: String,
    },
}

impl TokenSettings {
    /// The lifetime of tokens where nobody says otherwise.
    pub const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);
    const MIN_SECRET_LEN: usize = 32;

    /// HS256 only, with the default lifetime.
    pub fn new(secret: Secret) -> Self {
        Self { secret, key_id: "fluxbase".to_owned(), jwks_url: None, issuer: None, audience: None, lifetime: Self::DEFAULT_LIFETIME }
    }

    pub(super) fn checked_secret(&self) -> Result<&[u8], InvalidTokenSettings> {
        let secret = self.secret.expose().as_bytes();
        if secret.len() < Self::MIN_SECRET_LEN {
            return Err(InvalidTokenSettings::ShortSecret { bytes: secret.len() });
        }
        Ok(secret)
    }

    /// Keys that came over an open network could be anybody's; on this machine there is no network.
    pub(super) fn jwks_url(&self) -> Result<Option<Url>, InvalidTokenSettings> {
        let Some(text) = &self.jwks_url else { return Ok(None) };
        let refused = |reason: &str| InvalidTokenSettings::JwksUrl { url: text.clone(), reason: reason.to_owned() };
        let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
        match url.scheme() {
            "https" => Ok(Some(url)),
            "http" if is_loopback(&url) => Ok(Some(url)),
            _ => Err(refused("it must begin with https:// (http:// will do on this machine only)")),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
