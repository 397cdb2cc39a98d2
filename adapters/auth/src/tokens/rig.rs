//! What the tests of tokens stand on: a clock that is set, keys, tokens made by hand, and an issuer on loopback.

use super::{JwtTokens, TokenSettings};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::user::{User, UserId};
use jsonwebtoken::{Algorithm, EncodingKey, crypto, jwk::Jwk};
use ports::driven::{Clock, InvalidToken, Secret, TokenClaims, TokenSubject};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};
use uuid::Uuid;

pub(crate) const SECRET: &str = "a secret of more than thirty-two bytes";
pub(crate) const NOW: OffsetDateTime = time::macros::datetime!(2026-01-02 03:04:05 UTC);

/// A clock that stands still until it is advanced.
pub(crate) struct FixedClock(Mutex<OffsetDateTime>);

impl Default for FixedClock {
    fn default() -> Self {
        Self(Mutex::new(NOW))
    }
}

impl FixedClock {
    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }
}

pub(crate) fn settings() -> TokenSettings {
    TokenSettings::new(Secret::new(SECRET))
}

pub(crate) fn tokens(settings: TokenSettings) -> JwtTokens {
    JwtTokens::new(settings, Arc::new(FixedClock::default()) as _).unwrap()
}

pub(crate) fn subject(admin: bool) -> TokenSubject {
    let id = UserId::from_uuid(Uuid::from_u128(7));
    TokenSubject { user: User { id, email: "alice@example.com".to_owned(), admin, member: true, created_at: NOW }, session_id: Uuid::from_u128(8) }
}

/// The text of a refusal.
pub(crate) fn reason(result: Result<TokenClaims, InvalidToken>) -> &'static str {
    match result {
        Err(InvalidToken::Refused(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// A private key with its algorithm.
pub(crate) struct TestKey {
    pub(crate) key: EncodingKey,
    pub(crate) algorithm: Algorithm,
}

pub(crate) fn rsa_key() -> TestKey {
    TestKey { key: EncodingKey::from_rsa_pem(include_bytes!("fixtures/rsa_2048.pem")).unwrap(), algorithm: Algorithm::RS256 }
}

pub(crate) fn weak_rsa_key() -> TestKey {
    TestKey { key: EncodingKey::from_rsa_pem(include_bytes!("fixtures/rsa_1024.pem")).unwrap(), algorithm: Algorithm::RS256 }
}

pub(crate) fn ec_key() -> TestKey {
    TestKey { key: EncodingKey::from_ec_pem(include_bytes!("fixtures/ec_p256.pem")).unwrap(), algorithm: Algorithm::ES256 }
}

pub(crate) fn stranger_key() -> TestKey {
    TestKey { key: EncodingKey::from_ec_pem(include_bytes!("fixtures/ec_p256_stranger.pem")).unwrap(), algorithm: Algorithm::ES256 }
}

/// The public half, as an issuer publishes it.
pub(crate) fn jwk(key: &TestKey, id: &str) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key.key, key.algorithm).unwrap()).unwrap();
    jwk["kid"] = json!(id);
    jwk["use"] = json!("sig");
    jwk
}

/// A token with any header and payload, signed by any key.
pub(crate) fn signed(header: &str, payload: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = crypto::sign(signed.as_bytes(), key, algorithm).unwrap();
    format!("{signed}.{signature}")
}

/// A token signed by HS256.
pub(crate) fn hs256(payload: &str, secret: &str) -> String {
    signed(r#"{"alg":"HS256","typ":"JWT"}"#, payload, &EncodingKey::from_secret(secret.as_bytes()), Algorithm::HS256)
}

/// A token signed by an issuer's key that it names.
pub(crate) fn issued(key: &TestKey, id: &str, payload: &Value) -> String {
    let header = json!({ "alg": key.algorithm, "kid": id }).to_string();
    signed(&header, &payload.to_string(), &key.key, key.algorithm)
}

/// Claims that are good.
pub(crate) fn good_claims() -> Value {
    json!({ "sub": Uuid::from_u128(7), "role": "authenticated", "exp": NOW.unix_timestamp() + 60 })
}

/// An issuer on loopback.
pub(crate) struct Issuer {
    pub(crate) url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    hanging: watch::Sender<bool>,
}

impl Issuer {
    /// Serves a key set to whoever asks, until the test's runtime ends.
    pub(crate) async fn publishing(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let issuer = Self { url, answer: Arc::default(), asked: Arc::default(), hanging: watch::Sender::new(false) };
        issuer.publish(keys);
        let (answer, asked, mut hanging) = (Arc::clone(&issuer.answer), Arc::clone(&issuer.asked), issuer.hanging.subscribe());
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                asked.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                let _ = client.read(&mut request).await.unwrap();
                let _ = hanging.wait_for(|hanging| !hanging).await;
                let answer = answer.lock().unwrap().clone();
                // The client may have had enough before it has everything.
                let _ = client.write_all(answer.as_bytes()).await;
                let _ = client.shutdown().await;
            }
        });
        issuer
    }

    pub(crate) fn publish(&self, keys: &[Value]) {
        self.answer("200 OK", "", &json!({ "keys": keys }).to_string());
    }

    pub(crate) fn answer(&self, status: &str, headers: &str, body: &str) {
        *self.answer.lock().unwrap() = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len());
    }

    /// From now on it keeps whoever asks waiting, or does so no more.
    pub(crate) fn hang(&self, hanging: bool) {
        self.hanging.send_replace(hanging);
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Tokens that trust this issuer, and their clock.
    pub(crate) fn tokens(&self) -> (Arc<JwtTokens>, Arc<FixedClock>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(FixedClock::default());
        let settings = TokenSettings { jwks_url: Some(self.url.clone()), ..settings() };
        (Arc::new(JwtTokens::new(settings, Arc::clone(&clock) as _).unwrap()), clock)
    }
}
