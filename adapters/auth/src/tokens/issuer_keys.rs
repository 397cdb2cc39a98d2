//! An issuer's key set, fetched when it is first needed and kept for a while.

use super::{key_set::KeySet, settings::InvalidTokenSettings};
use domain::BoxError;
use jsonwebtoken::{Algorithm, DecodingKey};
use ports::driven::{Clock, InvalidToken};
use reqwest::{Client, Response, Url, header::ACCEPT, redirect::Policy};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use time::OffsetDateTime;
use tokio::{sync::Mutex, time::timeout};

/// Bytes of a document at most.
const MAX_BYTES: usize = 256 * 1024;
/// A fetch takes no longer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A set is used so long without asking again: a key that was withdrawn is good no longer than that.
const FRESH_FOR: time::Duration = time::Duration::minutes(10);
/// A set is used so long while its issuer cannot be reached.
const USABLE_FOR: time::Duration = time::Duration::hours(1);
/// Tokens that name unknown keys make us ask no more often than that: anybody can write such a token.
const ASK_FOR_UNKNOWN_EVERY: time::Duration = time::Duration::seconds(10);
/// After a failure we ask no sooner than that.
const RETRY_AFTER: time::Duration = time::Duration::seconds(5);
/// How long a request waits for a newer set when the set at hand is still usable and has its token's key: an issuer that hangs is no reason to hang as well.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The key set behind a URL.
pub(super) struct IssuerKeys {
    url: Url,
    client: Client,
    clock: Arc<dyn Clock>,
    current: RwLock<Option<Fetched>>,
    /// Held while fetching: one asks, the others wait for its answer.
    turn: Mutex<Attempts>,
}

#[derive(Clone)]
struct Fetched {
    at: OffsetDateTime,
    keys: Arc<KeySet>,
}

impl Fetched {
    fn is_usable(&self, now: OffsetDateTime) -> bool {
        now - self.at < USABLE_FOR
    }
}

#[derive(Default)]
struct Attempts {
    /// When the last one ended.
    last: Option<OffsetDateTime>,
    failure: Option<Arc<BoxError>>,
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("it answered {0}")]
    Status(reqwest::StatusCode),
    #[error("its answer has more than {MAX_BYTES} bytes")]
    TooLong,
    #[error("its answer is no key set")]
    NotAKeySet(#[source] serde_json::Error),
    #[error("it could not be asked")]
    Http(#[source] reqwest::Error),
}

impl IssuerKeys {
    pub(super) fn new(url: Url, clock: Arc<dyn Clock>) -> Result<Self, InvalidTokenSettings> {
        // A redirect could lead to anywhere, past the check of the scheme.
        let client = Client::builder().redirect(Policy::none()).timeout(TIMEOUT).connect_timeout(TIMEOUT).build();
        let client = client.map_err(|error| InvalidTokenSettings::JwksUrl { url: url.to_string(), reason: error.to_string() })?;
        Ok(Self { url, client, clock, current: RwLock::default(), turn: Mutex::default() })
    }

    /// The key that a token claims to be signed with.
    pub(super) async fn key(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, InvalidToken> {
        let now = self.clock.now();
        let known = match self.current() {
            Some(fetched) if now - fetched.at < FRESH_FOR => fetched,
            Some(usable) if usable.is_usable(now) && usable.keys.find(id, algorithm).is_some() => self.renewed_soon(usable).await?,
            stale => self.fetched_after(stale.map(|fetched| fetched.at), RETRY_AFTER).await?,
        };
        if let Some(key) = known.keys.find(id, algorithm) {
            return Ok(key.clone());
        }
        // The issuer may have a new key since we asked.
        let newer = self.fetched_after(Some(known.at), ASK_FOR_UNKNOWN_EVERY).await?;
        let key = newer.keys.find(id, algorithm).cloned();
        key.ok_or(InvalidToken::Refused("this token was signed with a key that its issuer does not publish"))
    }

    fn current(&self) -> Option<Fetched> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A set newer than `seen`, or the best there is where the last attempt was less than `pause` ago.
    async fn fetched_after(self: &Arc<Self>, seen: Option<OffsetDateTime>, pause: time::Duration) -> Result<Fetched, InvalidToken> {
        let own = Arc::clone(self);
        // A task of its own, so that a caller who goes away, or has waited for long enough, does not make the others ask again.
        let asked = tokio::spawn(async move { own.ask(seen, pause).await }).await;
        asked.map_err(|error| InvalidToken::KeysUnavailable(error.into()))?
    }

    /// A newer set where it comes soon; `usable` where it does not, or somebody asks for one already.
    async fn renewed_soon(self: &Arc<Self>, usable: Fetched) -> Result<Fetched, InvalidToken> {
        if self.turn.try_lock().is_err() {
            return Ok(usable);
        }
        timeout(PATIENCE, self.fetched_after(Some(usable.at), RETRY_AFTER)).await.unwrap_or(Ok(usable))
    }

    fn usable(&self) -> Option<Fetched> {
        self.current().filter(|fetched| fetched.is_usable(self.clock.now()))
    }

    async fn ask(&self, seen: Option<OffsetDateTime>, pause: time::Duration) -> Result<Fetched, InvalidToken> {
        let mut attempts = self.turn.lock().await;
        let now = self.clock.now();
        let somebody_else_did = self.current().filter(|fetched| seen.is_none_or(|seen| fetched.at > seen));
        let too_soon = attempts.last.is_some_and(|last| now - last < pause);
        if somebody_else_did.is_none() && !too_soon {
            let fetched = self.fetch().await;
            // Counted from its end: what waited for one that took its time is no reason for the next.
            attempts.last = Some(self.clock.now());
            match fetched {
                Ok(keys) => {
                    tracing::debug!(host = self.url.host_str(), keys = keys.len(), "fetched the issuer's keys");
                    attempts.failure = None;
                    let fetched = Fetched { at: now, keys: Arc::new(keys) };
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
                }
                Err(error) => {
                    tracing::warn!(host = self.url.host_str(), error = &error as &dyn std::error::Error, "could not fetch the issuer's keys");
                    attempts.failure = Some(Arc::new(error.into()));
                }
            }
        }
        self.usable().ok_or_else(|| {
            let cause = attempts.failure.as_ref().map_or_else(|| "it was not asked yet".to_owned(), ToString::to_string);
            InvalidToken::KeysUnavailable(cause.into())
        })
    }

    async fn fetch(&self) -> Result<KeySet, FetchError> {
        let response = self.client.get(self.url.clone()).header(ACCEPT, "application/json").send().await.map_err(FetchError::Http)?;
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status()));
        }
        KeySet::parse(&body(response).await?).map_err(FetchError::NotAKeySet)
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(FetchError::Http)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
