//! Branches that a command names by their ids.

use async_trait::async_trait;
use domain::{Caller, Failure};
use ports::{
    driven::BranchDirectory,
    driving::{Command, UseCase},
};
use std::{fmt, sync::Arc};

/// Looks up whose ids a command on data names: the audit trail has the branch, and what leads there goes by slugs. A slug takes no look.
///
/// It refuses nothing: an id that is nobody's is for who looks for the branch to tell of, behind every other guard.
pub struct Named<U> {
    inner: U,
    directory: Arc<dyn BranchDirectory>,
}

impl<U> Named<U> {
    /// Wraps a use case.
    pub fn new(inner: U, directory: Arc<dyn BranchDirectory>) -> Self {
        Self { inner, directory }
    }
}

impl<U> fmt::Debug for Named<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").finish_non_exhaustive()
    }
}

#[async_trait]
impl<C: Command, U: UseCase<C>> UseCase<C> for Named<U> {
    async fn run(&self, caller: &Caller, mut command: C) -> Result<C::Output, Failure> {
        if let Some(mentions) = command.branch_mut() {
            for id in mentions.ids() {
                if let Some(branch) = self.directory.find_by_id(id).await? {
                    mentions.settle(id, &branch.slug);
                }
            }
        }
        self.inner.run(caller, command).await
    }
}

#[cfg(test)]
mod tests {
    use super::Named;
    use crate::testing::{branch, caller};
    use domain::{
        Role, Scope,
        branch::{BranchMentions, MentionPlace},
        catalogue::Catalogue,
    };
    use ports::{
        driven::MockBranchDirectory,
        driving::{ListTables, MockUseCase, TableList, UseCase},
    };
    use std::sync::Arc;

    /// The branch that the use case is asked for, or why there is none, and how often an id was looked up.
    async fn asked(named: &str, looks: usize) -> String {
        let mut directory = MockBranchDirectory::new();
        let hers = branch("pr-1", Some(1));
        directory.expect_find_by_id().times(looks).returning(move |id| Ok((id == hers.id).then(|| Arc::new(hers.clone()))));
        let mut inner = MockUseCase::<ListTables>::new();
        let (seen, told) = std::sync::mpsc::channel();
        inner.expect_run().once().returning(move |_, command| {
            let meant = command.branch.resolve(None).map_or_else(|failure| failure.to_string(), |slug| slug.to_string());
            seen.send(meant).unwrap();
            let catalogue = Arc::new(Catalogue::new(Vec::new(), Vec::new(), Vec::new()));
            Ok(TableList { catalogue, names: Vec::new(), role: Role::Anon })
        });
        let mut mentions = BranchMentions::NONE;
        mentions.add(MentionPlace::Argument, named).unwrap();
        let command = ListTables { branch: mentions, schema: None };
        Named::new(inner, Arc::new(directory)).run(&caller(Some(1), [Scope::ReadTables]), command).await.unwrap();
        told.recv().unwrap()
    }

    #[tokio::test]
    async fn a_branch_is_found_by_its_id_and_a_slug_takes_no_look() {
        assert_eq!(asked(&branch("pr-1", Some(1)).id.to_string(), 1).await, "pr-1");
        assert_eq!(asked("pr-2", 0).await, "pr-2");
        let nobodys = "0b92c3d4-e5f6-4890-abcd-ef1234567890";
        assert_eq!(asked(nobodys, 1).await, format!("branch '{nobodys}' was not found"));
        let slug = "ab92c3d4-e5f6-4890-abcd-ef1234567890";
        assert_eq!(asked(slug, 1).await, slug, "it reads as an id and is a slug");
    }
}
