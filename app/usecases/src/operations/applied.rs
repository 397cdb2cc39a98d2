//! What a migrate has applied in all of its turns: a turn that is cut off tells nothing, but the branch's ledger does.

use super::{OperationRunner, halt::Halt, progress::Hold};
use crate::fingerprints;
use domain::migration::{LedgerEntry, MigrationVersion, SchemaMark};
use ports::driven::{AppliedFile, DatabasePlace};
use std::{collections::HashSet, time::Duration};
use tokio::time::timeout;

/// What is at work on the database may keep its ledger or its log of seeds closed. The operation ends all the same, and tells what its last turn knows.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

impl OperationRunner {
    /// Ends what earlier turns at the operation have left at work in the database, before this one does anything there.
    pub(super) async fn end_earlier_turns(&self, hold: &Hold, target: &DatabasePlace) -> Result<(), Halt> {
        if hold.is_taken_over().await {
            self.ports.migrations.end_earlier(target, hold.operation().await.id).await?;
        }
        Ok(())
    }

    /// The same for an operation that ends, which was cut off in this turn perhaps: it ends all the same.
    pub(super) async fn leave_nothing_at_work(&self, hold: &Hold, target: &DatabasePlace) {
        let end = async {
            // What is at work for whoever has taken the operation over is not ours to end.
            hold.renew().await?;
            self.ports.migrations.end_earlier(target, hold.operation().await.id).await?;
            Ok::<_, Halt>(())
        };
        let ended = timeout(PATIENCE, end).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!(database = %target.database, ?ended, "what the operation left at work could not be ended");
        }
    }

    /// Notes what the ledger has before anything is applied; whoever goes on with the operation finds it noted.
    pub(super) async fn note_applied_before(&self, hold: &Hold, target: &DatabasePlace) -> Result<(), Halt> {
        if hold.operation().await.input.applied_before.is_some() {
            return Ok(());
        }
        let ledger = self.ports.migrations.ledger(target).await?;
        let applied = ledger.iter().filter(|entry| entry.is_applied()).map(|entry| entry.version).collect();
        Ok(hold.note_applied_before(applied).await?)
    }

    /// All files that the operation has applied, over all of its turns, by the branch's ledger. `turn` has those of the present turn, with what the ledger does
    /// not keep: their statements and attempts.
    ///
    /// The last file's entry gets the schema's fingerprint, where it has none yet: drift is told by it from then on. Where the schema had drifted before, it gets
    /// a mark that says so.
    pub(super) async fn applied_in_all(&self, hold: &Hold, target: &DatabasePlace, turn: Vec<AppliedFile>) -> Vec<AppliedFile> {
        let Some(before) = hold.operation().await.input.applied_before else { return turn };
        match timeout(PATIENCE, self.since(before, target, &turn)).await {
            Ok(Some(applied)) => applied,
            Ok(None) => turn,
            Err(_) => {
                tracing::warn!(database = %target.database, "the ledger could not be looked at in time");
                turn
            }
        }
    }

    async fn since(&self, before: Vec<MigrationVersion>, target: &DatabasePlace, turn: &[AppliedFile]) -> Option<Vec<AppliedFile>> {
        let ledger = match self.ports.migrations.ledger(target).await {
            Ok(ledger) => ledger,
            Err(error) => {
                tracing::warn!(database = %target.database, %error, "the ledger could not be looked at");
                return None;
            }
        };
        let half_way = ledger.iter().any(LedgerEntry::came_half_way);
        let before: HashSet<MigrationVersion> = before.into_iter().collect();
        // The last of the earlier ones may have no mark: it was not the last of its operation, or came half way there.
        let earlier = ledger.iter().filter(|entry| before.contains(&entry.version));
        let drifted = SchemaMark::last_of(earlier).is_some_and(|mark| mark.is_drifted());
        let mut applied: Vec<LedgerEntry> = ledger.into_iter().filter(|entry| entry.is_applied() && !before.contains(&entry.version)).collect();
        applied.sort_by_key(|entry| (entry.applied_at, entry.version));
        // What a file did that did not come to its end is not what those before it left.
        if let Some(last) = applied.last().filter(|last| last.fingerprint.is_none() && !half_way) {
            if drifted {
                fingerprints::mark(&*self.ports.migrations, target, last.version, &SchemaMark::drifted()).await;
            } else {
                fingerprints::record(&*self.ports.schemas, &*self.ports.migrations, target, last.version).await;
            }
        }
        Some(
            applied
                .into_iter()
                .map(|entry| turn.iter().find(|file| file.version == entry.version).cloned().unwrap_or_else(|| of_before(entry)))
                .collect(),
        )
    }
}

/// What is known of a file that an earlier turn applied.
fn of_before(entry: LedgerEntry) -> AppliedFile {
    AppliedFile { version: entry.version, name: entry.name, duration: entry.duration, attempts: 1, statements: Vec::new() }
}
