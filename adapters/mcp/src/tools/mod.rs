//! The tools, one file each.

mod branch_arguments;
mod branch_view;
mod change;
mod create_branch;
mod delete_branch;
mod delete_record;
mod describe_table;
mod diff_branches;
mod difference;
mod get_branch;
mod get_operation;
mod insert_record;
mod list_branches;
mod list_tables;
mod migrate_branch;
mod operation_view;
mod query_table;
mod reset_branch;
mod started;
mod table_arguments;
mod update_record;

pub(crate) use create_branch::CreateBranchTool;
pub(crate) use delete_branch::DeleteBranchTool;
pub(crate) use delete_record::DeleteRecordTool;
pub(crate) use describe_table::DescribeTableTool;
pub(crate) use diff_branches::DiffBranchesTool;
pub(crate) use get_branch::GetBranchTool;
pub(crate) use get_operation::GetOperationTool;
pub(crate) use insert_record::InsertRecordTool;
pub(crate) use list_branches::{Branches, CURSOR, ListBranchesTool};
pub(crate) use list_tables::ListTablesTool;
pub(crate) use migrate_branch::MigrateBranchTool;
pub(crate) use query_table::QueryTableTool;
pub(crate) use reset_branch::ResetBranchTool;
pub(crate) use started::Waiting;
pub(crate) use update_record::UpdateRecordTool;

#[cfg(test)]
mod schemas;
