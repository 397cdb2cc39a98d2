//! Whether a branch's schema is another than after its last migration, for whoever only looks at the branch.

use super::migration_view::MigrationView;
use domain::{branch::DatabaseName, schema::Fingerprint};
use ports::driven::{DatabasePlace, SchemaReader};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Mutex as Turn, time::timeout};

/// Who looks waits no longer; what is found out later is told to who looks again.
const PATIENCE: Duration = Duration::from_secs(2);

/// No schema takes so long to read: what does has come to a stop.
const LONGEST: Duration = Duration::from_mins(5);

/// Reads fingerprints of schemas, one of a database at a time, to the end: what takes longer than anybody waits is found in the reader's cache next time.
pub(super) struct DriftWatch {
    schemas: Arc<dyn SchemaReader>,
    turns: Mutex<HashMap<DatabaseName, Arc<Turn<()>>>>,
}

impl DriftWatch {
    /// Nothing is being read yet.
    pub(super) fn new(schemas: Arc<dyn SchemaReader>) -> Self {
        Self { schemas, turns: Mutex::default() }
    }

    /// Whether the schema is another than this view's last migration has left; `None` where that is not known, or not yet.
    pub(super) async fn look(&self, place: &DatabasePlace, view: &MigrationView) -> Option<bool> {
        let mark = view.mark()?;
        let present = timeout(PATIENCE, self.present(place)).await.ok()??;
        mark.differs_from(&present)
    }

    /// The fingerprint as it is once this is called: who comes while one is being read waits for that, and then reads anew, which costs nothing where nothing
    /// has changed meanwhile.
    async fn present(&self, place: &DatabasePlace) -> Option<Fingerprint> {
        let turn = self.turn(&place.database).lock_owned().await;
        let (schemas, place) = (Arc::clone(&self.schemas), place.clone());
        let reading = tokio::spawn(async move {
            let _turn = turn;
            match timeout(LONGEST, schemas.fingerprint(&place)).await {
                Ok(Ok(fingerprint)) => Some(fingerprint),
                Ok(Err(error)) => {
                    tracing::debug!(database = %place.database, %error, "could not read a branch's schema");
                    None
                }
                Err(_) => {
                    tracing::warn!(database = %place.database, "a branch's schema could not be read in {LONGEST:?}");
                    None
                }
            }
        });
        reading.await.ok()?
    }

    fn turn(&self, database: &DatabaseName) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(database.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::DriftWatch;
    use crate::{
        branches::migration_view::MigrationView,
        testing::{SlowSchemas, applied},
    };
    use domain::branch::DatabaseName;
    use ports::driven::DatabasePlace;
    use std::sync::{Arc, atomic::Ordering};

    fn place(name: &str) -> DatabasePlace {
        DatabasePlace { database: DatabaseName::existing(name), is_main: false }
    }

    fn view(fingerprint: Option<&str>) -> MigrationView {
        MigrationView::of_ledger(vec![applied(1, fingerprint)])
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_read_in_time_is_read_to_the_end_by_one_and_told_to_the_next() {
        let reader = Arc::new(SlowSchemas::default());
        let watch = DriftWatch::new(reader.clone());
        let (slow, other, before) = (place("slow"), place("other"), view(Some("before")));
        // Each of them gives up, and nobody reads the same beside the first.
        for _ in 0..3 {
            assert_eq!(watch.look(&slow, &before).await, None);
        }
        assert_eq!(reader.begun.load(Ordering::SeqCst), 1);
        assert_eq!(watch.look(&other, &before).await, None, "nor does another database wait for it");
        assert_eq!(reader.begun.load(Ordering::SeqCst), 2);
        reader.let_on.add_permits(1);
        assert_eq!(watch.look(&slow, &before).await, Some(true));
        assert_eq!(watch.look(&slow, &view(Some("after"))).await, Some(false));
        assert_eq!(watch.turns.lock().unwrap().len(), 1, "what nobody reads any more is not remembered");
    }

    #[tokio::test]
    async fn where_no_fingerprint_was_recorded_none_is_read() {
        let reader = Arc::new(SlowSchemas::default());
        assert_eq!(DriftWatch::new(reader.clone()).look(&place("b"), &view(None)).await, None);
        assert_eq!(reader.begun.load(Ordering::SeqCst), 0);
    }
}
