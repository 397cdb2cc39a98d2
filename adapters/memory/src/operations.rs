//! Operations, claimed under leases that the injected clock measures.

use crate::{
    control_plane::MemoryUnitOfWork,
    state::{OperationRow, State},
};
use async_trait::async_trait;
use domain::{
    Branch, BranchId, Operation, OperationId, OperationKind,
    operation::{Claim, Progress},
};
use ports::driven::{OperationRepository, StoreError, Workload};
use std::{collections::HashSet, time::Duration};
use time::OffsetDateTime;

impl State {
    fn is_cut_from_main(&self, branch: BranchId) -> bool {
        let parent = self.branches.get(&branch).and_then(|branch| self.branches.get(&branch.parent_id?));
        parent.is_none_or(Branch::is_main)
    }

    /// The row of a claim that is still the newest one.
    fn claimed(&mut self, claim: &Claim) -> Result<&mut OperationRow, StoreError> {
        self.operations.get_mut(&claim.operation.id).filter(|row| row.fence == claim.fence).ok_or(StoreError::Fenced)
    }

    /// The same where it has not ended.
    fn at_work(&mut self, claim: &Claim) -> Result<&mut OperationRow, StoreError> {
        self.claimed(claim).and_then(|row| if row.operation.finished_at.is_none() { Ok(row) } else { Err(StoreError::Fenced) })
    }
}

#[async_trait]
impl OperationRepository for MemoryUnitOfWork {
    async fn insert(&mut self, operation: &Operation) -> Result<(), StoreError> {
        let state = self.write().await;
        if state.operations.contains_key(&operation.id) {
            return Err(StoreError::Taken { what: "operation id" });
        }
        let row = OperationRow { operation: operation.clone(), fence: 0, failures: 0, lease_until: None, run_after: None };
        state.operations.insert(operation.id, row);
        self.ring_at_commit();
        Ok(())
    }

    async fn insert_delayed(&mut self, operation: &Operation, delay: Duration) -> Result<(), StoreError> {
        let run_after = self.now() + delay;
        OperationRepository::insert(self, operation).await?;
        if let Some(row) = self.write().await.operations.get_mut(&operation.id) {
            row.run_after = Some(run_after);
        }
        Ok(())
    }

    async fn find(&mut self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        Ok(self.read(|state| state.operations.get(&id).map(|row| row.operation.clone())))
    }

    async fn claim_next(&mut self, lease: Duration, workload: Workload) -> Result<Option<Claim>, StoreError> {
        let now = self.now();
        let of_workload: HashSet<OperationId> = self.read(|state| {
            let runs = |row: &&OperationRow| {
                workload == Workload::Any || !row.operation.kind.runs_peoples_code(state.is_cut_from_main(row.operation.branch_id))
            };
            state.operations.values().filter(runs).map(|row| row.operation.id).collect()
        });
        let unreadable = self.unreadable_ids();
        let free = |row: &&mut OperationRow| {
            of_workload.contains(&row.operation.id)
                && !unreadable.contains(&row.operation.id)
                && row.operation.finished_at.is_none()
                && row.run_after.is_none_or(|at| at <= now)
                && row.lease_until.is_none_or(|until| until <= now)
        };
        let rows = self.write().await.operations.values_mut();
        let Some(row) = rows.filter(free).min_by_key(|row| (row.operation.created_at, row.operation.id)) else { return Ok(None) };
        row.operation.status = Progress::Running;
        row.fence += 1;
        row.lease_until = Some(now + lease);
        Ok(Some(Claim { operation: row.operation.clone(), fence: row.fence, failures: row.failures }))
    }

    async fn renew(&mut self, claim: &Claim, lease: Duration) -> Result<(), StoreError> {
        let until = self.now() + lease;
        let row = self.write().await.claimed(claim)?;
        // A lease that was given back stays given back: a heartbeat may come late.
        row.lease_until = row.lease_until.map(|_| until);
        Ok(())
    }

    async fn retry(&mut self, claim: &Claim, delay: Duration) -> Result<(), StoreError> {
        let run_after = self.now() + delay;
        let row = self.write().await.at_work(claim)?;
        row.failures += 1;
        row.lease_until = None;
        row.run_after = Some(run_after);
        self.ring_at_commit();
        Ok(())
    }

    async fn cancel_queued(&mut self, id: OperationId, now: OffsetDateTime) -> Result<bool, StoreError> {
        let queued = |row: &&mut OperationRow| row.operation.status == Progress::Queued;
        let Some(row) = self.write().await.operations.get_mut(&id).filter(queued) else { return Ok(false) };
        row.operation.status = Progress::Cancelled;
        row.operation.cancel_requested = true;
        row.operation.finished_at = Some(now);
        Ok(true)
    }

    async fn request_cancel(&mut self, id: OperationId) -> Result<bool, StoreError> {
        let unfinished = |row: &&mut OperationRow| row.operation.finished_at.is_none();
        let Some(row) = self.write().await.operations.get_mut(&id).filter(unfinished) else { return Ok(false) };
        row.operation.cancel_requested = true;
        row.run_after = None;
        self.ring_at_commit();
        Ok(true)
    }

    async fn cancel_requested(&mut self, id: OperationId) -> Result<bool, StoreError> {
        Ok(self.read(|state| state.operations.get(&id).is_some_and(|row| row.operation.cancel_requested)))
    }

    async fn unfinished(&mut self) -> Result<Vec<Operation>, StoreError> {
        let unreadable = self.unreadable_ids();
        let unfinished = |row: &&OperationRow| row.operation.finished_at.is_none() && !unreadable.contains(&row.operation.id);
        let mut found: Vec<Operation> = self.read(|state| state.operations.values().filter(unfinished).map(|row| row.operation.clone()).collect());
        found.sort_by_key(|operation| (operation.created_at, operation.id));
        Ok(found)
    }

    async fn unreadable(&mut self) -> Result<Vec<(OperationId, BranchId)>, StoreError> {
        let unreadable = self.unreadable_ids();
        let unfinished = |row: &&OperationRow| row.operation.finished_at.is_none() && unreadable.contains(&row.operation.id);
        Ok(self.read(|state| state.operations.values().filter(unfinished).map(|row| (row.operation.id, row.operation.branch_id)).collect()))
    }

    async fn seeds_of(&mut self, branch: BranchId) -> Result<Option<Vec<String>>, StoreError> {
        let made = |operation: &&Operation| match operation.kind {
            OperationKind::CreateBranch => true,
            OperationKind::ResetBranch | OperationKind::UndoReset => operation.status == Progress::Succeeded,
            _ => false,
        };
        Ok(self.read(|state| {
            let of_branch = state.operations.values().map(|row| &row.operation).filter(|operation| operation.branch_id == branch);
            let mut made: Vec<_> = of_branch.filter(made).collect();
            made.sort_by_key(|operation| (operation.created_at, operation.id));
            let mut standing: Vec<Option<Vec<String>>> = Vec::new();
            for operation in made {
                match operation.kind {
                    OperationKind::UndoReset => drop(standing.pop()),
                    _ => standing.push(operation.input.seeds.clone()),
                }
            }
            standing.pop().flatten()
        }))
    }

    async fn try_turn(&mut self, name: &str) -> Result<bool, StoreError> {
        Ok(self.take_turn(name))
    }

    async fn save(&mut self, claim: &Claim) -> Result<(), StoreError> {
        let row = self.write().await.at_work(claim)?;
        let Operation { status, steps, error, result, finished_at, input, .. } = claim.operation.clone();
        row.operation = Operation { status, steps, error, result, finished_at, ..row.operation.clone() };
        let noted = &mut row.operation.input;
        noted.applied_before = noted.applied_before.take().or(input.applied_before);
        noted.sown_before = noted.sown_before.take().or(input.sown_before);
        row.lease_until = row.lease_until.filter(|_| finished_at.is_none());
        Ok(())
    }
}
