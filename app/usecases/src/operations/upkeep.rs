//! What has to be done again and again, by one replica at a time: branches end, kept generations are closed and discarded, stock is tended, what crashes
//! left is swept.

use super::{OperationRunner, discard::discard_operation, halt::Halt, rehearsal::rehearse};
use crate::branches::ExpireBranches;
use domain::{Branch, BranchId, OperationId, OperationKind};
use ports::driven::{DatabaseTag, Stock};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How often it is looked for what is due.
const TICK: Duration = Duration::from_secs(2);
/// How often spares and templates are tended without anybody having cut a branch.
const TEND_EVERY: Duration = Duration::from_mins(1);
/// How often the server is swept.
const SWEEP_EVERY: Duration = Duration::from_mins(5);
/// How long one replica may be at recurring work while the others leave it to that one.
const TURN: Duration = Duration::from_mins(10);
/// How long it may take to cut off who is still connected to a database.
const SHUTTING_OUT: Duration = Duration::from_mins(1);

/// Recurring work.
pub struct Upkeep {
    runner: Arc<OperationRunner>,
    expire: ExpireBranches,
    stock: Arc<dyn Stock>,
    /// What was reported once is not reported again.
    reported: Mutex<BTreeSet<String>>,
}

impl Upkeep {
    /// Upkeep of what a runner's operations leave.
    pub fn new(runner: Arc<OperationRunner>, expire: ExpireBranches, stock: Arc<dyn Stock>) -> Self {
        Self { runner, expire, stock, reported: Mutex::default() }
    }

    /// Looks for what is due, until dropped.
    pub async fn work(&self) {
        loop {
            if let Err(error) = self.expire.run().await {
                tracing::warn!(%error, "could not look for expired branches");
            }
            if let Err(halt) = self.set_aside().await {
                tracing::warn!(?halt, "could not close or discard what resets replaced");
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Keeps spares ready and the server clean, until dropped. Making a spare takes a while: nothing that is due waits for it.
    pub async fn keep_stock(&self) {
        let mut sweep_at = Instant::now();
        let mut rehearsed = false;
        loop {
            if Instant::now() >= sweep_at {
                if let Err(halt) = self.sweep().await {
                    tracing::warn!(?halt, "could not sweep the server");
                }
                sweep_at = Instant::now() + SWEEP_EVERY;
            }
            let spare = self.stock.tend().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "could not tend spares and templates");
                false
            });
            // Where a branch is a matter of milliseconds.
            if spare
                && !std::mem::replace(&mut rehearsed, true)
                && let Err(error) = rehearse(&self.runner.ports).await
            {
                tracing::info!(%error, "the first branches may take a little longer: their making could not be rehearsed");
            }
            let rest = TEND_EVERY.min(sweep_at.saturating_duration_since(Instant::now()));
            tokio::select! {
                () = self.runner.restock.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// Closes what was replaced some seconds ago, and has what is kept no longer discarded.
    async fn set_aside(&self) -> Result<(), Halt> {
        let ports = &self.runner.ports;
        let mut turn = ports.control_plane.begin().await?;
        if turn.branches().with_previous().await?.is_empty() || !turn.operations().try_turn("previous generations").await? {
            return Ok(());
        }
        turn.may_stand_still(TURN).await?;
        for branch in turn.branches().with_previous().await? {
            if let Err(halt) = self.set_aside_of(&branch).await
                && self.is_news(format!("{} {halt:?}", branch.id))
            {
                tracing::warn!(branch.id = %branch.id, ?halt, "could not close or discard what a reset replaced; trying on");
            }
        }
        Ok(())
    }

    /// What is looked for every few seconds may stand in the way for days.
    fn is_news(&self, told: String) -> bool {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).insert(told)
    }

    async fn set_aside_of(&self, seen: &Branch) -> Result<(), Halt> {
        let OperationRunner { ports, settings, .. } = &*self.runner;
        let now = ports.clock.now();
        let due = |branch: &Branch| {
            let previous = branch.set_aside().filter(|previous| previous.since + settings.grace <= now)?;
            (previous.until <= now || !previous.closed).then(|| previous.clone())
        };
        if due(seen).is_none() {
            return Ok(());
        }
        let mut work = ports.control_plane.begin().await?;
        // Behind the branch's lock: an undo opens it again after this, or this sees that it is on its way back.
        let Some(mut branch) = work.branches().find(seen.id, true).await? else { return Ok(()) };
        let Some(previous) = due(&branch) else { return Ok(()) };
        let footing = work.may_stand_still(SHUTTING_OUT).await?;
        if previous.until <= now {
            let operation = discard_operation(OperationId::from_uuid(ports.ids.fresh()), &branch, previous.generation, now);
            work.operations().insert(&operation).await?;
            branch.previous = None;
        } else {
            // A replica that is frozen here wakes up when an undo may long have brought it back.
            ports.builder.shut_out_while(&settings.names.tag(&branch, previous.generation), footing).await?;
            if let Some(previous) = &mut branch.previous {
                previous.closed = true;
            }
        }
        work.branches().update(&branch).await?;
        Ok(work.commit().await?)
    }

    /// Drops what belongs to no live branch and to no operation.
    async fn sweep(&self) -> Result<(), Halt> {
        let ports = &self.runner.ports;
        let mut turn = ports.control_plane.begin().await?;
        if !turn.operations().try_turn("sweep").await? {
            return Ok(());
        }
        turn.may_stand_still(TURN).await?;
        // The names first: what is made after this is on nobody's list.
        let candidates = self.stock.candidates().await?;
        let (live, running) = self.in_use(&candidates).await?;
        let report = self.stock.sweep(candidates, &live, &running).await?;
        for name in &report.dropped {
            tracing::info!(name, "dropped what belonged to no branch");
        }
        for name in report.reported {
            if self.is_news(name.clone()) {
                tracing::warn!(name, "looks like ours, but is not proved to be: it is left alone");
            }
        }
        Ok(())
    }

    /// The databases that branches have or will have, and the operations that may have copies. What an operation is at work on that cannot be read here, nobody
    /// can tell: whatever its branch has is left alone.
    async fn in_use(&self, candidates: &[DatabaseTag]) -> Result<(Vec<DatabaseTag>, Vec<OperationId>), Halt> {
        let names = &self.runner.settings.names;
        let mut work = self.runner.ports.control_plane.begin().await?;
        let unfinished = work.operations().unfinished().await?;
        let branches = work.branches().live().await?;
        let tags = |branch: &Branch| branch.generations().into_iter().map(|generation| names.tag(branch, generation)).collect::<Vec<_>>();
        let mut live: Vec<DatabaseTag> = branches.iter().filter(|branch| !branch.is_main()).flat_map(tags).collect();
        for discard in unfinished.iter().filter(|operation| operation.kind == OperationKind::DiscardGeneration) {
            if let (Some(branch), Some(generation)) = (work.branches().find(discard.branch_id, false).await?, discard.input.generation) {
                live.push(names.tag(&branch, generation));
            }
        }
        let mut running: Vec<OperationId> = unfinished.into_iter().map(|operation| operation.id).collect();
        // After the others: what is on neither list was not there when the databases were listed.
        let unreadable = work.operations().unreadable().await?;
        running.extend(unreadable.iter().map(|(operation, _)| *operation));
        live.extend(of_branches(candidates, &unreadable).cloned());
        Ok((live, running))
    }
}

/// Those that belong to a branch that one of the operations is about.
fn of_branches<'a>(candidates: &'a [DatabaseTag], operations: &'a [(OperationId, BranchId)]) -> impl Iterator<Item = &'a DatabaseTag> {
    candidates.iter().filter(|candidate| operations.iter().any(|(_, branch)| *branch == candidate.branch_id))
}

#[cfg(test)]
mod tests {
    use super::of_branches;
    use domain::{BranchId, Generation, OperationId, branch::DatabaseName};
    use ports::driven::DatabaseTag;
    use uuid::Uuid;

    #[test]
    fn whatever_the_branch_of_an_unreadable_operation_has_is_spared() {
        let branch = |number| BranchId::from_uuid(Uuid::from_u128(number));
        let tag =
            |name: &str, number| DatabaseTag { database: DatabaseName::existing(name), branch_id: branch(number), generation: Generation::FIRST };
        let candidates = [tag("b_x_g1", 1), tag("b_y_g1", 2), tag("b_x_g7", 1)];
        let unreadable = [(OperationId::from_uuid(Uuid::from_u128(9)), branch(1))];
        let spared: Vec<&str> = of_branches(&candidates, &unreadable).map(|tag| tag.database.as_str()).collect();
        assert_eq!(spared, ["b_x_g1", "b_x_g7"]);
        assert_eq!(of_branches(&candidates, &[]).count(), 0);
    }
}
