//! Issuers' key sets: fetched once, kept, renewed when keys change, and never asked too much.

use super::{
    issuer_keys::PATIENCE,
    rig::{Issuer, ec_key, good_claims, issued, jwk, reason, rsa_key, stranger_key},
};
use ports::driven::{InvalidToken, TokenClaims, Tokens};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

const UNKNOWN_KEY: &str = "this token was signed with a key that its issuer does not publish";

fn unavailable(result: Result<TokenClaims, InvalidToken>) -> String {
    match result {
        Err(InvalidToken::KeysUnavailable(cause)) => cause.to_string(),
        other => panic!("not unavailable: {other:?}"),
    }
}

#[tokio::test]
async fn tokens_of_both_algorithms_are_good_and_the_set_is_fetched_once_when_it_is_needed() {
    let issuer = Issuer::publishing(&[jwk(&rsa_key(), "a"), jwk(&ec_key(), "b")]).await;
    let (tokens, _) = issuer.tokens();
    assert_eq!(issuer.asked(), 0);
    let mut checks = JoinSet::new();
    for _ in 0..10 {
        let tokens = Arc::clone(&tokens);
        checks.spawn(async move { tokens.verify(&issued(&ec_key(), "b", &good_claims())).await.is_ok() });
    }
    assert!(checks.join_all().await.into_iter().all(|good| good));
    assert!(tokens.verify(&issued(&rsa_key(), "a", &good_claims())).await.is_ok());
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_a_withdrawn_one_forgotten() {
    let issuer = Issuer::publishing(&[jwk(&ec_key(), "old")]).await;
    let (tokens, clock) = issuer.tokens();
    let (old, new) = (issued(&ec_key(), "old", &good_claims()), issued(&stranger_key(), "new", &good_claims()));
    assert!(tokens.verify(&old).await.is_ok());
    issuer.publish(&[jwk(&stranger_key(), "new")]);
    assert_eq!(reason(tokens.verify(&new).await), UNKNOWN_KEY, "the issuer was asked a moment ago");
    clock.advance(Duration::from_secs(10));
    let (old, new) = (with_more_time(&ec_key(), "old"), with_more_time(&stranger_key(), "new"));
    assert!(tokens.verify(&new).await.is_ok());
    assert_eq!(reason(tokens.verify(&old).await), UNKNOWN_KEY);
    assert_eq!(issuer.asked(), 2);
}

fn with_more_time(key: &super::rig::TestKey, id: &str) -> String {
    let mut claims = good_claims();
    claims["exp"] = (super::rig::NOW.unix_timestamp() + 100_000).into();
    issued(key, id, &claims)
}

#[tokio::test]
async fn a_withdrawn_key_is_forgotten_even_if_nobody_asks_for_a_new_one() {
    let issuer = Issuer::publishing(&[jwk(&ec_key(), "a"), jwk(&rsa_key(), "b")]).await;
    let (tokens, clock) = issuer.tokens();
    let token = with_more_time(&ec_key(), "a");
    assert!(tokens.verify(&token).await.is_ok());
    issuer.publish(&[jwk(&rsa_key(), "b")]);
    clock.advance(Duration::from_mins(9));
    assert!(tokens.verify(&token).await.is_ok());
    clock.advance(Duration::from_mins(1));
    assert_eq!(reason(tokens.verify(&token).await), UNKNOWN_KEY);
}

#[tokio::test]
async fn unknown_keys_do_not_make_us_ask_without_end() {
    let issuer = Issuer::publishing(&[jwk(&ec_key(), "a")]).await;
    let (tokens, clock) = issuer.tokens();
    for round in 1..=3 {
        for id in 0..20 {
            assert_eq!(reason(tokens.verify(&with_more_time(&stranger_key(), &format!("{id}"))).await), UNKNOWN_KEY);
        }
        assert_eq!(issuer.asked(), round);
        clock.advance(Duration::from_secs(10));
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_no_fault_of_the_token() {
    let issuer = Issuer::publishing(&[]).await;
    let (tokens, clock) = issuer.tokens();
    let token = with_more_time(&ec_key(), "a");
    issuer.answer("500 Internal Server Error", "", "{\"keys\":[]}");
    assert_eq!(unavailable(tokens.verify(&token).await), "it answered 500 Internal Server Error");
    issuer.publish(&[jwk(&ec_key(), "a")]);
    assert_eq!(unavailable(tokens.verify(&token).await), "it answered 500 Internal Server Error", "not asked again at once");
    clock.advance(Duration::from_secs(5));
    assert!(tokens.verify(&token).await.is_ok());
    assert_eq!(issuer.asked(), 2);

    issuer.answer("503 Service Unavailable", "", "");
    clock.advance(Duration::from_mins(59));
    assert!(tokens.verify(&token).await.is_ok(), "what is known is good for a while");
    clock.advance(Duration::from_mins(1));
    assert_eq!(unavailable(tokens.verify(&token).await), "it answered 503 Service Unavailable");
}

#[tokio::test]
async fn answers_that_are_too_long_lead_elsewhere_or_are_no_key_set_are_refused() {
    let elsewhere = Issuer::publishing(&[jwk(&ec_key(), "a")]).await;
    let token = issued(&ec_key(), "a", &good_claims());
    let long = format!(r#"{{"keys":[],"padding":"{}"}}"#, "x".repeat(300_000));
    let location = format!("location: {}\r\n", elsewhere.url);
    for (status, headers, body, expected) in [
        ("200 OK", "", long.as_str(), "its answer has more than 262144 bytes"),
        ("302 Found", location.as_str(), "", "it answered 302 Found"),
        ("200 OK", "", "<html>", "its answer is no key set"),
    ] {
        let issuer = Issuer::publishing(&[]).await;
        issuer.answer(status, headers, body);
        assert_eq!(unavailable(issuer.tokens().0.verify(&token).await), expected);
    }
    assert_eq!(elsewhere.asked(), 0);
}

#[tokio::test]
async fn a_new_key_of_an_issuer_that_takes_its_time_is_waited_for() {
    let issuer = Issuer::publishing(&[jwk(&ec_key(), "a")]).await;
    let (tokens, clock) = issuer.tokens();
    assert!(tokens.verify(&with_more_time(&ec_key(), "a")).await.is_ok());

    issuer.publish(&[jwk(&stranger_key(), "b")]);
    issuer.hang(true);
    clock.advance(Duration::from_mins(2));
    let mut rotated = tokio::spawn(async move { tokens.verify(&with_more_time(&stranger_key(), "b")).await.is_ok() });
    assert!(tokio::time::timeout(PATIENCE + Duration::from_millis(500), &mut rotated).await.is_err(), "it is not refused for what is not known yet");
    issuer.hang(false);
    assert!(rotated.await.unwrap());
}

#[tokio::test]
async fn an_issuer_that_hangs_is_asked_once_and_holds_up_nobody_whose_key_is_known() {
    let issuer = Issuer::publishing(&[jwk(&ec_key(), "a")]).await;
    let (tokens, clock) = issuer.tokens();
    let token = with_more_time(&ec_key(), "a");
    assert!(tokens.verify(&token).await.is_ok());

    issuer.hang(true);
    clock.advance(Duration::from_mins(11));
    let mut checks = JoinSet::new();
    for _ in 0..10 {
        let (tokens, token) = (Arc::clone(&tokens), token.clone());
        checks.spawn(async move { tokens.verify(&token).await.is_ok() });
    }
    let known = tokio::time::timeout(Duration::from_secs(3), checks.join_all()).await.expect("nobody waits for as long as the issuer may take");
    assert!(known.into_iter().all(|good| good));
    assert_eq!(issuer.asked(), 2);

    // The attempt ends later than the next one would have been due, had it been counted from its begin.
    clock.advance(Duration::from_secs(6));
    issuer.answer("500 Internal Server Error", "", "");
    issuer.hang(false);
    // Who brings an unknown key waits for the end of it.
    assert_eq!(reason(tokens.verify(&with_more_time(&stranger_key(), "b")).await), UNKNOWN_KEY);
    for _ in 0..3 {
        assert!(tokens.verify(&token).await.is_ok());
    }
    assert_eq!(issuer.asked(), 2, "not asked again at once");
    clock.advance(Duration::from_secs(5));
    assert!(tokens.verify(&token).await.is_ok());
    assert_eq!(issuer.asked(), 3);
}
