//! People in branches without rows: each is brought there, by id alone, when the branch first hears of them.

use crate::routing::DatabaseNames;
use domain::{Branch, BranchId, DataCloneMode, Generation, UserId};
use ports::driven::{BranchUsers, BuildError, DatabaseTag};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::OnceCell, time::timeout};

/// How long a request may wait for it. What is not done by then is done with the next one.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many are remembered. Who is forgotten is brought once more, which changes nothing.
const MANY: usize = 10_000;

type Known = HashMap<(BranchId, Generation, UserId), Arc<OnceCell<()>>>;

/// Remembers which users' ids were written into which generation of which branch, so that foreign keys to `auth.users` can hold there.
///
/// A build writes the ids of the users it knows of. These are the others: users who were granted access later, or whom the branch lets in without a grant.
pub struct Acquaintances {
    users: Arc<dyn BranchUsers>,
    names: DatabaseNames,
    known: Mutex<Known>,
}

impl Acquaintances {
    /// Nobody is known yet.
    pub fn new(users: Arc<dyn BranchUsers>, names: DatabaseNames) -> Self {
        Self { users, names, known: Mutex::default() }
    }

    /// Writes the user's id into the generation that serves, where the branch was made without rows. Nothing else depends on it, so a failure is told in the
    /// log and nowhere else.
    pub async fn introduce(&self, branch: &Branch, user: UserId) {
        let Some(serving) = branch.state.serving() else { return };
        if branch.is_main() || branch.clone_mode == DataCloneMode::FullClone {
            return;
        }
        // Many requests of somebody new may come at once: one of them does it, and the others wait for that.
        let cell = self.cell((branch.id, serving, user));
        if cell.initialized() {
            return;
        }
        let brought = timeout(PATIENCE, cell.get_or_try_init(|| self.bring(self.names.tag(branch, serving), user))).await;
        if let Ok(Err(error)) = brought {
            tracing::warn!(%error, branch.id = %branch.id, "a user's id could not be brought to a branch; trying again with the next request");
        }
    }

    async fn bring(&self, serving: DatabaseTag, user: UserId) -> Result<(), BuildError> {
        match self.users.introduce(&serving, user).await {
            Err(error @ BuildError::Refused { .. }) => {
                tracing::warn!(%error, branch.id = %serving.branch_id, "foreign keys to a user cannot hold in a branch");
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn cell(&self, key: (BranchId, Generation, UserId)) -> Arc<OnceCell<()>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MANY && !known.contains_key(&key) {
            known.clear();
        }
        Arc::clone(known.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::Acquaintances;
    use crate::testing::{branch, main_branch, names};
    use domain::{Branch, BranchState, DataCloneMode, Generation, UserId};
    use ports::driven::{BuildError, MockBranchUsers};
    use std::sync::Arc;
    use uuid::Uuid;

    const BOB: UserId = UserId::from_uuid(Uuid::from_u128(2));

    fn over(users: MockBranchUsers) -> Acquaintances {
        Acquaintances::new(Arc::new(users), names())
    }

    #[tokio::test]
    async fn everybody_is_brought_once_to_each_generation() {
        let branch = branch("pr-1", Some(1));
        let mut users = MockBranchUsers::new();
        users.expect_introduce().times(2).returning(|_, _| Ok(()));
        let acquaintances = over(users);
        let second = Generation::new(2).unwrap();
        for generation in [Generation::FIRST, Generation::FIRST, second] {
            acquaintances.introduce(&Branch { state: BranchState::Ready { generation }, ..branch.clone() }, BOB).await;
        }
    }

    #[tokio::test]
    async fn nobody_is_brought_where_people_are() {
        let acquaintances = over(MockBranchUsers::new());
        for branch in [main_branch(), Branch { clone_mode: DataCloneMode::FullClone, ..branch("pr-1", Some(1)) }] {
            acquaintances.introduce(&branch, BOB).await;
        }
    }

    #[tokio::test]
    async fn what_may_work_out_later_is_tried_again_and_what_never_will_is_not() {
        let later = || BuildError::Retryable { message: String::new(), source: None };
        let never = || BuildError::Refused { code: "users_need_values", message: String::new() };
        for (error, times) in [(later as fn() -> BuildError, 2), (never, 1)] {
            let mut users = MockBranchUsers::new();
            users.expect_introduce().times(times).returning(move |_, _| Err(error()));
            let acquaintances = over(users);
            for _ in 0..2 {
                acquaintances.introduce(&branch("pr-1", Some(1)), BOB).await;
            }
        }
    }
}
