//! Branches and their operations.

mod create_branch;
mod delete_branch;
mod expire;
mod follow_operation;
mod get_branch;
mod get_operation;
mod list_activity;
mod list_branches;
mod lookup;

pub use create_branch::{BranchDefaults, CreateBranchUseCase};
pub use delete_branch::DeleteBranchUseCase;
pub use expire::ExpireBranches;
pub use follow_operation::FollowOperationUseCase;
pub use get_branch::GetBranchUseCase;
pub use get_operation::GetOperationUseCase;
pub use list_activity::ListBranchActivityUseCase;
pub use list_branches::ListBranchesUseCase;
