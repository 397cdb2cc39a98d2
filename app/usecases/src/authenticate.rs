//! Turns credentials into a principal.

use async_trait::async_trait;
use domain::{
    Failure, Principal, Scope, Scopes,
    access::{PrincipalKind, Restrictions, Role},
    user::UserId,
};
use ports::{
    driven::{Clock, InvalidToken, KeyDirectory, KeyKind, KeyMint, SessionDirectory, StoredKey, TokenClaims, Tokens},
    driving::{Authenticator, Credentials},
};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Checks keys and tokens.
pub struct Authenticate {
    keys: Arc<dyn KeyDirectory>,
    mint: Arc<dyn KeyMint>,
    tokens: Arc<dyn Tokens>,
    sessions: Arc<dyn SessionDirectory>,
    clock: Arc<dyn Clock>,
    allow_anonymous: bool,
    known: KnownPrincipals,
}

impl Authenticate {
    /// `allow_anonymous` is `auth.allow_anonymous`: whether a request without a credential is `anon` instead of refused.
    pub fn new(
        keys: Arc<dyn KeyDirectory>,
        mint: Arc<dyn KeyMint>,
        tokens: Arc<dyn Tokens>,
        sessions: Arc<dyn SessionDirectory>,
        clock: Arc<dyn Clock>,
        allow_anonymous: bool,
    ) -> Self {
        Self { keys, mint, tokens, sessions, clock, allow_anonymous, known: KnownPrincipals::default() }
    }

    async fn by_key(&self, kind: KeyKind, secret: &str) -> Result<Arc<Principal>, Failure> {
        const REFUSED: Failure = Failure::Unauthenticated { reason: "this key is not valid" };
        let prefix = self.mint.prefix_of(kind, secret).ok_or(REFUSED)?;
        let stored = self.keys.find(&prefix).await?.ok_or(REFUSED)?;
        if stored.record.kind != kind || !self.mint.matches(secret, &stored.hash) {
            return Err(REFUSED);
        }
        if stored.record.revoked_at.is_some() {
            return Err(Failure::Unauthenticated { reason: "this key was revoked" });
        }
        if stored.record.expires_at.is_some_and(|at| at <= self.clock.now()) {
            return Err(Failure::Unauthenticated { reason: "this key has expired" });
        }
        Ok(self.known.of(&stored))
    }

    async fn by_token(&self, token: &str) -> Result<Arc<Principal>, Failure> {
        let claims = match self.tokens.verify(token).await {
            Ok(claims) => claims,
            Err(InvalidToken::Refused(reason)) => return Err(Failure::Unauthenticated { reason }),
            Err(InvalidToken::KeysUnavailable(cause)) => return Err(Failure::unavailable("the token's issuer cannot be reached", Some(cause))),
        };
        if let Some(session) = claims.session_id
            && !self.sessions.goes_on(session).await?
        {
            return Err(Failure::Unauthenticated { reason: "this token's session has ended; sign in again" });
        }
        Ok(Arc::new(of_token(claims)))
    }
}

#[async_trait]
impl Authenticator for Authenticate {
    async fn authenticate(&self, credentials: &Credentials) -> Result<Arc<Principal>, Failure> {
        if let Some(reason) = credentials.misplaced() {
            return Err(Failure::Unauthenticated { reason });
        }
        match (&credentials.api_key, &credentials.service_key, &credentials.bearer) {
            (Some(key), None, None) => self.by_key(KeyKind::Api, key).await,
            (None, Some(key), None) => self.by_key(KeyKind::Service, key).await,
            (None, None, Some(key)) if key.starts_with(KeyKind::Api.secret_prefix()) => self.by_key(KeyKind::Api, key).await,
            (None, None, Some(token)) => self.by_token(token).await,
            (None, None, None) if self.allow_anonymous => Ok(Arc::new(anonymous())),
            (None, None, None) => {
                Err(Failure::Unauthenticated { reason: "a credential is needed: X-API-Key, X-Service-Key, or Authorization: Bearer" })
            }
            // supabase-js sends its key both ways; the same key twice is one credential.
            (Some(key), None, Some(bearer)) if key == bearer => self.by_key(KeyKind::Api, key).await,
            _ => Err(Failure::Unauthenticated { reason: "send one credential, not several" }),
        }
    }
}

/// The principals of keys seen before, so that claims are not written anew for every request. An entry counts only for the very record it was made of.
#[derive(Default)]
struct KnownPrincipals(RwLock<HashMap<String, KnownPrincipal>>);

/// A principal, and the record it was made of.
type KnownPrincipal = (Arc<StoredKey>, Arc<Principal>);

impl KnownPrincipals {
    const AT_MOST: usize = 10_000;

    fn of(&self, stored: &Arc<StoredKey>) -> Arc<Principal> {
        if let Some((record, principal)) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&stored.record.prefix)
            && (Arc::ptr_eq(record, stored) || record == stored)
        {
            return Arc::clone(principal);
        }
        let principal = Arc::new(of_key(stored));
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::AT_MOST {
            known.clear();
        }
        known.insert(stored.record.prefix.clone(), (Arc::clone(stored), Arc::clone(&principal)));
        principal
    }
}

fn of_key(stored: &StoredKey) -> Principal {
    let record = &stored.record;
    let (kind, role) = match (record.kind, record.user_id) {
        (KeyKind::Service, _) => (PrincipalKind::ServiceKey(record.id), Role::Service),
        (KeyKind::Api, Some(_)) => (PrincipalKind::ApiKey(record.id), Role::Authenticated),
        (KeyKind::Api, None) => (PrincipalKind::ApiKey(record.id), Role::Anon),
    };
    let mut claims = json!({ "role": role.name() });
    if let Some(user) = record.user_id {
        claims["sub"] = json!(user);
    }
    if let Some(email) = &stored.user_email {
        claims["email"] = json!(email);
    }
    Principal {
        kind,
        role,
        user_id: record.user_id,
        foreign_subject: None,
        claims: claims.to_string(),
        scopes: record.scopes,
        restrictions: record.restrictions.clone(),
        expires_at: record.expires_at,
        session_id: None,
    }
}

/// The scopes of a token that names none: everything but administration, and that too where its user administers the instance.
fn default_token_scopes(admin: bool) -> Scopes {
    let own = Scopes::ALL.iter().filter(|scope| !scope.name().starts_with("admin:")).collect();
    if admin { Scopes::ALL } else { own }
}

fn of_token(token: TokenClaims) -> Principal {
    let granted = default_token_scopes(token.admin);
    let scopes = match &token.scope {
        None => granted,
        // Names that other parties' tokens carry (`openid`, `email`) are theirs and give nothing here; an issuer cannot hand out administration.
        Some(names) => names.split_whitespace().filter_map(|name| name.parse::<Scope>().ok()).collect::<Scopes>().intersection(granted),
    };
    let user_id = token.sub.as_deref().and_then(|sub| sub.parse::<UserId>().ok());
    Principal {
        kind: PrincipalKind::Token,
        role: token.role,
        user_id,
        foreign_subject: token.sub.filter(|_| user_id.is_none()),
        claims: token.claims,
        scopes,
        restrictions: Restrictions::default(),
        expires_at: Some(token.expires_at),
        session_id: token.session_id,
    }
}

fn anonymous() -> Principal {
    Principal {
        kind: PrincipalKind::Anonymous,
        role: Role::Anon,
        user_id: None,
        foreign_subject: None,
        claims: r#"{"role":"anon"}"#.to_owned(),
        scopes: [Scope::ReadTables, Scope::WriteTables, Scope::ReadVectors, Scope::ExecuteRpc].into_iter().collect(),
        restrictions: Restrictions::default(),
        expires_at: None,
        session_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::Authenticate;
    use domain::{
        Failure, Scope, Scopes,
        access::{KeyId, Restrictions, Role},
        user::UserId,
    };
    use ports::{
        driven::{
            InvalidToken, KeyKind, KeyRecord, MockClock, MockKeyDirectory, MockKeyMint, MockSessionDirectory, MockTokens, StoredKey, TokenClaims,
        },
        driving::{Authenticator, Credentials},
    };
    use std::sync::Arc;
    use time::{Duration, OffsetDateTime};
    use uuid::Uuid;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const GOES_ON: Uuid = Uuid::from_u128(5);

    fn stored(kind: KeyKind) -> StoredKey {
        StoredKey {
            record: KeyRecord {
                id: KeyId::from_uuid(Uuid::nil()),
                kind,
                name: "test".to_owned(),
                prefix: "p".to_owned(),
                user_id: Some(UserId::from_uuid(Uuid::max())),
                scopes: Scopes::NONE.with(Scope::ReadTables),
                restrictions: Restrictions::default(),
                created_at: NOW,
                expires_at: None,
                revoked_at: None,
            },
            hash: [7; 32],
            user_email: Some("o\"brien@example.com".to_owned()),
        }
    }

    fn over(key: Option<StoredKey>, matches: bool, token: Option<TokenClaims>) -> Authenticate {
        let (mut keys, mut mint, mut tokens, mut clock) = (MockKeyDirectory::new(), MockKeyMint::new(), MockTokens::new(), MockClock::new());
        let key = key.map(Arc::new);
        keys.expect_find().returning(move |_| Ok(key.clone()));
        mint.expect_prefix_of().returning(|_, _| Some("p".to_owned()));
        mint.expect_matches().returning(move |_, _| matches);
        tokens.expect_verify().returning(move |_| token.clone().ok_or(InvalidToken::Refused("this token has expired")));
        clock.expect_now().return_const(NOW);
        let mut sessions = MockSessionDirectory::new();
        sessions.expect_goes_on().returning(|session| Ok(session == GOES_ON));
        Authenticate::new(Arc::new(keys), Arc::new(mint), Arc::new(tokens), Arc::new(sessions), Arc::new(clock), false)
    }

    fn api_key() -> Credentials {
        Credentials { api_key: Some("fb_pk_x".to_owned()), ..Credentials::default() }
    }

    fn bearer(text: &str) -> Credentials {
        Credentials { bearer: Some(text.to_owned()), ..Credentials::default() }
    }

    fn reason(result: Result<Arc<domain::Principal>, Failure>) -> String {
        let failure = result.unwrap_err();
        assert_eq!(failure.code(), "unauthenticated");
        failure.to_string()
    }

    #[tokio::test]
    async fn a_key_acts_as_its_user_and_its_claims_are_json_whatever_the_address() {
        let principal = over(Some(stored(KeyKind::Api)), true, None).authenticate(&api_key()).await.unwrap();
        assert_eq!(principal.role, Role::Authenticated);
        let claims: serde_json::Value = serde_json::from_str(&principal.claims).unwrap();
        assert_eq!(claims["sub"], Uuid::max().to_string());
        assert_eq!(claims["email"], "o\"brien@example.com");
    }

    #[tokio::test]
    async fn a_wrong_revoked_expired_or_foreign_key_is_refused() {
        assert_eq!(reason(over(None, true, None).authenticate(&api_key()).await), "this key is not valid");
        assert_eq!(reason(over(Some(stored(KeyKind::Api)), false, None).authenticate(&api_key()).await), "this key is not valid");
        assert_eq!(reason(over(Some(stored(KeyKind::Service)), true, None).authenticate(&api_key()).await), "this key is not valid");
        let mut key = stored(KeyKind::Api);
        key.record.expires_at = Some(NOW);
        assert_eq!(reason(over(Some(key.clone()), true, None).authenticate(&api_key()).await), "this key has expired");
        key.record.revoked_at = Some(NOW);
        assert_eq!(reason(over(Some(key), true, None).authenticate(&api_key()).await), "this key was revoked");
    }

    #[tokio::test]
    async fn nothing_and_two_different_things_are_refused() {
        let authenticate = over(Some(stored(KeyKind::Api)), true, None);
        reason(authenticate.authenticate(&Credentials::default()).await);
        let two = Credentials { bearer: Some("eyJ".to_owned()), ..api_key() };
        assert_eq!(reason(authenticate.authenticate(&two).await), "send one credential, not several");
        let twice = Credentials { bearer: api_key().api_key, ..api_key() };
        assert!(authenticate.authenticate(&twice).await.is_ok());
    }

    #[tokio::test]
    async fn a_credential_in_the_wrong_header_is_told_the_right_one() {
        let authenticate = over(Some(stored(KeyKind::Service)), true, None);
        let service = |text: &str| Credentials { service_key: Some(text.to_owned()), ..Credentials::default() };
        let api = |text: &str| Credentials { api_key: Some(text.to_owned()), ..Credentials::default() };
        for (credentials, header) in [
            (api("sb_service_x"), "X-Service-Key"),
            (bearer("sb_service_x"), "X-Service-Key"),
            (Credentials { bearer: Some("sb_service_x".to_owned()), ..api("sb_service_x") }, "X-Service-Key"),
            (service("fb_pk_x"), "X-API-Key"),
            (api("eyJh.b.c"), "Authorization: Bearer"),
            (service("eyJh.b.c"), "Authorization: Bearer"),
        ] {
            let reason = reason(authenticate.authenticate(&credentials).await);
            assert!(reason.contains(header) && !reason.contains("_x"), "{reason}");
        }
    }

    #[tokio::test]
    async fn a_key_may_come_as_a_bearer() {
        assert!(over(Some(stored(KeyKind::Api)), true, None).authenticate(&bearer("fb_pk_x")).await.is_ok());
    }

    fn token(session_id: Option<Uuid>) -> TokenClaims {
        TokenClaims {
            sub: Some(Uuid::max().to_string()),
            role: Role::Authenticated,
            scope: None,
            session_id,
            admin: false,
            expires_at: NOW + Duration::HOUR,
            claims: "{}".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_token_of_ours_is_good_as_long_as_its_session_and_others_have_none() {
        for session in [None, Some(GOES_ON)] {
            assert!(over(None, true, Some(token(session))).authenticate(&bearer("eyJ")).await.is_ok());
        }
        let ended = over(None, true, Some(token(Some(Uuid::nil()))));
        assert_eq!(reason(ended.authenticate(&bearer("eyJ")).await), "this token's session has ended; sign in again");
    }

    #[tokio::test]
    async fn a_tokens_scope_claim_narrows_and_never_widens() {
        let token = token(None);
        let all = over(None, true, Some(token.clone())).authenticate(&bearer("eyJ")).await.unwrap();
        assert!(all.scopes.contains(Scope::WriteBranches) && !all.scopes.contains(Scope::AdminBranches));
        let narrow = TokenClaims { scope: Some("openid read:tables admin:keys".to_owned()), ..token };
        let narrow = over(None, true, Some(narrow)).authenticate(&bearer("eyJ")).await.unwrap();
        assert_eq!(narrow.scopes.names(), ["read:tables"]);
        assert_eq!(reason(over(None, true, None).authenticate(&bearer("eyJ")).await), "this token has expired");
    }
}
