//! Taking a branch away.

use super::{OperationRunner, create::nothing_to_do, ending::elsewhere, halt::Halt, progress::Hold};
use domain::{Branch, BranchState, Generation, OperationKind, StepName};
use ports::driven::{BuildProgress, DatabaseTag};
use std::sync::Arc;

impl OperationRunner {
    /// Cuts connections, drops every database that it has, frees the slug. Each step may be done twice.
    pub(super) async fn delete(&self, hold: &Arc<Hold>) -> Result<(), Halt> {
        let branch = self.subject(hold).await?;
        if !matches!(branch.state, BranchState::Deleting { .. }) {
            return Err(nothing_to_do(&branch));
        }
        let doomed: Vec<DatabaseTag> =
            self.every_generation(&branch).await?.into_iter().map(|generation| self.settings.names.tag(&branch, generation)).collect();
        hold.step(StepName::ShutOut).await?;
        for target in &doomed {
            self.ports.builder.shut_out(target).await?;
        }
        hold.step(StepName::DropDatabase).await?;
        for target in &doomed {
            self.ports.builder.drop_database(target, Arc::clone(hold) as Arc<dyn BuildProgress>).await?;
        }
        self.ports.logins.revoke(branch.id).await?;
        hold.step(StepName::Forget).await?;
        let mut ending = self.succeed(hold, None).await?;
        ending.branch.state = ending.branch.state.clone().gone(ending.now).map_err(elsewhere)?;
        ending.branch.previous = None;
        // Keys pinned to it end with it: the slug is free from now on, and may be somebody else's next.
        ending.work.keys().revoke_pinned(&branch.slug, ending.now).await?;
        ending.tell("deleted", None).await?;
        ending.commit_with_branch().await?;
        hold.after_effect().await;
        Ok(())
    }

    /// What it has, and what is still to be discarded: a slug is free again only when all of its databases are gone.
    async fn every_generation(&self, branch: &Branch) -> Result<Vec<Generation>, Halt> {
        let mut work = self.ports.control_plane.begin().await?;
        if work.operations().unreadable().await?.into_iter().any(|(_, of)| of == branch.id) {
            let message = "an operation of the branch was written by another version, and nobody can tell what it has made";
            return Err(Halt::Again { message: message.to_owned(), source: None });
        }
        let unfinished = work.operations().unfinished().await?;
        let discards = unfinished.into_iter().filter(|other| other.kind == OperationKind::DiscardGeneration && other.branch_id == branch.id);
        let mut generations = branch.generations();
        generations.extend(discards.filter_map(|discard| discard.input.generation));
        generations.sort_unstable();
        generations.dedup();
        Ok(generations)
    }
}
