//! [`PgLoginRestorer`]: logins of branches' databases as we know them, whatever code that ran over them did to them.

use super::database_logins;
use crate::settings::Settings;
use async_trait::async_trait;
use domain::branch::DatabaseName;
use ports::driven::{BuildError, LoginRestorer};
use std::{collections::HashMap, fmt, time::Instant};
use tokio::sync::Mutex;

/// More databases than this are looked through for those that nobody waits for.
const MANY: usize = 64;

/// Puts logins right on one server, one database after the other: whoever is refused is refused with many others.
pub struct PgLoginRestorer {
    settings: Settings,
    /// When it was last begun for a database.
    begun: Mutex<HashMap<DatabaseName, Instant>>,
}

impl PgLoginRestorer {
    /// Over the server that these settings lead to; nothing is connected yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, begun: Mutex::default() }
    }
}

impl fmt::Debug for PgLoginRestorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgLoginRestorer").finish_non_exhaustive()
    }
}

#[async_trait]
impl LoginRestorer for PgLoginRestorer {
    async fn restore(&self, database: &DatabaseName) -> Result<(), BuildError> {
        let asked = Instant::now();
        let mut begun = self.begun.lock().await;
        if begun.get(database).is_some_and(|begun| *begun >= asked) {
            return Ok(());
        }
        let now = Instant::now();
        database_logins::restore_at_once(&self.settings, database).await?;
        if begun.len() >= MANY {
            begun.clear();
        }
        begun.insert(database.clone(), now);
        Ok(())
    }
}
