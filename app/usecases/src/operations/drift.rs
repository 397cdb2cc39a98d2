//! Drift, looked at before migrations run: afterwards nobody could tell what was changed beside them from what they did.

use super::{OperationRunner, applied::PATIENCE, halt::Halt, progress::Hold};
use crate::fingerprints;
use domain::{
    Slug,
    migration::{RepairAction, SchemaMark, last_applied},
    schema::Fingerprint,
};
use ports::driven::DatabasePlace;
use tokio::time::timeout;

impl OperationRunner {
    /// Whether the schema is another than the last file left, which is written into the ledger: whoever goes on with the operation finds it there. `None` where that
    /// is not known.
    pub(super) async fn drift_before(&self, hold: &Hold, target: &DatabasePlace) -> Result<Option<bool>, Halt> {
        let ledger = self.ports.migrations.ledger(target).await?;
        if let Some(before) = hold.operation().await.input.applied_before {
            // An earlier turn has looked, and the schema may be half way by now.
            let before = ledger.iter().filter(|entry| before.contains(&entry.version));
            return Ok(SchemaMark::last_of(before).map(|mark| mark.is_drifted()));
        }
        let (Some(last), Some(mark)) = (last_applied(&ledger), SchemaMark::of_ledger(&ledger)) else { return Ok(None) };
        let Some(present) = self.present(target).await else { return Ok(None) };
        let Some(drift) = mark.differs_from(&present) else { return Ok(None) };
        let new = if drift { mark.clone().drifted_from() } else { SchemaMark::clean(&present) };
        if new != mark {
            fingerprints::mark(&*self.ports.migrations, target, last.version, &new).await;
        }
        Ok(Some(drift))
    }

    /// The same, only looked at.
    pub(super) async fn drift(&self, target: &DatabasePlace) -> Result<Option<bool>, Halt> {
        let Some(mark) = SchemaMark::of_ledger(&self.ports.migrations.ledger(target).await?) else { return Ok(None) };
        Ok(self.present(target).await.and_then(|present| mark.differs_from(&present)))
    }

    /// What to say of drift, with the command that ends it.
    pub(super) async fn way_out_of_drift(&self, drift: Option<bool>, branch: &Slug, target: &DatabasePlace) -> Option<String> {
        if drift != Some(true) {
            return None;
        }
        let ledger = self.ports.migrations.ledger(target).await.ok()?;
        Some(RepairAction::drift_told(last_applied(&ledger)?.version, branch))
    }

    /// The fingerprint of the schema as it is now. A migration does not wait for it for ever.
    async fn present(&self, target: &DatabasePlace) -> Option<Fingerprint> {
        match timeout(PATIENCE, self.ports.schemas.fingerprint(target)).await {
            Ok(Ok(fingerprint)) => Some(fingerprint),
            Ok(Err(error)) => {
                tracing::warn!(database = %target.database, %error, "the schema could not be read: whether it has drifted is not known");
                None
            }
            Err(_) => {
                tracing::warn!(database = %target.database, "the schema could not be read in time: whether it has drifted is not known");
                None
            }
        }
    }
}
