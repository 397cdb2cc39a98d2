//! JSON Web Tokens: made and checked with one HS256 secret, and checked with the keys that an issuer publishes.

mod claims;
mod compact;
mod issuer_keys;
mod key_set;
mod settings;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod issuer_cases;
#[cfg(test)]
mod rig;

pub use settings::{InvalidTokenSettings, TokenSettings};

use async_trait::async_trait;
use claims::{OwnClaims, Rules};
use compact::CompactToken;
use domain::{BoxError, access::Role};
use issuer_keys::IssuerKeys;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use ports::driven::{AccessToken, Clock, InvalidToken, Secret, TokenClaims, TokenSubject, Tokens};
use std::{fmt, sync::Arc, time::Duration};

/// Makes tokens by HS256, and checks HS256 tokens with the same secret, RS256 and ES256 tokens with the issuer's key set.
///
/// The algorithm follows from the key: the header of a token only says which of them it claims to be signed with.
pub struct JwtTokens {
    signing: EncodingKey,
    checking: DecodingKey,
    issuer_keys: Option<Arc<IssuerKeys>>,
    rules: Rules,
    lifetime: Duration,
    key_id: String,
    clock: Arc<dyn Clock>,
}

impl JwtTokens {
    /// Refuses a secret below 32 bytes and a key set whose place others could listen in on. Nothing is fetched yet.
    ///
    /// With a key set, rustls' default provider must have been installed.
    pub fn new(settings: TokenSettings, clock: Arc<dyn Clock>) -> Result<Self, InvalidTokenSettings> {
        let secret = settings.checked_secret()?;
        let issuer_keys = match settings.jwks_url()? {
            Some(url) => Some(Arc::new(IssuerKeys::new(url, Arc::clone(&clock))?)),
            None => None,
        };
        Ok(Self {
            signing: EncodingKey::from_secret(secret),
            checking: DecodingKey::from_secret(secret),
            issuer_keys,
            lifetime: settings.lifetime,
            key_id: settings.key_id,
            rules: Rules { issuer: settings.issuer, audience: settings.audience },
            clock,
        })
    }

    /// The key set's key that a token names.
    async fn issuer_key(&self, token: &CompactToken<'_>, algorithm: Algorithm) -> Result<DecodingKey, InvalidToken> {
        let Some(keys) = &self.issuer_keys else {
            return Err(InvalidToken::Refused("tokens signed by RS256 or ES256 are not accepted here: auth.jwks_url is not set"));
        };
        keys.key(token.key_id(), algorithm).await
    }
}

impl fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtTokens").field("rules", &self.rules).field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

#[async_trait]
impl Tokens for JwtTokens {
    fn issue(&self, subject: &TokenSubject) -> Result<AccessToken, BoxError> {
        let issued_at = self.clock.now().unix_timestamp();
        let expires_in = self.lifetime.as_secs();
        let claims = OwnClaims {
            sub: subject.user.id,
            email: &subject.user.email,
            role: Role::Authenticated.name(),
            session_id: subject.session_id,
            iss: self.rules.issuer.as_deref(),
            // What client libraries of the Supabase kind expect where nobody said otherwise.
            aud: self.rules.audience.as_deref().unwrap_or("authenticated"),
            iat: issued_at,
            exp: issued_at.saturating_add_unsigned(expires_in),
            fluxbase_admin: subject.user.admin.then_some(true),
        };
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims, &self.signing)?;
        Ok(AccessToken { token: Secret::new(token), expires_in })
    }

    async fn verify(&self, token: &str) -> Result<TokenClaims, InvalidToken> {
        let token = CompactToken::parse(token)?;
        let by_secret = token.algorithm() == "HS256";
        let good = match token.algorithm() {
            "HS256" => token.is_signed_by(&self.checking, Algorithm::HS256),
            "RS256" => token.is_signed_by(&self.issuer_key(&token, Algorithm::RS256).await?, Algorithm::RS256),
            "ES256" => token.is_signed_by(&self.issuer_key(&token, Algorithm::ES256).await?, Algorithm::ES256),
            _ => return Err(InvalidToken::Refused("this token's algorithm is not accepted; HS256, RS256 and ES256 are")),
        };
        if !good {
            return Err(InvalidToken::Refused("this token's signature is not valid"));
        }
        let claims = self.rules.check(token.payload()?, self.clock.now())?;
        // Whoever has the secret is the operator, and issuers of key sets hand out no administration. Sessions of ours are those that this instance began.
        let ours = by_secret && token.key_id() == Some(self.key_id.as_str());
        Ok(TokenClaims { admin: claims.admin && by_secret, session_id: claims.session_id.filter(|_| ours), ..claims })
    }
}

#[cfg(test)]
mod tests {
    use super::rig::{FixedClock, NOW, SECRET, hs256, reason, settings, subject, tokens};
    use super::{InvalidTokenSettings, JwtTokens, TokenSettings};
    use domain::access::Role;
    use ports::driven::{Secret, Tokens};
    use serde_json::json;
    use std::{sync::Arc, time::Duration};

    #[tokio::test]
    async fn our_own_token_is_good_and_says_for_whom_it_is() {
        let tokens = tokens(TokenSettings { issuer: Some("https://example.com".to_owned()), ..settings() });
        let access = tokens.issue(&subject(false)).unwrap();
        assert_eq!(access.expires_in, 3600);
        let claims = tokens.verify(access.token.expose()).await.unwrap();
        assert_eq!(claims.sub, Some(subject(false).user.id.to_string()));
        assert_eq!(claims.role, Role::Authenticated);
        assert_eq!(claims.session_id, Some(subject(false).session_id));
        assert_eq!(claims.expires_at, NOW + Duration::from_hours(1));
        assert_eq!(claims.scope, None);
        assert!(!claims.admin);
        let all: serde_json::Value = serde_json::from_str(&claims.claims).unwrap();
        assert_eq!(all["email"], "alice@example.com");
        assert_eq!(all["iss"], "https://example.com");
        assert_eq!(all["aud"], "authenticated");
        assert_eq!(all.get("fluxbase_admin"), None);
    }

    #[tokio::test]
    async fn sessions_of_others_who_have_the_secret_are_not_ours() {
        let theirs = tokens(TokenSettings { key_id: "theirs".to_owned(), ..settings() });
        let token = theirs.issue(&subject(true)).unwrap().token;
        let claims = tokens(settings()).verify(token.expose()).await.unwrap();
        assert_eq!((claims.session_id, claims.admin), (None, true));
        let by_hand = json!({ "role": "authenticated", "exp": NOW.unix_timestamp() + 60, "session_id": subject(false).session_id });
        assert_eq!(tokens(settings()).verify(&hs256(&by_hand.to_string(), SECRET)).await.unwrap().session_id, None);
    }

    #[tokio::test]
    async fn an_administrators_token_says_so() {
        let tokens = tokens(settings());
        let access = tokens.issue(&subject(true)).unwrap();
        assert!(tokens.verify(access.token.expose()).await.unwrap().admin);
    }

    #[tokio::test]
    async fn a_token_lives_as_long_as_configured_and_not_a_second_more_than_the_leeway() {
        let clock = Arc::new(FixedClock::default());
        let settings = TokenSettings { lifetime: Duration::from_mins(1), ..settings() };
        let tokens = JwtTokens::new(settings, Arc::clone(&clock) as _).unwrap();
        let access = tokens.issue(&subject(false)).unwrap();
        clock.advance(Duration::from_secs(60 + 29));
        assert!(tokens.verify(access.token.expose()).await.is_ok());
        clock.advance(Duration::from_secs(1));
        assert_eq!(reason(tokens.verify(access.token.expose()).await), "this token has expired");
    }

    #[tokio::test]
    async fn all_claims_are_passed_on_to_the_letter() {
        let payload =
            format!(r#"{{ "role":"anon",  "exp": {}.5, "app":{{"tenant":"é\u0041", "n":1e2}}, "list":[1, 2 ] }}"#, NOW.unix_timestamp() + 60);
        let claims = tokens(settings()).verify(&hs256(&payload, SECRET)).await.unwrap();
        assert_eq!(claims.claims, payload);
        assert_eq!((claims.sub, claims.role), (None, Role::Anon));
    }

    #[tokio::test]
    async fn scopes_come_as_a_text_or_as_a_list() {
        let tokens = tokens(settings());
        for (scope, expected) in [(json!("read:tables openid"), "read:tables openid"), (json!(["read:tables", "openid"]), "read:tables openid")] {
            let token = hs256(&json!({ "role": "anon", "exp": NOW.unix_timestamp() + 60, "scope": scope }).to_string(), SECRET);
            assert_eq!(tokens.verify(&token).await.unwrap().scope.as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_weak_secret_and_a_key_set_in_the_open_stop_the_start() {
        let new = |settings| JwtTokens::new(settings, Arc::new(FixedClock::default()) as _).unwrap_err();
        let short = new(TokenSettings { secret: Secret::new("only thirty-one bytes, not more"), ..settings() });
        assert_eq!(short, InvalidTokenSettings::ShortSecret { bytes: 31 });
        for url in ["http://example.com/jwks.json", "file:///etc/passwd", "jwks.json", "http://localhost.example.com/", "https://"] {
            let refused = new(TokenSettings { jwks_url: Some(url.to_owned()), ..settings() });
            assert!(matches!(refused, InvalidTokenSettings::JwksUrl { .. }), "{url}: {refused:?}");
        }
    }

    #[test]
    fn debug_does_not_tell_the_secret() {
        let told = format!("{:?} {:?}", settings(), tokens(settings()));
        assert!(!told.contains(SECRET), "{told}");
    }
}
