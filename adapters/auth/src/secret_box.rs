//! Encryption of secrets at rest by XChaCha20-Poly1305.

use crate::random::random_bytes;
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use ports::driven::{Secret, SecretBox};
use sha2::{Digest, Sha256};
use std::{fmt, fmt::Write};

/// The first byte of what is sealed: how the rest is to be read.
const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;
/// People copy keys with and without the padding.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Seals with one key of 256 bits. Sealed: a version byte, a random nonce of 24 bytes, ciphertext and tag.
#[derive(Clone)]
pub struct XChaChaSecretBox {
    cipher: XChaCha20Poly1305,
    fingerprint: String,
}

/// Why a text is no encryption key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEncryptionKey {
    /// Not base64.
    #[error("the encryption key is not base64; expected 32 bytes in base64, 44 characters")]
    NotBase64,
    /// Too short or too long.
    #[error("the encryption key has {bytes} bytes; expected 32 bytes in base64, 44 characters")]
    WrongLength {
        /// What it has.
        bytes: usize,
    },
}

impl XChaChaSecretBox {
    /// A box for a key of 32 bytes in base64; space around it is ignored.
    pub fn from_base64(key: &Secret) -> Result<Self, InvalidEncryptionKey> {
        let bytes = BASE64.decode(key.expose().trim()).map_err(|_| InvalidEncryptionKey::NotBase64)?;
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| InvalidEncryptionKey::WrongLength { bytes: bytes.len() })?;
        Ok(Self { cipher: XChaCha20Poly1305::new(&key.into()), fingerprint: fingerprint(&key) })
    }

    /// A fresh key in base64, for those who have none yet.
    pub fn generate_key() -> Secret {
        Secret::new(STANDARD.encode(random_bytes::<32>()))
    }
}

fn fingerprint(key: &[u8; 32]) -> String {
    let digest = Sha256::new().chain_update("fluxbase encryption key fingerprint").chain_update(key).finalize();
    digest[..16].iter().fold(String::with_capacity(32), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

impl fmt::Debug for XChaChaSecretBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XChaChaSecretBox").finish_non_exhaustive()
    }
}

impl SecretBox for XChaChaSecretBox {
    fn seal(&self, purpose: &str, secret: &Secret) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random_bytes();
        let payload = Payload { msg: secret.expose().as_bytes(), aad: purpose.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).expect("a text in memory is far below the cipher's limit of 256 GiB");
        [&[VERSION][..], &nonce, &sealed].concat()
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Secret> {
        let (nonce, sealed) = sealed.strip_prefix(&[VERSION])?.split_first_chunk::<NONCE_LEN>()?;
        let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(opened).ok().map(Secret::new)
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidEncryptionKey, XChaChaSecretBox};
    use ports::driven::{Secret, SecretBox};

    fn fresh() -> XChaChaSecretBox {
        XChaChaSecretBox::from_base64(&XChaChaSecretBox::generate_key()).unwrap()
    }

    #[test]
    fn what_was_sealed_is_opened_for_the_same_purpose_only() {
        let secrets = fresh();
        for text in ["", "s3cret", "püfö \u{1f511}"] {
            let sealed = secrets.seal("login:alice", &Secret::new(text));
            assert_eq!(secrets.open("login:alice", &sealed), Some(Secret::new(text)));
            assert_eq!(secrets.open("login:bob", &sealed), None);
            assert_eq!(fresh().open("login:alice", &sealed), None);
            assert_ne!(secrets.seal("login:alice", &Secret::new(text)), sealed, "a nonce is never used twice");
        }
    }

    #[test]
    fn anything_changed_is_refused() {
        let secrets = fresh();
        let sealed = secrets.seal("p", &Secret::new("s3cret"));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(secrets.open("p", &changed), None, "byte {at}");
            assert_eq!(secrets.open("p", &sealed[..at]), None, "cut at {at}");
        }
        assert_eq!(secrets.open("p", &[sealed, vec![0]].concat()), None);
    }

    #[test]
    fn the_fingerprint_tells_keys_apart_and_stays_the_same() {
        let key = Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        let secrets = XChaChaSecretBox::from_base64(&key).unwrap();
        let unpadded = XChaChaSecretBox::from_base64(&Secret::new(format!(" {}\n", key.expose().trim_end_matches('=')))).unwrap();
        assert_eq!(secrets.fingerprint(), unpadded.fingerprint());
        assert_eq!(secrets.fingerprint().len(), 32);
        assert_ne!(secrets.fingerprint(), fresh().fingerprint());
        assert!(!format!("{secrets:?}").contains(&secrets.fingerprint()));
    }

    #[test]
    fn what_is_no_key_is_refused_without_telling_it() {
        let refused = |text: &str| XChaChaSecretBox::from_base64(&Secret::new(text)).unwrap_err();
        assert_eq!(refused("not base64!"), InvalidEncryptionKey::NotBase64);
        assert_eq!(refused("c2hvcnQ="), InvalidEncryptionKey::WrongLength { bytes: 5 });
        assert_eq!(refused(""), InvalidEncryptionKey::WrongLength { bytes: 0 });
        assert!(!refused("c2hvcnQ=").to_string().contains("c2hvcnQ"));
    }
}
