//! Everything that can be asked of Fluxbase, by name, and what a credential needs for it.

use super::{Scope, Scopes};

/// What an action does to the world; tool annotations and read-only keys follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Adds or changes.
    Write,
    /// Takes away or overwrites what may not come back.
    Destroy,
}

/// What a caller needs for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: signing in cannot ask for a credential.
    Nothing,
    /// A signed-in user.
    User,
    /// One of these scopes.
    AnyOf(&'static [Scope]),
}

impl Requirement {
    /// Whether a set of scopes is enough, as far as scopes go.
    pub fn met_by(self, scopes: Scopes) -> bool {
        match self {
            Self::Nothing | Self::User => true,
            Self::AnyOf(any) => any.iter().any(|scope| scopes.contains(*scope)),
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident $name:literal $effect:ident $requirement:expr;)*) => {
        /// Something that can be asked of Fluxbase. The name is the MCP tool's name and the REST operation id.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// Every action there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Stable name, in snake case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it does to the world.
            pub const fn effect(self) -> Effect {
                match self { $(Self::$variant => Effect::$effect,)* }
            }

            /// What a caller needs.
            pub const fn requirement(self) -> Requirement {
                match self { $(Self::$variant => $requirement,)* }
            }
        }
    };
}

impl Action {
    /// Whether it changes the control plane: its audit row is then written in the transaction of the change, by the use case itself. The rows of all
    /// other actions go through the audit log.
    pub const fn changes_control_plane(self) -> bool {
        !matches!(self.effect(), Effect::Read) && !matches!(self, Self::InsertRecord | Self::UpdateRecord | Self::DeleteRecord)
    }
}

impl Action {
    /// Whether it takes a branch as a whole, with all its tables: opens, compares, changes or destroys it, or lets others in.
    pub const fn takes_whole_branch(self) -> bool {
        matches!(
            self,
            Self::DeleteBranch
                | Self::UpdateBranch
                | Self::ResetBranch
                | Self::UndoReset
                | Self::SeedBranch
                | Self::MigrateBranch
                | Self::DiffBranches
                | Self::ProveDiff
                | Self::GrantBranchAccess
                | Self::RevokeBranchAccess
                | Self::IssueConnection
                | Self::GetConnection
                | Self::CancelOperation
                | Self::ListMigrations
                | Self::RepairMigration
                | Self::BaselineMigrations
        )
    }
}

impl Action {
    /// How to see whether a change of the control plane was made, where the answer was lost, and what asking again does.
    pub const fn way_to_see(self) -> Option<&'static str> {
        Some(match self {
            Self::CreateBranch => {
                "look for a branch of that name: it is there if it was made; asking again makes no second one beside it, but is refused (taken)"
            }
            Self::DeleteBranch => "look for the branch: if it was asked for, it is deleting or gone",
            Self::UpdateBranch => "look at the branch; asking again does no harm",
            Self::ResetBranch | Self::UndoReset | Self::SeedBranch | Self::MigrateBranch => {
                "look at the branch's activity before asking again: it has a line of the request, if it was heard"
            }
            Self::RepairMigration | Self::BaselineMigrations => "look at the branch's migrations before asking again",
            Self::GrantBranchAccess | Self::RevokeBranchAccess => "look at who has access to the branch; asking again does no harm",
            Self::CancelOperation => "look at the operation; asking again does no harm",
            Self::ProveDiff => "ask again: it is tried on a copy, which goes by itself",
            Self::IssueConnection => "ask again: each password ends the one before",
            Self::CreateApiKey | Self::CreateServiceKey => {
                "look at the list of keys: revoke a new one of that name, since nobody was shown it, and ask again"
            }
            Self::RevokeApiKey | Self::RevokeServiceKey => "look at the list of keys; asking again does no harm",
            Self::CreateUser | Self::PromoteUser => "look at the list of users before asking again",
            Self::SignUp => "try to sign in before asking again",
            Self::SignIn | Self::RefreshSession | Self::SignOut => "sign in again",
            _ => return None,
        })
    }
}

const fn any_of(scopes: &'static [Scope]) -> Requirement {
    Requirement::AnyOf(scopes)
}

actions! {
    /// Read rows of a table or view.
    QueryTable "query_table" Read any_of(&[Scope::ReadTables]);
    /// Insert rows, or overwrite those that are there with the same key.
    InsertRecord "insert_record" Destroy any_of(&[Scope::WriteTables]);
    /// Change rows.
    UpdateRecord "update_record" Destroy any_of(&[Scope::WriteTables]);
    /// Delete rows.
    DeleteRecord "delete_record" Destroy any_of(&[Scope::WriteTables]);
    /// List tables and views.
    ListTables "list_tables" Read any_of(&[Scope::ReadTables]);
    /// Describe one table.
    DescribeTable "describe_table" Read any_of(&[Scope::ReadTables]);
    /// Make a branch.
    CreateBranch "create_branch" Write any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// List branches.
    ListBranches "list_branches" Read any_of(&[Scope::ReadBranches, Scope::AdminBranches]);
    /// See one branch.
    GetBranch "get_branch" Read any_of(&[Scope::ReadBranches, Scope::AdminBranches]);
    /// Delete a branch.
    DeleteBranch "delete_branch" Destroy any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// Change a branch's name, lifetime or protection.
    UpdateBranch "update_branch" Write any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// Bring a branch back to its parent's present state.
    ResetBranch "reset_branch" Destroy any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// Bring back what a reset replaced.
    UndoReset "undo_reset" Destroy any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// Run seed files on a branch.
    SeedBranch "seed_branch" Destroy any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// Apply pending migrations to a branch.
    MigrateBranch "migrate_branch" Destroy any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// Compare the schemas of two branches.
    DiffBranches "diff_branches" Read any_of(&[Scope::ReadBranches, Scope::AdminBranches]);
    /// Compare two branches and prove the script on a throw-away copy.
    ProveDiff "prove_diff" Write any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// See who has access to a branch.
    ListBranchAccess "list_branch_access" Read any_of(&[Scope::ReadBranches, Scope::AdminBranches]);
    /// Grant a user access to a branch.
    GrantBranchAccess "grant_branch_access" Write any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// Take a user's access to a branch away.
    RevokeBranchAccess "revoke_branch_access" Destroy any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// Make a password for connecting to a branch's database.
    IssueConnection "issue_connection" Write any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// See where a branch's database is.
    GetConnection "get_connection" Read any_of(&[Scope::ReadBranches, Scope::AdminBranches]);
    /// See who did what to a branch.
    ListBranchActivity "list_branch_activity" Read any_of(&[Scope::ReadBranches, Scope::AdminBranches]);
    /// See how a long-running operation is getting on.
    GetOperation "get_operation" Read any_of(&[Scope::ReadBranches, Scope::AdminBranches]);
    /// Call an operation off.
    CancelOperation "cancel_operation" Destroy any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// See which migrations a branch has and lacks.
    ListMigrations "list_migrations" Read any_of(&[Scope::ReadBranches, Scope::AdminBranches]);
    /// Put a row of a branch's ledger of migrations right.
    RepairMigration "repair_migration" Destroy any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// Take migrations as applied that a branch had before it had a ledger.
    BaselineMigrations "baseline_migrations" Write any_of(&[Scope::WriteBranches, Scope::AdminBranches]);
    /// Make an API key.
    CreateApiKey "create_api_key" Write any_of(&[Scope::AdminKeys]);
    /// List API keys.
    ListApiKeys "list_api_keys" Read any_of(&[Scope::AdminKeys]);
    /// Revoke an API key.
    RevokeApiKey "revoke_api_key" Destroy any_of(&[Scope::AdminKeys]);
    /// Make a service key.
    CreateServiceKey "create_service_key" Write any_of(&[Scope::AdminKeys]);
    /// List service keys.
    ListServiceKeys "list_service_keys" Read any_of(&[Scope::AdminKeys]);
    /// Revoke a service key.
    RevokeServiceKey "revoke_service_key" Destroy any_of(&[Scope::AdminKeys]);
    /// Make a user.
    CreateUser "create_user" Write any_of(&[Scope::AdminKeys]);
    /// Make a user a member, or an administrator.
    PromoteUser "promote_user" Write any_of(&[Scope::AdminKeys]);
    /// List users.
    ListUsers "list_users" Read any_of(&[Scope::AdminKeys]);
    /// Read the audit trail.
    ListAudit "list_audit" Read any_of(&[Scope::AdminKeys]);
    /// Make an account for oneself.
    SignUp "sign_up" Write Requirement::Nothing;
    /// Start a session by e-mail and password.
    SignIn "sign_in" Write Requirement::Nothing;
    /// Exchange a refresh token for a fresh pair.
    RefreshSession "refresh_session" Write Requirement::Nothing;
    /// End a session.
    SignOut "sign_out" Write Requirement::User;
    /// See one's own account.
    GetCurrentUser "get_current_user" Read Requirement::User;
}

#[cfg(test)]
mod tests {
    use super::{Action, Effect, Requirement};
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_in_snake_case() {
        let names: HashSet<_> = Action::ALL.iter().map(|action| action.name()).collect();
        assert_eq!(names.len(), Action::ALL.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }

    #[test]
    fn only_signing_in_asks_for_no_credential() {
        let open: Vec<_> = Action::ALL.iter().filter(|action| action.requirement() == Requirement::Nothing).collect();
        assert_eq!(open, [&Action::SignUp, &Action::SignIn, &Action::RefreshSession]);
    }

    #[test]
    fn whatever_changes_the_control_plane_can_be_looked_for() {
        for action in Action::ALL {
            assert_eq!(action.way_to_see().is_some(), action.changes_control_plane(), "{}", action.name());
        }
    }

    #[test]
    fn what_reads_in_its_name_reads_in_its_effect() {
        for action in Action::ALL {
            let reads = ["get_", "list_", "query_", "describe_", "diff_", "follow_"].iter().any(|prefix| action.name().starts_with(prefix));
            assert_eq!(reads, action.effect() == Effect::Read, "{}", action.name());
        }
    }
}
