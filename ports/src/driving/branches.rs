//! Commands on branches and their operations.

use super::Command;
use crate::driven::ActivityEntry;
use domain::{
    Action, Branch, BranchName, BranchType, DataCloneMode, Operation, OperationId, Slug,
    branch::ExpiresIn,
    page::{Page, PageRequest},
};

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
    /// The configured default of its type when not given.
    pub expires_in: Option<ExpiresIn>,
}

/// A branch as it begins, and the operation that builds it.
#[derive(Clone, Debug)]
pub struct CreatedBranch {
    /// The branch, `creating`.
    pub branch: Branch,
    /// The operation.
    pub operation: Operation,
}

impl Command for CreateBranch {
    const ACTION: Action = Action::CreateBranch;
    type Output = CreatedBranch;

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
    GetBranch {} -> Branch
}
on_branch! {
    /// Delete a branch: its databases go, its slug is free again afterwards.
    DeleteBranch {
        /// Its children go too, instead of being a reason to refuse.
        force: bool,
    } -> DeletedBranch
}
on_branch! {
    /// See who did what to a branch, newest first.
    ListBranchActivity {
        /// Which page.
        page: PageRequest,
    } -> Page<ActivityEntry>
}

/// A branch on its way out, and the operation that takes it away.
#[derive(Clone, Debug)]
pub struct DeletedBranch {
    /// The branch, `deleting`.
    pub branch: Branch,
    /// The operation.
    pub operation: Operation,
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
