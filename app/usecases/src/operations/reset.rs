//! Building a branch's next generation beside the one that serves, and switching to it.

use super::{
    OperationRunner,
    create::{nothing_to_do, take_over, told},
    ending::{Ending, elsewhere},
    halt::{Failed, Halt},
    progress::Hold,
};
use domain::{Branch, BranchState, Generation, StepName, branch::Previous};
use ports::driven::{BuildProgress, DatabaseTag, OpenDatabase, UnitOfWork};
use std::{sync::Arc, time::Duration};

/// How long the logins of what takes over may take to be let in, while the switch waits for them.
const LETTING_IN: Duration = Duration::from_mins(1);

impl OperationRunner {
    /// Builds the next generation and switches to it. Requests that came before the switch end on the old one, which is kept for a while.
    pub(super) async fn reset(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let branch = self.subject(hold).await?;
        let BranchState::Resetting { next, .. } = branch.state else { return Err(nothing_to_do(&branch)) };
        self.let_people_come_back(hold).await?;
        let target = self.settings.names.tag(&branch, next);
        let report = self.build(hold, &branch, &target).await?;
        self.let_in(hold, &target).await?;
        let mut ending = self.succeed(hold, None).await?;
        let (state, before) = ending.branch.state.clone().switched().map_err(elsewhere)?;
        ending.branch.state = state;
        self.hand_people_over(&mut ending, &target, before).await?;
        // One that an earlier reset had replaced goes now: there is one step back.
        if let Some(older) = ending.branch.previous.take() {
            self.queue_discard(&mut *ending.work, &branch, older.generation, ending.now).await?;
        }
        ending.branch.previous = before.map(|generation| Previous {
            generation,
            since: ending.now,
            until: ending.now + self.settings.reset_undo,
            closed: false,
            withheld: std::mem::take(&mut ending.branch.withheld),
            data_as_of: ending.branch.data_as_of,
        });
        ending.tell("reset", Some(told(&report))).await?;
        take_over(&mut ending.branch, report);
        ending.commit_with_branch().await?;
        hold.after_effect().await;
        self.restock.notify_one();
        Ok(())
    }

    /// Opens what takes the place of the generation that serves, and makes it ready for requests; what is left is the switch.
    pub(super) async fn let_in(&self, hold: &Arc<Hold>, next: &DatabaseTag) -> Result<(), Halt> {
        hold.step(StepName::Admit).await?;
        self.ports.builder.admit(next).await?;
        self.ports.open.warm_up(&OpenDatabase { branch: next.branch_id, database: next.database.clone() }).await;
        Ok(hold.passed(&[StepName::Switch]).await?)
    }

    /// Lets people's own tools into what takes over, and ends their sessions on what it replaces before anybody can see that the switch is done: what they
    /// wrote there from then on would be lost. Requests that began before go on. Behind the branch's lock: a login that is issued later is issued for the
    /// generation that then serves.
    pub(super) async fn hand_people_over(&self, ending: &mut Ending, next: &DatabaseTag, replaced: Option<Generation>) -> Result<(), Halt> {
        let footing = ending.work.may_stand_still(LETTING_IN).await?;
        self.ports.logins.admit(next, footing).await?;
        match replaced {
            Some(replaced) => Ok(self.ports.logins.see_off(&self.settings.names.tag(&ending.branch, replaced), footing).await?),
            None => Ok(()),
        }
    }

    /// Lets people's own tools go where they went: an attempt may have ended between seeing them off and the switch. What serves may lack its database, which
    /// is what a reset mends. Behind the branch's lock, as everything that opens or closes its login.
    pub(super) async fn let_people_stay(&self, work: &mut dyn UnitOfWork, branch: &Branch) -> Result<(), Halt> {
        let Some(serving) = branch.state.serving() else { return Ok(()) };
        let footing = work.may_stand_still(LETTING_IN).await?;
        if let Err(error) = self.ports.logins.admit(&self.settings.names.tag(branch, serving), footing).await {
            tracing::warn!(branch.id = %branch.id, %error, "could not let the branch's login stay; asking for its connection again lets it in");
        }
        Ok(())
    }

    /// The same where an earlier attempt was broken off, as long as nobody else has ended the operation meanwhile.
    pub(super) async fn let_people_come_back(&self, hold: &Hold) -> Result<(), Halt> {
        if !hold.is_taken_over().await {
            return Ok(());
        }
        let operation = hold.operation().await;
        let mut work = self.ports.control_plane.begin().await?;
        let branch = work.branches().find(operation.branch_id, true).await?.filter(|branch| branch.state.operation() == Some(operation.id));
        self.let_people_stay(&mut *work, &branch.ok_or(Halt::Lost)?).await
    }

    /// Takes away what was built and says that it failed; what served before serves on.
    pub(super) async fn fail_reset(&self, hold: &Arc<Hold>, failed: &Failed) -> Result<(), Halt> {
        self.drop_unbuilt(hold).await?;
        let mut ending = self.fail(hold, failed).await?;
        self.let_people_stay(&mut *ending.work, &ending.branch).await?;
        ending.branch.state = ending.branch.state.clone().reset_failed(failed.told()).map_err(elsewhere)?;
        ending.tell("reset_failed", Some(failed.told())).await?;
        ending.commit_with_branch().await
    }
}
