//! The tools, one file each.

mod change;
mod delete_record;
mod describe_table;
mod insert_record;
mod list_tables;
mod query_table;
mod table_arguments;
mod update_record;

pub(crate) use delete_record::DeleteRecordTool;
pub(crate) use describe_table::DescribeTableTool;
pub(crate) use insert_record::InsertRecordTool;
pub(crate) use list_tables::ListTablesTool;
pub(crate) use query_table::QueryTableTool;
pub(crate) use update_record::UpdateRecordTool;

#[cfg(test)]
mod schemas;
