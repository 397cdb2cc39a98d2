//! Taking the logins of a branch's database back from whoever came to their passwords.

use super::database_logins;
use crate::{
    database::{
        admission::{LOOK, LOOKS},
        drop::may_signal_logins,
    },
    error::from_sql,
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, LoginPurpose};
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;

/// How long a session in which something is at work may go on: it may be a request's, or a copy's. Longer than PostgreSQL gives to one that still proves its password.
const PATIENCE: Duration = Duration::from_secs(70);
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Puts the database's logins right, and ends the sessions that were begun until then: ours are made anew by whoever needs one.
pub(super) async fn reclaim(admin: &mut PgConnection, settings: &Settings, database: &DatabaseName) -> Result<(), BuildError> {
    database_logins::restore(&mut *admin, settings, database).await?;
    may_signal_logins(&mut *admin, settings, database).await?;
    let before: OffsetDateTime =
        sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut *admin).await.map_err(|error| from_sql("asking for the time", error))?;
    for _ in 0..LOOKS {
        if end(&mut *admin, settings, database, before, Which::Idle).await? == 0 {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    end_the_others(settings.clone(), database.clone(), before);
    Ok(())
}

/// Sessions to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Those in which nothing is at work, and that hold nothing for somebody else's work.
    Idle,
    All,
}

async fn end(
    admin: &mut PgConnection,
    settings: &Settings,
    database: &DatabaseName,
    before: OffsetDateTime,
    which: Which,
) -> Result<i64, BuildError> {
    let logins = LoginPurpose::ALL.map(|purpose| settings.logins.of(purpose, database).name);
    // Wherever they are: other databases may let PUBLIC in.
    sqlx::query_scalar(
        "with session as materialized (
             select a.pid from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
              where r.rolname = any($1) and a.backend_start < $2
                and ($3 or a.state = 'idle' and not exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory'))
         ) select count(pg_terminate_backend(pid)) from session",
    )
    .bind(&logins[..])
    .bind(before)
    .bind(which == Which::All)
    .fetch_one(admin)
    .await
    .map_err(|error| from_sql(format!("ending sessions of the logins of '{database}'"), error))
}

/// Looks again and again for sessions that have become idle, and for those that were still proving the earlier password; in the end none of them is left.
fn end_the_others(settings: Settings, database: DatabaseName, before: OffsetDateTime) {
    tokio::spawn(async move {
        let (mut waited, mut pause) = (Duration::ZERO, Duration::from_secs(1));
        while waited < PATIENCE {
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let which = if waited < PATIENCE { Which::Idle } else { Which::All };
            let looked = async { end(&mut settings.admin().await?, &settings, &database, before, which).await };
            if let Err(error) = looked.await {
                tracing::warn!(%error, %database, "could not look for sessions that were begun with a password that is not ours");
            }
        }
    });
}
