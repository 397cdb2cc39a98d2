//! Login sessions and their refresh tokens.

use crate::{
    control_plane::MemoryUnitOfWork,
    state::{SessionRow, TokenRow},
};
use async_trait::async_trait;
use domain::{UserId, user::User};
use ports::driven::{SessionRepository, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;

#[async_trait]
impl SessionRepository for MemoryUnitOfWork {
    async fn begin(
        &mut self,
        session: Uuid,
        user: UserId,
        token_hash: &[u8; 32],
        _now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let state = self.write().await;
        state.sessions.insert(session, SessionRow { user, until, ended: false });
        state.refresh_tokens.insert(*token_hash, TokenRow { session, until, used: false });
        Ok(())
    }

    async fn rotate(
        &mut self,
        token_hash: &[u8; 32],
        successor_hash: &[u8; 32],
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Option<(Uuid, User)>, StoreError> {
        let state = self.write().await;
        let Some(token) = state.refresh_tokens.get_mut(token_hash) else { return Ok(None) };
        let id = token.session;
        let Some(session) = state.sessions.get_mut(&id) else { return Ok(None) };
        if token.used {
            // Two have it, and one of them stole it.
            session.ended = true;
            return Ok(None);
        }
        if session.ended || session.until <= now || token.until <= now {
            return Ok(None);
        }
        token.used = true;
        session.until = until;
        let user = session.user;
        state.refresh_tokens.insert(*successor_hash, TokenRow { session: id, until, used: false });
        Ok(state.users.get(&user).map(|stored| (id, stored.user.clone())))
    }

    async fn end(&mut self, session: Uuid, _now: OffsetDateTime) -> Result<(), StoreError> {
        if let Some(session) = self.write().await.sessions.get_mut(&session) {
            session.ended = true;
        }
        Ok(())
    }
}
