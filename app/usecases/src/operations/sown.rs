//! What a seed operation has sown in all of its turns: a turn that fails or is cut off tells nothing, but the branch's log of seeds does.

use super::{OperationRunner, applied::PATIENCE, halt::Halt, progress::Hold};
use ports::driven::{DatabasePlace, SeedReport, SownFile};
use tokio::time::timeout;

impl OperationRunner {
    /// Notes what the log has before anything is sown; whoever goes on with the operation finds it noted.
    pub(super) async fn note_sown_before(&self, hold: &Hold, place: &DatabasePlace) -> Result<(), Halt> {
        if hold.operation().await.input.sown_before.is_some() {
            return Ok(());
        }
        let log = self.ports.seeds.log(place).await?;
        Ok(hold.note_sown_before(log.into_iter().map(|file| (file.name, file.run)).collect()).await?)
    }

    /// Everything that the operation has sown, and what it found as it was; `turn` is what the present turn knows.
    pub(super) async fn sown_in_all(&self, hold: &Hold, place: &DatabasePlace, turn: Vec<SeedReport>) -> Vec<SeedReport> {
        let Some(before) = hold.operation().await.input.sown_before else { return turn };
        let log = match timeout(PATIENCE, self.ports.seeds.log(place)).await {
            Ok(Ok(log)) => log,
            looked => {
                tracing::warn!(database = %place.database, ?looked, "the log of seeds could not be looked at");
                return turn;
            }
        };
        let sown: Vec<SownFile> = log.into_iter().filter(|file| before.get(&file.name) != Some(&file.run)).collect();
        merged(turn, &sown)
    }

    /// What an operation that ends before its time has sown.
    pub(super) async fn sown_until_now(&self, hold: &Hold) -> Result<Vec<SeedReport>, Halt> {
        let branch = self.branch(hold.operation().await.branch_id).await?;
        let Ok(place) = self.settings.names.place(&branch) else { return Ok(Vec::new()) };
        self.leave_nothing_at_work(hold, &place).await;
        Ok(self.sown_in_all(hold, &place, Vec::new()).await)
    }
}

/// What an earlier turn had sown, the present one found unchanged, or did not come to.
fn merged(turn: Vec<SeedReport>, sown: &[SownFile]) -> Vec<SeedReport> {
    let report = |file: &SownFile| SeedReport { name: file.name.clone(), rows: file.rows, duration: file.duration, unchanged: false };
    let mut all: Vec<SeedReport> = turn
        .into_iter()
        .map(|told| match sown.iter().find(|file| told.unchanged && file.name == told.name) {
            Some(file) => report(file),
            None => told,
        })
        .collect();
    for file in sown {
        if all.iter().all(|told| told.name != file.name) {
            all.push(report(file));
        }
    }
    all
}
