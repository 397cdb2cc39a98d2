//! Branches whose time has come go by themselves.

use super::delete_branch::begin_delete;
use crate::trail::FLUXBASE;
use domain::Failure;
use ports::driven::{Clock, ControlPlane, Ids};
use std::sync::Arc;

/// Begins the delete of expired branches. One that has children waits for them.
pub struct ExpireBranches {
    control_plane: Arc<dyn ControlPlane>,
    ids: Arc<dyn Ids>,
    clock: Arc<dyn Clock>,
}

impl ExpireBranches {
    /// Over the control plane.
    pub fn new(control_plane: Arc<dyn ControlPlane>, ids: Arc<dyn Ids>, clock: Arc<dyn Clock>) -> Self {
        Self { control_plane, ids, clock }
    }

    /// One round. Gives the number of branches that are now on their way out.
    pub async fn run(&self) -> Result<usize, Failure> {
        let mut work = self.control_plane.begin().await?;
        if work.branches().expired().await?.is_empty() {
            return Ok(0);
        }
        work.branches().lock_admission().await?;
        let mut begun = 0;
        // Read again under the lock: another replica may have begun meanwhile.
        for branch in work.branches().expired().await? {
            if work.branches().children(branch.id).await?.is_empty() {
                begin_delete(&mut *work, &*self.ids, &*self.clock, branch, FLUXBASE, "expired").await?;
                begun += 1;
            }
        }
        work.commit().await?;
        Ok(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::ExpireBranches;
    use crate::testing::{BRANCH, branch, work_with};
    use ports::driven::{MockClock, MockIds};
    use std::sync::Arc;
    use time::OffsetDateTime;

    #[tokio::test]
    async fn a_branch_whose_time_has_come_goes_and_one_with_children_waits() {
        for (children, begun) in [(vec![], 1), (vec![branch("child", None)], 0)] {
            let mut work = work_with(None);
            work.branches.expect_expired().returning(|| Ok(vec![branch("old", None)]));
            work.branches.expect_children().returning(move |_| Ok(children.clone()));
            work.branches.expect_update().times(begun).returning(|_| Ok(()));
            work.operations.expect_insert().times(begun).returning(|_| Ok(()));
            work.activity.expect_record().times(begun).returning(|_| Ok(()));
            let (mut ids, mut clock) = (MockIds::new(), MockClock::new());
            ids.expect_fresh().return_const(BRANCH);
            clock.expect_now().return_const(OffsetDateTime::UNIX_EPOCH);
            let expire = ExpireBranches::new(work.control_plane(), Arc::new(ids), Arc::new(clock));
            assert_eq!(expire.run().await.unwrap(), begun);
        }
    }
}
