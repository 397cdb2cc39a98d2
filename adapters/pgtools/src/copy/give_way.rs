//! A copy gives way to the parent's users: a statement that waits for its locks makes everybody else wait behind it.

use crate::{
    error::{from_sql, retryable},
    settings::Settings,
};
use ports::driven::BuildError;
use std::{future::Future, time::Duration};

/// How often waiting statements are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Carries the work on until somebody has waited too long for the leader's locks.
pub(crate) async fn while_nobody_waits<T>(
    settings: &Settings,
    backend: i32,
    work: impl Future<Output = Result<T, BuildError>>,
) -> Result<T, BuildError> {
    tokio::select! {
        biased;
        outcome = work => outcome,
        error = somebody_waits(settings, backend) => Err(error),
    }
}

async fn somebody_waits(settings: &Settings, backend: i32) -> BuildError {
    let patience = settings.give_way_after;
    let mut admin = match settings.admin().await {
        Ok(admin) => admin,
        Err(error) => return error,
    };
    loop {
        tokio::time::sleep(LOOK).await;
        let waits = sqlx::query_scalar(
            "select exists (select from pg_locks where not granted and waitstart < clock_timestamp() - make_interval(secs => $1)
                               and $2 = any (pg_blocking_pids(pid)))",
        )
        .bind(patience.as_secs_f64())
        .bind(backend)
        .fetch_one(&mut admin);
        match waits.await {
            Ok(false) => {}
            Ok(true) => return retryable(format!("a statement on the parent had waited for the copy for {patience:?}; the copy gave way")),
            Err(error) => return from_sql("looking for who waits for the copy", error),
        }
    }
}
