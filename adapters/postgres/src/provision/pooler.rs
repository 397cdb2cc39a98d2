//! Tells a pooler that hands a session from client to client (`PgBouncer`'s transaction mode, Supabase's port 6543) from PostgreSQL itself.

use sqlx::{Connection, PgConnection, PgPool, Row, postgres::PgConnectOptions};
use std::time::Duration;

/// Other clients that hold a transaction open. One is enough for a pooler that gives out the session that came back last; one that goes round all of
/// its idle sessions needs as many as it has.
const OTHERS: usize = 4;

/// How long the server may take to say which session it is. Behind a pooler whose sessions are all held, the answer does not come at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether this client's session is not its own.
///
/// While other clients hold transactions open, this one's statements must go on in the session that they began in, and no session can be two clients'.
/// Only the simple protocol is spoken: prepared statements are the first thing that breaks behind such a pooler.
pub(super) async fn is_shared(pool: &PgPool) -> Result<bool, sqlx::Error> {
    // `PgBouncer` refuses parameters that it cannot keep apart for its clients, in every mode.
    let options = PgConnectOptions::clone(&pool.connect_options()).extra_float_digits(None);
    let mut first = PgConnection::connect_with(&options).await?;
    let mut others = Vec::new();
    // They are dropped, not closed: over TLS a close waits for the other side to say goodbye as well, which a server that was not asked to end never does.
    is_taken(&mut first, &mut others, &options).await
}

async fn is_taken(first: &mut PgConnection, others: &mut Vec<PgConnection>, options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let Some(own) = session(first).await? else { return Ok(true) };
    for _ in 0..OTHERS {
        let mut other = PgConnection::connect_with(options).await?;
        sqlx::raw_sql("begin").execute(&mut other).await?;
        let held = session(&mut other).await?;
        others.push(other);
        if held.is_none_or(|held| held == own) || session(first).await? != Some(own) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The session's process, or nothing where the answer does not come.
async fn session(connection: &mut PgConnection) -> Result<Option<i32>, sqlx::Error> {
    match tokio::time::timeout(PATIENCE, sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection)).await {
        Ok(row) => row?.try_get(0).map(Some),
        Err(_) => Ok(None),
    }
}
