//! The one secret that replicas share, and what is derived from it.

use super::{ServeError, files};
use crate::config::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::{fs, io, path::Path};

/// `security.encryption_key`: 32 bytes. Debug hides it.
#[derive(Clone)]
pub(super) struct InstanceKey([u8; 32]);

impl std::fmt::Debug for InstanceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InstanceKey(..)")
    }
}

impl InstanceKey {
    /// A fresh one, in base64.
    pub(super) fn generate() -> String {
        STANDARD.encode(rand::random::<[u8; 32]>())
    }

    pub(super) fn parse(text: &str) -> Result<Self, ServeError> {
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(|| {
            ServeError::Setting(format!("security.encryption_key must be 32 bytes in base64; a fresh one to use: {}", Self::generate()))
        })
    }

    /// The configured key, which a database that is not ours needs.
    pub(super) fn configured(key: Option<&Secret>) -> Result<Self, ServeError> {
        let key = key.ok_or_else(|| {
            ServeError::Setting(format!(
                "database.url needs security.encryption_key (32 bytes in base64, the same on every replica): passwords that Fluxbase keeps are encrypted \
                 with it. A fresh one to use: {}",
                Self::generate()
            ))
        })?;
        Self::parse(key.expose())
    }

    /// The configured key, else the one that this data folder keeps, made at its first start.
    pub(super) fn of_data_dir(key: Option<&Secret>, data_dir: &Path) -> Result<Self, ServeError> {
        if let Some(key) = key {
            return Self::parse(key.expose());
        }
        let path = data_dir.join("secrets").join("encryption-key");
        let failed = |source| ServeError::File { path: path.display().to_string(), source };
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = Self::generate();
                files::write_private(&path, text.as_bytes()).map_err(failed)?;
                Self::parse(&text)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The key in base64, for the box that seals secrets.
    pub(super) fn base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// A secret for one purpose: the same wherever the key is the same, and telling nothing about it.
    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        Sha256::new().chain_update(purpose).chain_update([0]).chain_update(self.0).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::InstanceKey;

    #[test]
    fn a_key_is_kept_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("secrets")).unwrap();
        let first = InstanceKey::of_data_dir(None, folder.path()).unwrap();
        let second = InstanceKey::of_data_dir(None, folder.path()).unwrap();
        assert_eq!(first.base64(), second.base64());
        assert_ne!(first.derive("a"), first.derive("b"));
    }

    #[test]
    fn a_missing_key_is_told_with_one_to_use() {
        let error = InstanceKey::configured(None).unwrap_err().to_string();
        let fresh = error.rsplit(' ').next().unwrap();
        assert!(InstanceKey::parse(fresh).is_ok(), "{error}");
        assert!(InstanceKey::parse("c2hvcnQ=").is_err());
    }
}
