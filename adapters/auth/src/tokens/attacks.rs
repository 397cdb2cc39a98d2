//! The attacks that felled others: each is refused, and with a text that says why.

use super::TokenSettings;
use super::rig::{Issuer, NOW, SECRET, ec_key, good_claims, hs256, issued, jwk, reason, rsa_key, settings, signed, stranger_key, tokens};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use ports::driven::Tokens;
use serde_json::{Value, json};

const BAD_SIGNATURE: &str = "this token's signature is not valid";
const BAD_ALGORITHM: &str = "this token's algorithm is not accepted; HS256, RS256 and ES256 are";
const UNKNOWN_KEY: &str = "this token was signed with a key that its issuer does not publish";
const BAD_ROLE: &str = "this token's role is not accepted; it must be anon or authenticated";

fn with(field: &str, value: Value) -> Value {
    let mut claims = good_claims();
    claims[field] = value;
    claims
}

/// What becomes of good claims with one field changed, signed properly.
async fn refusal_of(settings: TokenSettings, field: &str, value: Value) -> &'static str {
    reason(tokens(settings).verify(&hs256(&with(field, value).to_string(), SECRET)).await)
}

#[tokio::test]
async fn no_algorithm_is_no_signature() {
    let payload = URL_SAFE_NO_PAD.encode(good_claims().to_string());
    let good = hs256(&good_claims().to_string(), SECRET);
    let signature = good.rsplit('.').next().unwrap();
    for algorithm in ["none", "None", "NONE", "nOnE", "", "hs256", "HS384", "HS512", "PS256", "EdDSA"] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm }).to_string());
        for signature in ["", signature] {
            assert_eq!(reason(tokens(settings()).verify(&format!("{header}.{payload}.{signature}")).await), BAD_ALGORITHM, "{algorithm}");
        }
    }
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    assert_eq!(reason(tokens(settings()).verify(&format!("{header}.{payload}.")).await), BAD_SIGNATURE);
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    let issuer = Issuer::publishing(&[jwk(&rsa_key(), "a")]).await;
    let (tokens, _) = issuer.tokens();
    let public = jwk(&rsa_key(), "a");
    let modulus = public["n"].as_str().unwrap();
    let pem = include_str!("fixtures/rsa_2048.pub.pem");
    for secret in [pem.as_bytes().to_vec(), pem.trim().as_bytes().to_vec(), modulus.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(modulus).unwrap()] {
        let secret = EncodingKey::from_secret(&secret);
        for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","kid":"a"}"#] {
            let token = signed(header, &good_claims().to_string(), &secret, Algorithm::HS256);
            assert_eq!(reason(tokens.verify(&token).await), BAD_SIGNATURE);
        }
        let token = signed(r#"{"alg":"RS256","kid":"a"}"#, &good_claims().to_string(), &secret, Algorithm::HS256);
        assert_eq!(reason(tokens.verify(&token).await), BAD_SIGNATURE);
    }
}

#[tokio::test]
async fn a_key_signs_by_its_own_algorithm_only() {
    let issuer = Issuer::publishing(&[jwk(&rsa_key(), "rsa"), jwk(&ec_key(), "ec")]).await;
    let (tokens, _) = issuer.tokens();
    let by_ec = |header: &str| signed(header, &good_claims().to_string(), &ec_key().key, Algorithm::ES256);
    assert_eq!(reason(tokens.verify(&by_ec(r#"{"alg":"RS256","kid":"ec"}"#)).await), UNKNOWN_KEY);
    assert_eq!(reason(tokens.verify(&by_ec(r#"{"alg":"ES256","kid":"rsa"}"#)).await), UNKNOWN_KEY);
    assert_eq!(reason(tokens.verify(&by_ec(r#"{"alg":"RS256","kid":"rsa"}"#)).await), BAD_SIGNATURE);
    assert_eq!(reason(tokens.verify(&by_ec(r#"{"alg":"HS256","kid":"ec"}"#)).await), BAD_SIGNATURE);
    assert!(tokens.verify(&by_ec(r#"{"alg":"ES256","kid":"ec"}"#)).await.is_ok());
}

#[tokio::test]
async fn a_secret_in_the_key_set_signs_nothing() {
    let secret = URL_SAFE_NO_PAD.encode("published for all the world to read.");
    let issuer = Issuer::publishing(&[json!({ "kty": "oct", "kid": "a", "alg": "HS256", "k": secret })]).await;
    let key = EncodingKey::from_secret(b"published for all the world to read.");
    let token = signed(r#"{"alg":"HS256","kid":"a"}"#, &good_claims().to_string(), &key, Algorithm::HS256);
    assert_eq!(reason(issuer.tokens().0.verify(&token).await), BAD_SIGNATURE);
}

#[tokio::test]
async fn a_header_names_no_place_of_keys_and_no_extension() {
    let issuer = Issuer::publishing(&[jwk(&ec_key(), "a")]).await;
    let elsewhere = Issuer::publishing(&[jwk(&stranger_key(), "b")]).await;
    let (tokens, _) = issuer.tokens();
    let stranger = jwk(&stranger_key(), "a");
    let by_stranger = |header: &Value| signed(&header.to_string(), &good_claims().to_string(), &stranger_key().key, Algorithm::ES256);
    for header in [
        json!({ "alg": "ES256", "kid": "a", "jwk": stranger }),
        json!({ "alg": "ES256", "jwk": stranger }),
        json!({ "alg": "ES256", "kid": "a", "jku": elsewhere.url, "x5u": elsewhere.url }),
    ] {
        assert_eq!(reason(tokens.verify(&by_stranger(&header)).await), BAD_SIGNATURE);
    }
    let header = json!({ "alg": "ES256", "kid": "b", "jku": elsewhere.url });
    assert_eq!(reason(tokens.verify(&by_stranger(&header)).await), UNKNOWN_KEY);
    assert_eq!(elsewhere.asked(), 0);
    let header = json!({ "alg": "ES256", "kid": "a", "crit": ["b64"], "b64": false }).to_string();
    let token = signed(&header, &good_claims().to_string(), &ec_key().key, Algorithm::ES256);
    assert_eq!(reason(tokens.verify(&token).await), "this token demands extensions that are not known here");
}

#[tokio::test]
async fn tricks_with_the_key_id_find_no_key() {
    let issuer = Issuer::publishing(&[jwk(&ec_key(), "a")]).await;
    let (tokens, _) = issuer.tokens();
    for id in ["../../../../dev/null", "' union select 'x", "a\0", "", " a", "A", &"a".repeat(8000)] {
        assert_eq!(reason(tokens.verify(&issued(&ec_key(), id, &good_claims())).await), UNKNOWN_KEY, "{id:?}");
        // With the secret the id means nothing, neither for nor against.
        let header = json!({ "alg": "HS256", "kid": id }).to_string();
        let empty = EncodingKey::from_secret(b"");
        assert_eq!(reason(tokens.verify(&signed(&header, &good_claims().to_string(), &empty, Algorithm::HS256)).await), BAD_SIGNATURE);
    }
    let header = json!({ "alg": "ES256", "kid": ["a"] }).to_string();
    let token = signed(&header, &good_claims().to_string(), &ec_key().key, Algorithm::ES256);
    assert_eq!(reason(tokens.verify(&token).await), "this is not a JSON Web Token");
}

#[tokio::test]
async fn a_changed_payload_or_header_breaks_the_signature() {
    let tokens = tokens(settings());
    let good = hs256(&good_claims().to_string(), SECRET);
    assert!(tokens.verify(&good).await.is_ok());
    let parts: Vec<&str> = good.split('.').collect();
    let forged = URL_SAFE_NO_PAD.encode(with("sub", json!("somebody else")).to_string());
    assert_eq!(reason(tokens.verify(&format!("{}.{forged}.{}", parts[0], parts[2])).await), BAD_SIGNATURE);
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    assert_eq!(reason(tokens.verify(&format!("{header}.{}.{}", parts[1], parts[2])).await), BAD_SIGNATURE);
    assert_eq!(reason(tokens.verify(&hs256(&good_claims().to_string(), "another secret of thirty-two bytes")).await), BAD_SIGNATURE);
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let good = hs256(&good_claims().to_string(), SECRET);
    let long = "a".repeat(20_000);
    for text in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "Bearer",
        "eyJhbGciOiJIUzI1NiJ9",
        &long,
        &format!(" {good}"),
        &format!("{good}.e30"),
        &format!("é{good}"),
    ] {
        reason(tokens(settings()).verify(text).await);
    }
    for payload in ["", "null", "[]", "\"text\"", "{", "{}{}", "[9999999999,null,null,null,\"x\",\"authenticated\"]"] {
        reason(tokens(settings()).verify(&hs256(payload, SECRET)).await);
    }
}

#[tokio::test]
async fn a_claim_that_comes_twice_is_refused() {
    let exp = NOW.unix_timestamp() + 60;
    for twice in [r#""role":"service_role""#, r#""r\u006fle":"service_role""#, r#""sub":"other""#, r#""exp":9999999999"#] {
        let payload = format!(r#"{{"sub":"me","role":"authenticated","exp":{exp},{twice}}}"#);
        assert_eq!(reason(tokens(settings()).verify(&hs256(&payload, SECRET)).await), "this is not a JSON Web Token");
    }
}

#[tokio::test]
async fn only_the_present_is_good() {
    let now = NOW.unix_timestamp();
    assert_eq!(refusal_of(settings(), "exp", json!(now - 30)).await, "this token has expired");
    assert_eq!(refusal_of(settings(), "exp", json!(0)).await, "this token has expired");
    assert_eq!(refusal_of(settings(), "exp", Value::Null).await, "this token does not say when it expires (exp)");
    for exp in [json!("9999999999"), json!(true), json!({}), json!(1e300), json!(i64::MAX), json!(u64::MAX)] {
        assert_eq!(refusal_of(settings(), "exp", exp).await, "this token's exp is not a time");
    }
    assert_eq!(refusal_of(settings(), "nbf", json!(now + 31)).await, "this token is not good yet (nbf)");
    assert_eq!(refusal_of(settings(), "nbf", json!("soon")).await, "this token's nbf is not a time");
    let token = hs256(&with("nbf", json!(now + 30)).to_string(), SECRET);
    assert!(tokens(settings()).verify(&token).await.is_ok());
}

#[tokio::test]
async fn another_issuer_or_audience_is_refused_where_one_is_set() {
    let issuer = || TokenSettings { issuer: Some("https://example.com".to_owned()), ..settings() };
    for iss in [Value::Null, json!("https://example.com/"), json!("https://evil.example"), json!(["https://example.com"])] {
        assert_eq!(refusal_of(issuer(), "iss", iss).await, "this token was made by another issuer");
    }
    let audience = || TokenSettings { audience: Some("fluxbase".to_owned()), ..settings() };
    for aud in [Value::Null, json!("other"), json!("fluxbase2"), json!(["other"]), json!([]), json!([["fluxbase"]]), json!({ "fluxbase": 1 })] {
        assert_eq!(refusal_of(audience(), "aud", aud).await, "this token was made for another audience");
    }
    for aud in [json!("fluxbase"), json!(["other", "fluxbase"])] {
        assert!(tokens(audience()).verify(&hs256(&with("aud", aud).to_string(), SECRET)).await.is_ok());
    }
}

#[tokio::test]
async fn no_role_but_the_two_is_accepted() {
    for role in [json!("service_role"), json!("postgres"), json!(""), json!("Authenticated"), json!(["authenticated"]), json!(1)] {
        assert_eq!(refusal_of(settings(), "role", role).await, BAD_ROLE);
    }
    assert_eq!(refusal_of(settings(), "role", Value::Null).await, "this token has no role; it must be anon or authenticated");
    assert_eq!(refusal_of(settings(), "sub", json!(7)).await, "this token's sub is not a text");
    assert_eq!(refusal_of(settings(), "scope", json!({ "all": true })).await, "this token's scope is neither a text nor a list of texts");
}

#[tokio::test]
async fn an_issuer_makes_no_administrator_and_no_session_of_ours() {
    let issuer = Issuer::publishing(&[jwk(&ec_key(), "a")]).await;
    let (tokens, _) = issuer.tokens();
    let mut claims = with("fluxbase_admin", json!(true));
    claims["session_id"] = json!(uuid::Uuid::from_u128(8));
    let checked = tokens.verify(&issued(&ec_key(), "a", &claims)).await.unwrap();
    assert_eq!((checked.admin, checked.session_id), (false, None));
    for pretended in [json!("true"), json!(1), json!(false)] {
        let token = hs256(&with("fluxbase_admin", pretended).to_string(), SECRET);
        assert!(!tokens.verify(&token).await.unwrap().admin);
    }
}

#[tokio::test]
async fn without_a_key_set_only_the_secret_counts() {
    let token = issued(&ec_key(), "a", &good_claims());
    let expected = "tokens signed by RS256 or ES256 are not accepted here: auth.jwks_url is not set";
    assert_eq!(reason(tokens(settings()).verify(&token).await), expected);
}
