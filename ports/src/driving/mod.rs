//! What is asked of us. REST, MCP and the command line reach a capability only through [`UseCase`].

mod audit;
mod authenticator;
mod branches;
mod keys;
mod sessions;
mod tables;
mod unread;
mod users;

pub use audit::ListAudit;
pub use authenticator::{Authenticator, Credentials};
pub use branches::{
    BaselineMigrations, BranchDetails, BranchDiff, BranchHealth, CancelOperation, CreateBranch, DeleteBranch, DiffBranches, FollowOperation,
    GetBranch, GetConnection, GetOperation, GrantBranchAccess, IssueConnection, IssuedConnection, ListBranchAccess, ListBranchActivity, ListBranches,
    ListMigrations, MigrateBranch, MigrationCounts, MigrationOverview, OperationFeed, ProveDiff, RepairMigration, ResetBranch, RevokeBranchAccess,
    SeedBranch, StartedDelete, StartedOperation, UndoReset, UpdateBranch,
};
pub use keys::{CreateApiKey, CreateServiceKey, CreatedKey, ListApiKeys, ListServiceKeys, RevokeApiKey, RevokeServiceKey};
pub use sessions::{GetCurrentUser, RefreshSession, SessionTokens, SignIn, SignOut, SignUp};
pub use tables::{DeleteRecord, DescribeTable, InsertRecord, ListTables, QueryTable, TableDescription, TableList, UpdateRecord};
#[cfg(feature = "mock")]
pub use unread::MockUnreadRequests;
pub use unread::UnreadRequests;
pub use users::{CreateUser, ListUsers, PromoteUser};

use async_trait::async_trait;
use domain::{Action, Caller, Failure, Slug, branch::BranchMentions};

/// A request in our own words.
pub trait Command: Send + Sync + 'static {
    /// What it asks for. Scope, audit name, tool name and operation id follow from it.
    const ACTION: Action;
    /// What comes of it.
    type Output: Send + 'static;

    /// The branches that the request named, for commands on a branch's data.
    fn branch(&self) -> Option<&BranchMentions> {
        None
    }

    /// The same, for whoever looks up which branches were named by their ids.
    fn branch_mut(&mut self) -> Option<&mut BranchMentions> {
        None
    }

    /// The thing acted on, for the audit trail: a table, a branch, a key. Never a secret.
    fn target(&self) -> Option<String> {
        None
    }

    /// The branch acted on, for the audit trail, where it is not one of [`Command::branch`].
    fn subject_branch(&self) -> Option<Slug> {
        None
    }
}

/// Carries out one kind of command.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UseCase<C: Command>: Send + Sync {
    /// Does it, or says why not. A dropped future is a request that its client gave up: what runs for it ends.
    async fn run(&self, caller: &Caller, command: C) -> Result<C::Output, Failure>;
}
