//! The admin's connections that wait for the next branch: to open one takes as long as to hand a spare over.

use crate::{settings::Settings, stock::change_token};
use ports::driven::BuildError;
use sqlx::{Connection, PgConnection};
use std::sync::{Mutex, PoisonError};

/// One for the work on a branch, one that looks at its parent meanwhile.
const AT_MOST: usize = 2;

/// Connections to the metadata database in which nothing is left of what was done in them, but what their backends remember of catalogues and statements.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Vec<PgConnection>>);

impl Kept {
    /// One that waits and is still alive; where there is none, a new one.
    pub(crate) async fn take(&self, settings: &Settings) -> Result<PgConnection, BuildError> {
        while let Some(mut connection) = self.latest() {
            if connection.ping().await.is_ok() {
                return Ok(connection);
            }
        }
        settings.admin().await
    }

    /// Opens what is lacking, and lets each have seen main's catalogues once: the first look takes several times as long as any other.
    pub(crate) async fn complete(&self, settings: &Settings) -> Result<(), BuildError> {
        while self.0.lock().unwrap_or_else(PoisonError::into_inner).len() < AT_MOST {
            let mut connection = settings.admin().await?;
            change_token(&mut connection).await?;
            self.keep(connection);
        }
        Ok(())
    }

    /// Keeps a connection for whoever comes next. One in which something failed is not given back: it is closed by being dropped.
    pub(crate) fn keep(&self, connection: PgConnection) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < AT_MOST {
            waiting.push(connection);
        }
    }

    fn latest(&self) -> Option<PgConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
