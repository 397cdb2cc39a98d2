//! The one branch resolver: every feature finds its database here, and access is checked here, always.

use crate::acquaintances::Acquaintances;
use domain::{
    Access, Branch, Caller, Denied, Failure, Generation,
    branch::{BranchMentions, DatabaseName, Status},
};
use ports::driven::{BranchDatabases, BranchDirectory, BranchRoute, BranchSession, DatabasePlace, DatabaseTag, SecurityContext};
use std::{fmt, sync::Arc, time::Duration};

/// How databases are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseNames {
    /// Main's database.
    pub main: DatabaseName,
    /// `branching.database_prefix`.
    pub prefix: String,
}

impl DatabaseNames {
    /// Where a branch's serving generation lies; `None` where none serves.
    pub fn route(&self, branch: &Branch) -> Option<BranchRoute> {
        let generation = branch.state.serving()?;
        Some(BranchRoute { id: branch.id, slug: branch.slug.clone(), generation, database: self.database(branch, generation) })
    }

    /// The database that serves a branch, for whoever reads its schema; refused where none does.
    pub fn place(&self, branch: &Branch) -> Result<DatabasePlace, Failure> {
        branch.check_serves().map(|generation| self.place_of(branch, generation))
    }

    /// The same for a request that only looks: where nothing serves the branch yet, it may come again.
    pub(crate) fn place_to_look(&self, branch: &Branch) -> Result<DatabasePlace, Failure> {
        serving(branch).map(|generation| self.place_of(branch, generation))
    }

    fn place_of(&self, branch: &Branch, generation: Generation) -> DatabasePlace {
        DatabasePlace { database: self.database(branch, generation), is_main: branch.is_main() }
    }

    fn database(&self, branch: &Branch, generation: Generation) -> DatabaseName {
        if branch.is_main() { self.main.clone() } else { DatabaseName::of_generation(&self.prefix, &branch.slug, generation) }
    }

    /// The database of a branch's generation, and whose it is; not for main.
    pub fn tag(&self, branch: &Branch, generation: Generation) -> DatabaseTag {
        let database = DatabaseName::of_generation(&self.prefix, &branch.slug, generation);
        DatabaseTag { database, branch_id: branch.id, generation }
    }
}

/// Leads requests to branches.
#[derive(Clone)]
pub struct BranchResolver {
    directory: Arc<dyn BranchDirectory>,
    databases: Arc<dyn BranchDatabases>,
    names: DatabaseNames,
    acquaintances: Arc<Acquaintances>,
}

impl BranchResolver {
    /// A resolver over a directory.
    pub fn new(
        directory: Arc<dyn BranchDirectory>,
        databases: Arc<dyn BranchDatabases>,
        names: DatabaseNames,
        acquaintances: Arc<Acquaintances>,
    ) -> Self {
        Self { directory, databases, names, acquaintances }
    }

    /// Opens a session on the branch that a request means, as its caller.
    pub async fn open(&self, caller: &Caller, mentions: &BranchMentions, access: Access) -> Result<Box<dyn BranchSession>, Failure> {
        let route = self.resolve(caller, mentions, access).await?;
        self.databases.open(&SecurityContext { route, principal: Arc::clone(&caller.principal), access }).await
    }

    async fn resolve(&self, caller: &Caller, mentions: &BranchMentions, access: Access) -> Result<BranchRoute, Failure> {
        let slug = mentions.resolve(caller.principal.restrictions.branch.as_ref())?;
        let named = || mentions.named().unwrap_or_else(|| slug.to_string());
        let branch = self.directory.find(&slug).await?.ok_or_else(|| Failure::not_found("branch", named()))?;
        branch.check_rows(&caller.principal, access).map_err(|denied| nameless(denied, named()))?;
        let route = self.names.route(&branch).ok_or_else(|| nothing_serves(&branch))?;
        if let Some(user) = caller.principal.user_id {
            self.acquaintances.introduce(&branch, user).await;
        }
        Ok(route)
    }
}

/// Who has no access to a branch learns no other name of it than the one it was asked for by.
pub(crate) fn nameless(denied: Denied, named: impl fmt::Display) -> Denied {
    match denied {
        Denied::Branch { .. } => Denied::Branch { branch: named.to_string() },
        other => other,
    }
}

/// The generation that serves a branch, for a request that may come again where none does yet.
pub(crate) fn serving(branch: &Branch) -> Result<Generation, Failure> {
    branch.state.serving().ok_or_else(|| nothing_serves(branch))
}

/// What could not be made is made by no other request; all else may be there, or gone, when one comes again.
fn nothing_serves(branch: &Branch) -> Failure {
    let reason = branch.nothing_serves();
    match branch.state.status() {
        Status::Error => Failure::Conflict { code: "branch_error", reason },
        _ => Failure::Unavailable { reason, retry_after: Some(Duration::from_secs(2)), source: None },
    }
}

#[cfg(test)]
mod tests {
    use super::BranchResolver;
    use crate::testing::{acquaintances, branch, caller, names, pinned_to};
    use domain::{
        Access, Branch, BranchState, Caller, Failure, Generation, OperationId, Principal, Scope, UserId,
        branch::{AccessLevel, BranchMentions, Grant, MentionPlace},
    };
    use ports::driven::{MockBranchDatabases, MockBranchDirectory, MockBranchSession};
    use std::sync::Arc;
    use time::OffsetDateTime;
    use uuid::Uuid;

    /// Whether rows of the branch are opened to the caller, who names none.
    async fn opened(branch: Branch, caller: &Caller, access: Access) -> Result<(), Failure> {
        let (mut directory, mut databases) = (MockBranchDirectory::new(), MockBranchDatabases::new());
        directory.expect_find().returning(move |_| Ok(Some(Arc::new(branch.clone()))));
        databases.expect_open().returning(|_| Ok(Box::new(MockBranchSession::new())));
        let resolver = BranchResolver::new(Arc::new(directory), Arc::new(databases), names(), acquaintances());
        resolver.open(caller, &BranchMentions::NONE, access).await.map(drop)
    }

    #[tokio::test]
    async fn a_pinned_key_loses_the_rows_of_its_branch_with_its_users_access() {
        let alice = pinned_to("pr-1", Scope::WriteTables);
        let granted = |level| {
            let user_id = UserId::from_uuid(Uuid::from_u128(1));
            let grant = Grant { user_id, level, granted_by: String::new(), granted_at: OffsetDateTime::UNIX_EPOCH };
            Branch { grants: vec![grant], ..branch("pr-1", Some(2)) }
        };
        for (of, expected) in [
            (branch("pr-1", Some(1)), [true, true]),
            (granted(AccessLevel::Write), [true, true]),
            (granted(AccessLevel::Read), [true, false]),
            (branch("pr-1", Some(2)), [false, false]),
        ] {
            for (access, expected) in [Access::Read, Access::Write].into_iter().zip(expected) {
                let outcome = opened(of.clone(), &alice, access).await;
                assert_eq!(outcome.is_ok(), expected, "{:?} {access:?}", of.grants);
                assert!(outcome.err().is_none_or(|refused| refused.code() == "branch_access_denied"));
            }
        }
        let nobodys = Principal { user_id: None, ..(*alice.principal).clone() };
        let nobodys = Caller { principal: Arc::new(nobodys), ..alice };
        assert!(opened(branch("pr-1", Some(2)), &nobodys, Access::Write).await.is_ok(), "the pin is the grant");
    }

    #[tokio::test]
    async fn who_has_no_access_learns_no_slug_from_an_id() {
        let hers = branch("secret-deal", Some(2));
        let mut mentions = BranchMentions::NONE;
        mentions.add(MentionPlace::Argument, &hers.id.to_string()).unwrap();
        mentions.settle(hers.id, &hers.slug);
        let id = hers.id.to_string();
        let mut directory = MockBranchDirectory::new();
        directory.expect_find().returning(move |_| Ok(Some(Arc::new(hers.clone()))));
        let resolver = BranchResolver::new(Arc::new(directory), Arc::new(MockBranchDatabases::new()), names(), acquaintances());
        let refused = resolver.open(&caller(Some(1), [Scope::ReadTables]), &mentions, Access::Read).await.map(drop).unwrap_err();
        assert_eq!(refused.to_string(), format!("no access to branch '{id}'"));
    }

    #[tokio::test]
    async fn what_serves_nothing_is_there_later_or_could_not_be_made() {
        let (operation, generation) = (OperationId::from_uuid(Uuid::nil()), Generation::FIRST);
        for (state, code) in [
            (BranchState::Creating { generation, operation }, Some("unavailable")),
            (BranchState::Error { reason: "the disk is full".to_owned(), generation: None }, Some("branch_error")),
            (BranchState::Error { reason: "a reset failed".to_owned(), generation: Some(generation) }, None),
        ] {
            let outcome = opened(Branch { state, ..branch("pr-1", Some(1)) }, &caller(Some(1), [Scope::ReadTables]), Access::Read).await;
            assert_eq!(outcome.as_ref().err().map(Failure::code), code, "{outcome:?}");
        }
    }
}
