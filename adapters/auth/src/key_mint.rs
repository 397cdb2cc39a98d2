//! API keys and service keys: random texts behind a telling beginning, of which only the SHA-256 is kept.

use crate::random::random_text;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ports::driven::{KeyKind, KeyMint, MintedKey, Secret};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Makes keys such as `fb_pk_` or `sb_service_` and 43 characters: 256 random bits in base64url.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sha256KeyMint;

/// Random characters that are part of a key's prefix: enough to tell keys apart, and 208 bits stay unknown.
const SHOWN: usize = 8;

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn prefix(kind: KeyKind, secret: &str) -> String {
    secret[..kind.secret_prefix().len() + SHOWN].to_owned()
}

impl KeyMint for Sha256KeyMint {
    fn mint(&self, kind: KeyKind) -> MintedKey {
        let secret = format!("{}{}", kind.secret_prefix(), random_text());
        MintedKey { prefix: prefix(kind, &secret), hash: hash(&secret), secret: Secret::new(secret) }
    }

    fn prefix_of(&self, kind: KeyKind, secret: &str) -> Option<String> {
        let random = secret.strip_prefix(kind.secret_prefix())?;
        // Base64 of any other length would not be 32 bytes; what is longer is not even looked at.
        let well_formed = random.len() == 43 && URL_SAFE_NO_PAD.decode(random).is_ok();
        well_formed.then(|| prefix(kind, secret))
    }

    fn matches(&self, secret: &str, stored: &[u8; 32]) -> bool {
        hash(secret).ct_eq(stored).into()
    }
}

#[cfg(test)]
mod tests {
    use super::Sha256KeyMint;
    use ports::driven::{KeyKind, KeyMint};

    #[test]
    fn a_minted_key_is_found_by_its_prefix_and_matches_its_hash_only() {
        for (kind, begins) in [(KeyKind::Api, "fb_pk_"), (KeyKind::Service, "sb_service_")] {
            let (key, other) = (Sha256KeyMint.mint(kind), Sha256KeyMint.mint(kind));
            let secret = key.secret.expose();
            assert!(secret.starts_with(begins) && secret.starts_with(&key.prefix));
            assert_eq!(key.prefix.len(), begins.len() + 8);
            assert_eq!(Sha256KeyMint.prefix_of(kind, secret), Some(key.prefix.clone()));
            assert!(Sha256KeyMint.matches(secret, &key.hash));
            assert!(!Sha256KeyMint.matches(secret, &other.hash));
            assert!(!Sha256KeyMint.matches(&format!("{secret} "), &key.hash));
        }
    }

    #[test]
    fn what_cannot_be_a_key_has_no_prefix() {
        let key = Sha256KeyMint.mint(KeyKind::Api);
        let secret = key.secret.expose();
        assert_eq!(Sha256KeyMint.prefix_of(KeyKind::Service, secret), None);
        let short = &secret[..secret.len() - 1];
        for wrong in
            ["", "fb_pk_", short, &format!("{secret}A"), &format!(" {secret}"), &format!("{short}="), &format!("{short}ä"), &format!("{short}'")]
        {
            assert_eq!(Sha256KeyMint.prefix_of(KeyKind::Api, wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn debug_does_not_tell_the_key() {
        let key = Sha256KeyMint.mint(KeyKind::Api);
        assert!(!format!("{key:?}").contains(key.secret.expose()));
    }
}
