//! Indexes whose functions name others without a schema: they are built by the database's own search path, by which the parent built them, where they cannot be
//! without. From PostgreSQL 17 on there is none for them anywhere.

use super::restore::{Restore, Stopped, begin};
use crate::{connect::run, copy::rows::SEARCH_PATH, error::names_nothing, schema::archive::Entry};
use sqlx::Connection;
use std::collections::HashSet;

/// What a dump itself names without a schema is PostgreSQL's: that is found first.
const AFTER_ITS_OWN: &str = "select set_config('search_path', concat_ws(', ', 'pg_catalog', nullif(current_setting('search_path'), '')), true)";

impl Restore<'_> {
    /// Each by itself, in their order, up to the first that is refused all the same. Gives those that are there.
    pub(crate) async fn by_own_path(self, entries: &[&Entry]) -> HashSet<i64> {
        let mut there = HashSet::new();
        if let Err(error) = self.try_by_own_path(entries, &mut there).await {
            self.is_told(&error);
        }
        there
    }

    async fn try_by_own_path(self, entries: &[&Entry], there: &mut HashSet<i64>) -> Result<(), Stopped> {
        let mut branch = self.connect().await?;
        for entry in entries {
            match self.in_one_transaction(&mut branch, begin(), &[entry]).await {
                Err(error) if names_nothing(&error) && ["INDEX", "CONSTRAINT"].contains(&entry.kind.as_str()) => {
                    run(&mut branch, "rollback").await?;
                    self.in_one_transaction(&mut branch, format!("{}; {SEARCH_PATH}; {AFTER_ITS_OWN}", begin()), &[entry]).await?;
                }
                outcome => outcome?,
            }
            there.insert(entry.id);
        }
        let _ = branch.close().await;
        Ok(())
    }
}
