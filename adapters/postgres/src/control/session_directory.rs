//! Login sessions for their access tokens, remembered.

use super::{
    cache::{Cache, Source},
    error::store,
};
use async_trait::async_trait;
use ports::driven::{SessionDirectory, StoreError};
use sqlx::PgPool;
use std::fmt;
use uuid::Uuid;

/// Sessions that go on. End them by the control plane that it was given to; a `ChangeListener` tells it of what other replicas ended.
pub struct PgSessionDirectory {
    going_on: Cache<GoingOn>,
}

impl PgSessionDirectory {
    /// A directory that remembers nothing yet.
    pub fn new(pool: PgPool) -> Self {
        Self { going_on: Cache::new(GoingOn(pool)) }
    }

    pub(super) fn forget(&self, ids: &[Uuid]) {
        if !ids.is_empty() {
            self.going_on.forget(|session| ids.contains(session));
        }
    }

    pub(super) fn forget_all(&self) {
        self.going_on.forget(|_| true);
    }
}

impl fmt::Debug for PgSessionDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgSessionDirectory").finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionDirectory for PgSessionDirectory {
    async fn goes_on(&self, session: Uuid) -> Result<bool, StoreError> {
        Ok(self.going_on.get(&session).await?.is_some())
    }
}

struct GoingOn(PgPool);

impl Source for GoingOn {
    type Key = Uuid;
    type Value = Uuid;

    async fn load(&self, session: &Uuid) -> Result<Option<Uuid>, StoreError> {
        sqlx::query_scalar("select id from auth.sessions where id = $1 and ended_at is null and (not_after is null or not_after > now())")
            .bind(session)
            .fetch_optional(&self.0)
            .await
            .map_err(store)
    }
}
