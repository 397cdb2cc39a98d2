//! Login sessions and their refresh tokens, in an `auth` schema of ours.

use super::{
    change_listener::SESSIONS,
    error::store,
    unit_of_work::PgUnitOfWork,
    users::{UserRow, user_columns},
};
use async_trait::async_trait;
use domain::{UserId, user::User};
use ports::driven::{SessionRepository, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: i64,
    session_id: Uuid,
    user_id: Uuid,
    used: bool,
    good: bool,
}

#[async_trait]
impl SessionRepository for PgUnitOfWork {
    async fn begin(
        &mut self,
        session: Uuid,
        user: UserId,
        token_hash: &[u8; 32],
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<(), StoreError> {
        // Nobody else clears away what has expired, tokens with it.
        sqlx::query("delete from auth.sessions where user_id = $1 and not_after <= $2")
            .bind(user.as_uuid())
            .bind(now)
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        sqlx::query("insert into auth.sessions (id, user_id, created_at, not_after) values ($1, $2, $3, $4)")
            .bind(session)
            .bind(user.as_uuid())
            .bind(now)
            .bind(until)
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        self.touched.sessions.push(session);
        self.add_token(session, token_hash, now, until).await
    }

    async fn rotate(
        &mut self,
        token_hash: &[u8; 32],
        successor_hash: &[u8; 32],
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Option<(Uuid, User)>, StoreError> {
        // Both rows are locked: of two who send the same token, the second one sees that it was used.
        let token: Option<TokenRow> = sqlx::query_as(
            "select t.id, t.session_id, s.user_id, t.used_at is not null as used,
                 t.expires_at > $2 and s.ended_at is null and (s.not_after is null or s.not_after > $2) as good
             from auth.refresh_tokens t join auth.sessions s on s.id = t.session_id
             where t.token_hash = $1
             for update of t, s",
        )
        .bind(token_hash.as_slice())
        .bind(now)
        .fetch_optional(&mut *self.transaction)
        .await
        .map_err(store)?;
        let Some(token) = token else { return Ok(None) };
        if token.used {
            self.end(token.session_id, now).await?;
            return Ok(None);
        }
        if !token.good {
            return Ok(None);
        }
        sqlx::query("update auth.refresh_tokens set used_at = $2 where id = $1")
            .bind(token.id)
            .bind(now)
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        sqlx::query("update auth.sessions set not_after = $2 where id = $1")
            .bind(token.session_id)
            .bind(until)
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        self.add_token(token.session_id, successor_hash, now, until).await?;
        let user: Option<UserRow> = sqlx::query_as(concat!("select ", user_columns!(), " from auth.users u where u.id = $1"))
            .bind(token.user_id)
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(store)?;
        Ok(user.map(|user| (token.session_id, user.into())))
    }

    async fn end(&mut self, session: Uuid, now: OffsetDateTime) -> Result<(), StoreError> {
        let ended = sqlx::query("update auth.sessions set ended_at = $2 where id = $1 and ended_at is null")
            .bind(session)
            .bind(now)
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        if ended.rows_affected() > 0 {
            // By hand and not by a trigger: the table travels with branches, where nobody listens.
            sqlx::query("select pg_notify($1, $2)").bind(SESSIONS).bind(session.to_string()).execute(&mut *self.transaction).await.map_err(store)?;
            self.touched.sessions.push(session);
        }
        Ok(())
    }
}

impl PgUnitOfWork {
    async fn add_token(&mut self, session: Uuid, hash: &[u8; 32], now: OffsetDateTime, until: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query("insert into auth.refresh_tokens (session_id, token_hash, created_at, expires_at) values ($1, $2, $3, $4)")
            .bind(session)
            .bind(hash.as_slice())
            .bind(now)
            .bind(until)
            .execute(&mut *self.transaction)
            .await
            .map_err(store)?;
        Ok(())
    }
}
