//! Branches whose time has come go by themselves, and are told of before.

use super::delete_branch::begin_delete;
use crate::trail::{self, FLUXBASE};
use domain::{Branch, Failure};
use ports::driven::{Clock, ControlPlane, Ids};
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;

/// How long it waits for its turn to change which branches there are: nobody waits for its answer, and there is a next round.
const PATIENCE: Duration = Duration::from_secs(30);

/// Begins the delete of expired branches, and warns of it. One that has children waits for them, and that is told once; one that is
/// protected stays.
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
        self.warn().await?;
        self.expire().await
    }

    /// A line of history for each branch whose end is near, once for each end.
    async fn warn(&self) -> Result<(), Failure> {
        let mut work = self.control_plane.begin().await?;
        let now = self.clock.now();
        let soon = |branch: &Branch| branch.expires_soon(now);
        if !work.branches().unwarned(Branch::WARN_WITHIN).await?.iter().any(soon) || !work.operations().try_turn("warnings").await? {
            return Ok(());
        }
        // Read again in the turn: another replica may have had it before.
        for branch in work.branches().unwarned(Branch::WARN_WITHIN).await?.into_iter().filter(soon) {
            let Some(at) = branch.expires_at else { continue };
            work.branches().warned(branch.id, at).await?;
            let detail = Some(format!("it goes by itself at {}", trail::moment(at)));
            work.activity().record(&trail::activity(branch.id, FLUXBASE.to_owned(), "expires_soon", detail, now)).await?;
        }
        Ok(work.commit().await?)
    }

    async fn expire(&self) -> Result<usize, Failure> {
        let mut work = self.control_plane.begin().await?;
        if work.branches().expired().await?.is_empty() {
            return Ok(0);
        }
        work.branches().lock_admission(PATIENCE).await?;
        let mut begun = 0;
        // Read again under the locks: another replica may have begun meanwhile, or somebody given it more time. Who has a branch's row may have it for a while, and
        // everybody who makes or deletes a branch would wait with us: its turn comes with a later round.
        for seen in work.branches().expired().await? {
            let Some(branch) = work.branches().find_free(seen.id).await? else { continue };
            let now = self.clock.now();
            let Some(at) = branch.expires_at.filter(|at| *at <= now && !branch.protected && branch.state.operation().is_none()) else { continue };
            let children = work.branches().children(branch.id).await?.len();
            if children == 0 {
                begin_delete(&mut *work, &*self.ids, &*self.clock, branch, FLUXBASE, "expired").await?;
                begun += 1;
            } else if !work.activity().tells(branch.id, WAITS, at).await? {
                work.activity().record(&trail::activity(branch.id, FLUXBASE.to_owned(), WAITS, Some(waits_for(children, at)), now)).await?;
            }
        }
        work.commit().await?;
        Ok(begun)
    }
}

/// What the history says of a branch whose time has come and that stays for its children's sake.
const WAITS: &str = "expiry_waits";

/// Children are counted and not named: who reads the history need not see them.
fn waits_for(children: usize, since: OffsetDateTime) -> String {
    let cut = if children == 1 { "a branch that was cut from it is".to_owned() } else { format!("{children} branches that were cut from it are") };
    format!("its time came at {}, and {cut} still there: it goes when it has no children any more, or is given more time", trail::moment(since))
}

#[cfg(test)]
mod tests {
    use super::ExpireBranches;
    use crate::testing::{BRANCH, FakeWork, branch};
    use domain::Branch;
    use ports::driven::{MockClock, MockControlPlane, MockIds};
    use std::sync::{Arc, Mutex};
    use time::{Duration, OffsetDateTime};

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    /// Rounds over these units of work, in this order.
    fn over(works: Vec<FakeWork>) -> ExpireBranches {
        let works = Mutex::new(works.into_iter());
        let (mut control_plane, mut ids, mut clock) = (MockControlPlane::new(), MockIds::new(), MockClock::new());
        control_plane.expect_begin().returning(move || Ok(Box::new(works.lock().unwrap().next().unwrap())));
        ids.expect_fresh().return_const(BRANCH);
        clock.expect_now().return_const(NOW);
        ExpireBranches::new(Arc::new(control_plane), Arc::new(ids), Arc::new(clock))
    }

    fn quiet() -> FakeWork {
        let mut work = FakeWork::default();
        work.branches.expect_unwarned().returning(|_| Ok(Vec::new()));
        work
    }

    #[tokio::test]
    async fn a_branch_whose_time_has_come_goes_and_one_with_children_waits() {
        let old = || Branch { expires_at: Some(NOW), ..branch("old", None) };
        let extended = || Branch { expires_at: Some(NOW + Duration::HOUR), ..branch("old", None) };
        let child = || vec![branch("child", None)];
        for (locked, children, told_before, begun, told) in [
            (Some(old()), vec![], false, 1, Some("expired")),
            (Some(old()), child(), false, 0, Some("expiry_waits")),
            (Some(old()), child(), true, 0, None),
            (Some(extended()), vec![], false, 0, None),
            // Somebody has its row: it is not waited for.
            (None, vec![], false, 0, None),
        ] {
            let mut work = FakeWork::default();
            work.branches.expect_lock_admission().returning(|_| Ok(()));
            work.branches.expect_find_free().returning(move |_| Ok(locked.clone()));
            work.branches.expect_expired().returning(move || Ok(vec![old()]));
            work.branches.expect_children().returning(move |_| Ok(children.clone()));
            work.branches.expect_update().times(begun).returning(|_| Ok(()));
            work.operations.expect_insert().times(begun).returning(|_| Ok(()));
            work.activity
                .expect_tells()
                .withf(|_, action, since| action == "expiry_waits" && *since == NOW)
                .returning(move |_, _, _| Ok(told_before));
            work.activity.expect_record().times(told.map_or(0, |_| 1)).withf(move |line| Some(line.action.as_str()) == told).returning(|_| Ok(()));
            assert_eq!(over(vec![quiet(), work]).run().await.unwrap(), begun);
        }
    }

    #[tokio::test]
    async fn people_are_warned_once_of_an_end_that_is_near() {
        let of =
            |lifetime: Duration, left: Duration| Branch { created_at: NOW + left - lifetime, expires_at: Some(NOW + left), ..branch("brief", None) };
        for (brief, told) in [
            (of(Duration::hours(5), Duration::minutes(29)), 1),
            (of(Duration::hours(5), Duration::minutes(31)), 0),
            (of(Duration::days(7), Duration::minutes(59)), 1),
            (of(Duration::days(7), Duration::minutes(61)), 0),
        ] {
            let (mut work, mut nothing) = (FakeWork::default(), FakeWork::default());
            work.branches.expect_unwarned().returning(move |_| Ok(vec![brief.clone()]));
            work.operations.expect_try_turn().returning(|_| Ok(true));
            work.branches.expect_warned().times(told).returning(|_, _| Ok(()));
            work.activity.expect_record().times(told).withf(|line| line.action == "expires_soon").returning(|_| Ok(()));
            nothing.branches.expect_expired().returning(|| Ok(Vec::new()));
            over(vec![work, nothing]).run().await.unwrap();
        }
    }
}
