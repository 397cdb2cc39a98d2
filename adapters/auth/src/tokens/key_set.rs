//! The keys that an issuer publishes (RFC 7517), as far as they are of use here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// Keys of RS256 and ES256, each with its one algorithm.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<PublishedKey>);

#[derive(Debug)]
struct PublishedKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a document. Keys of other kinds are passed over: a set may hold what is meant for others.
    pub(super) fn parse(document: &[u8]) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_slice(document)?;
        let keys = document.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok()?.published());
        Ok(Self(keys.collect()))
    }

    /// The key with this id and algorithm. A token that names none means the only one that its algorithm has.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self.0.iter().filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(&key.key),
            _ => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Jwk {
    /// `None` for what must not or cannot check a signature here: secrets (`oct`), other curves, weak keys, keys for encryption.
    fn published(self) -> Option<PublishedKey> {
        let (algorithm, key) = match self.kty.as_str() {
            "RSA" => (Algorithm::RS256, self.rsa()?),
            "EC" => (Algorithm::ES256, self.p256()?),
            _ => return None,
        };
        let name = if algorithm == Algorithm::RS256 { "RS256" } else { "ES256" };
        let for_signatures = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"))
            && self.alg.as_deref().is_none_or(|alg| alg == name);
        for_signatures.then_some(PublishedKey { id: self.kid, algorithm, key })
    }

    /// At least 2048 bits (RFC 7518, 3.3).
    fn rsa(&self) -> Option<DecodingKey> {
        let (modulus, exponent) = (bytes(self.n.as_ref())?, bytes(self.e.as_ref())?);
        let significant = modulus.iter().skip_while(|byte| **byte == 0).count();
        (significant >= 256).then(|| DecodingKey::from_rsa_raw_components(&modulus, &exponent))
    }

    fn p256(&self) -> Option<DecodingKey> {
        let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
        if self.crv.as_deref() != Some("P-256") || x.len() != 32 || y.len() != 32 {
            return None;
        }
        DecodingKey::from_ec_components(self.x.as_ref()?, self.y.as_ref()?).ok()
    }
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

#[cfg(test)]
mod tests {
    use super::KeySet;
    use crate::tokens::rig::{ec_key, jwk, rsa_key, weak_rsa_key};
    use jsonwebtoken::Algorithm;
    use serde_json::{Value, json};

    fn set(keys: &[Value]) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    fn with(mut key: Value, field: &str, value: Value) -> Value {
        key[field] = value;
        key
    }

    #[test]
    fn a_key_is_found_by_its_id_and_its_own_algorithm() {
        let keys = set(&[jwk(&rsa_key(), "a"), jwk(&ec_key(), "b")]);
        assert!(keys.find(Some("a"), Algorithm::RS256).is_some());
        assert!(keys.find(Some("a"), Algorithm::ES256).is_none());
        assert!(keys.find(Some("A"), Algorithm::RS256).is_none());
        assert!(keys.find(None, Algorithm::ES256).is_some(), "it is the only one");
        let two = set(&[jwk(&ec_key(), "a"), jwk(&ec_key(), "b")]);
        assert!(two.find(None, Algorithm::ES256).is_none(), "which one?");
    }

    #[test]
    fn keys_of_no_use_here_are_passed_over() {
        let (rsa, ec) = (jwk(&rsa_key(), "k"), jwk(&ec_key(), "k"));
        let useless = [
            json!({ "kty": "oct", "kid": "k", "alg": "HS256", "k": "c2VjcmV0" }),
            json!({ "kty": "OKP", "kid": "k", "crv": "Ed25519", "x": "AA" }),
            json!("not even an object"),
            jwk(&weak_rsa_key(), "k"),
            with(rsa.clone(), "use", json!("enc")),
            with(rsa.clone(), "key_ops", json!(["sign"])),
            with(rsa.clone(), "alg", json!("HS256")),
            with(rsa, "alg", json!("RS512")),
            with(ec.clone(), "crv", json!("P-384")),
            with(ec, "x", json!("AA")),
        ];
        assert_eq!(set(&useless).len(), 0);
        assert!(KeySet::parse(b"{}").is_err() && KeySet::parse(b"<html>").is_err());
    }
}
