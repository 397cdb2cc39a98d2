//! Commands on branches and their operations.

use super::Command;
pub use crate::driven::BranchHealth;
use crate::driven::{ActivityEntry, BranchLogin, Secret};
use async_trait::async_trait;
use domain::{
    Action, Branch, BranchName, BranchType, DataCloneMode, Failure, Operation, OperationId, Slug,
    branch::{AccessLevel, DatabaseName, ExpiresIn, Grant, MaxAge, PullRequest},
    migration::{LedgerEntry, MigrationVersion, RepairAction},
    operation::NamedText,
    page::{Page, PageRequest},
    schema::SchemaDiff,
};
use std::{fmt, iter};

/// Make a branch.
#[derive(Clone, Debug)]
pub struct CreateBranch {
    /// Its name.
    pub name: BranchName,
    /// Id or slug of what to cut it from; main when not given.
    pub parent: Option<String>,
    /// Preview when not given.
    pub branch_type: Option<BranchType>,
    /// The configured default when not given.
    pub clone_mode: Option<DataCloneMode>,
    /// A lifetime; `Some(None)`: for ever. The configured default of its type when not given.
    pub expires_in: Option<Option<ExpiresIn>>,
    /// The seed files to run, by name, for `seed_data`; all of them when not given.
    pub seeds: Option<Vec<String>>,
    /// How old a kept copy of the parent's rows may be; not older than the request when not given.
    pub max_age: Option<MaxAge>,
    /// The pull request it belongs to.
    pub pull_request: Option<PullRequest>,
}

impl Command for CreateBranch {
    const ACTION: Action = Action::CreateBranch;
    type Output = StartedOperation;

    fn target(&self) -> Option<String> {
        Some(self.name.to_string())
    }

    fn subject_branch(&self) -> Option<Slug> {
        Some(self.name.slug())
    }
}

/// List the branches that the caller may see, main first, then the newest first.
#[derive(Clone, Debug)]
pub struct ListBranches {
    /// Which page.
    pub page: PageRequest,
}

impl Command for ListBranches {
    const ACTION: Action = Action::ListBranches;
    type Output = Page<Branch>;
}

macro_rules! on_branch {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* } -> $output:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            /// Id or slug.
            pub branch: String,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Command for $name {
            const ACTION: Action = Action::$name;
            type Output = $output;

            fn target(&self) -> Option<String> {
                Some(self.branch.clone())
            }

            fn subject_branch(&self) -> Option<Slug> {
                self.branch.parse().ok()
            }
        }
    };
}

on_branch! {
    /// See one branch. A deleted one is not found.
    GetBranch {} -> BranchDetails
}
on_branch! {
    /// Change a branch's name, lifetime or protection. What is not given stays.
    UpdateBranch {
        /// Another name. The slug stays, so that whoever is on the branch stays there.
        name: Option<BranchName>,
        /// A lifetime from now on; `Some(None)`: for ever.
        expires_in: Option<Option<ExpiresIn>>,
        /// Whether delete and reset are refused.
        protected: Option<bool>,
    } -> Branch
}
on_branch! {
    /// Bring a branch back to its parent's present state. The old data serves until the switch.
    ResetBranch {
        /// The seed files to run afterwards, for `seed_data`; all of them when not given.
        seeds: Option<Vec<String>>,
        /// How old a kept copy of the parent's rows may be; not older than the request when not given.
        max_age: Option<MaxAge>,
    } -> StartedOperation
}
on_branch! {
    /// Bring back what the latest reset replaced. A second time is refused.
    UndoReset {} -> StartedOperation
}
on_branch! {
    /// Run the seed files on a branch that did not run there yet, or have changed since.
    SeedBranch {
        /// Which, by name; all of them when not given.
        seeds: Option<Vec<String>>,
    } -> StartedOperation
}
on_branch! {
    /// Apply the migrations that a branch's ledger lacks.
    MigrateBranch {
        /// Files of this call; the server's `migrations.dir` when there are none.
        files: Vec<NamedText>,
        /// They are all that the project has: what was applied and is not among them is missing, even if it came before the oldest of them.
        whole: bool,
        /// On a throw-away copy only.
        dry_run: bool,
        /// Versions older than the newest applied one may be applied.
        allow_out_of_order: bool,
    } -> StartedOperation
}
on_branch! {
    /// See who has access to a branch, beside its creator and administrators, the earliest grant first.
    ListBranchAccess {
        /// Which page.
        page: PageRequest,
    } -> Page<Grant>
}
on_branch! {
    /// Grant a user access to a branch, or change how far it goes.
    GrantBranchAccess {
        /// Id or e-mail address.
        user: String,
        /// How far.
        level: AccessLevel,
    } -> Grant
}
on_branch! {
    /// Take a user's access to a branch away.
    RevokeBranchAccess {
        /// Id or e-mail address.
        user: String,
    } -> ()
}
on_branch! {
    /// Make a password for connecting to a branch's database; an earlier one is good no more.
    IssueConnection {} -> IssuedConnection
}
on_branch! {
    /// See where a branch's database is, and as whom to connect, where a password was made.
    GetConnection {} -> Option<BranchLogin>
}
on_branch! {
    /// See which migrations a branch has and lacks.
    ListMigrations {
        /// Files to hold against the ledger; the server's `migrations.dir` when there are none.
        files: Vec<NamedText>,
        /// They are all that the project has: what was applied and is not among them is missing, even if it came before the oldest of them.
        whole: bool,
    } -> MigrationOverview
}
on_branch! {
    /// Put a row of the branch's ledger right.
    RepairMigration {
        /// Which.
        version: MigrationVersion,
        /// What is said of it.
        repair: RepairAction,
        /// Files to find an accepted text in; the server's `migrations.dir` when there are none.
        files: Vec<NamedText>,
        /// They are all that the project has: what was applied and is not among them is missing, even if it came before the oldest of them.
        whole: bool,
    } -> MigrationOverview
}
on_branch! {
    /// Take files as applied without running them: for a branch that had them before it had a ledger.
    BaselineMigrations {
        /// Up to this version; all of them when not given.
        up_to: Option<MigrationVersion>,
        /// Which files; the server's `migrations.dir` when there are none.
        files: Vec<NamedText>,
        /// They are all that the project has: what was applied and is not among them is missing, even if it came before the oldest of them.
        whole: bool,
    } -> MigrationOverview
}
on_branch! {
    /// Compare the schema of this branch, the source, with another's: the script turns the target into the source.
    DiffBranches {
        /// Id or slug of the branch to compare with; the parent when not given.
        target: Option<String>,
        /// Whether the unified text is wanted too.
        text: bool,
    } -> BranchDiff
}
on_branch! {
    /// Compare, and prove the script on a throw-away copy of the target.
    ProveDiff {
        /// Id or slug of the branch to compare with; the parent when not given.
        target: Option<String>,
    } -> StartedOperation
}
on_branch! {
    /// Delete a branch: its databases go, its slug is free again afterwards.
    DeleteBranch {
        /// Its children go too, instead of being a reason to refuse.
        force: bool,
    } -> StartedDelete
}
on_branch! {
    /// See who did what to a branch, newest first.
    ListBranchActivity {
        /// Which page.
        page: PageRequest,
    } -> Page<ActivityEntry>
}

/// A branch with what takes a look into its database to tell.
#[derive(Clone, Debug)]
pub struct BranchDetails {
    /// The branch.
    pub branch: Branch,
    /// The database that serves it; `None` where none does.
    pub database: Option<DatabaseName>,
    /// Its health; `None` where no generation serves.
    pub health: Option<BranchHealth>,
    /// Its migrations; `None` where they could not be read.
    pub migrations: Option<MigrationCounts>,
}

/// How many migrations a branch has and lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationCounts {
    /// In its ledger.
    pub applied: u64,
    /// Known to the server and not in its ledger; none where the server knows no files.
    pub pending: u64,
    /// Whether its schema is another than after the last migration; `None` where that is not known.
    pub drift: Option<bool>,
}

/// A branch's ledger against the files.
#[derive(Clone, Debug)]
pub struct MigrationOverview {
    /// The branch.
    pub branch: Slug,
    /// What was applied, the oldest version first.
    pub applied: Vec<LedgerEntry>,
    /// What is pending, in order, by file name.
    pub pending: Vec<String>,
    /// What stands in the way, each with its way out.
    pub refusals: Vec<String>,
    /// Whether its schema is another than after the last migration; `None` where that is not known.
    pub drift: Option<bool>,
}

/// How two branches differ.
#[derive(Clone, Debug)]
pub struct BranchDiff {
    /// The branch that was asked about.
    pub source: Slug,
    /// The branch that it was compared with.
    pub target: Slug,
    /// How they differ.
    pub diff: SchemaDiff,
    /// The differences as unified text, where it was wanted.
    pub text: Option<String>,
}

/// A branch that something was started for, and the operation that does it.
#[derive(Clone, Debug)]
pub struct StartedOperation {
    /// The branch as it now is: `creating`, `migrating`, `deleting`, or as it was where it goes on meanwhile.
    pub branch: Branch,
    /// The operation.
    pub operation: Operation,
}

/// A branch that is being deleted, and what goes with it, each by an operation of its own.
#[derive(Clone, Debug)]
pub struct StartedDelete {
    /// The branch that was to be deleted.
    pub branch: Branch,
    /// The operation that takes it away. It may end before those of its descendants.
    pub operation: Operation,
    /// What was cut from it, straight or not, and goes too: parents before their children.
    pub descendants: Vec<StartedOperation>,
}

impl StartedDelete {
    /// Every branch that goes, with its operation: the one that was to be deleted first.
    pub fn all(self) -> impl Iterator<Item = StartedOperation> {
        let Self { branch, operation, descendants } = self;
        iter::once(StartedOperation { branch, operation }).chain(descendants)
    }
}

/// A login with its password, shown this once.
#[derive(Clone, Debug)]
pub struct IssuedConnection {
    /// The login.
    pub login: BranchLogin,
    /// Its password.
    pub password: Secret,
}

/// Call an operation off. What it had made is taken away; past its switch it can no longer be called off.
#[derive(Clone, Debug)]
pub struct CancelOperation {
    /// Which.
    pub id: OperationId,
}

impl Command for CancelOperation {
    const ACTION: Action = Action::CancelOperation;
    type Output = Operation;

    fn target(&self) -> Option<String> {
        Some(self.id.to_string())
    }
}

/// See how an operation is getting on.
#[derive(Clone, Debug)]
pub struct GetOperation {
    /// Which.
    pub id: OperationId,
}

impl Command for GetOperation {
    const ACTION: Action = Action::GetOperation;
    type Output = Operation;

    fn target(&self) -> Option<String> {
        Some(self.id.to_string())
    }
}

/// Follow an operation to its end.
#[derive(Clone, Debug)]
pub struct FollowOperation {
    /// Which.
    pub id: OperationId,
}

impl Command for FollowOperation {
    const ACTION: Action = Action::GetOperation;
    type Output = Box<dyn OperationFeed>;

    fn target(&self) -> Option<String> {
        Some(self.id.to_string())
    }
}

/// An operation as it changes.
#[async_trait]
pub trait OperationFeed: Send {
    /// As it stands, at the first call; then as it is after each change. `None` once it has ended and that was told. Who may see it no more is refused
    /// instead of told.
    async fn next(&mut self) -> Result<Option<Operation>, Failure>;
}

impl fmt::Debug for dyn OperationFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperationFeed")
    }
}
