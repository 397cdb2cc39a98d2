//! Rows and definitions of a branch's tables.

mod delete_record;
mod describe_table;
mod insert_record;
mod list_tables;
mod query_table;
mod update_record;
mod visibility;

pub use delete_record::DeleteRecordUseCase;
pub use describe_table::DescribeTableUseCase;
pub use insert_record::InsertRecordUseCase;
pub use list_tables::ListTablesUseCase;
pub use query_table::QueryTableUseCase;
pub use update_record::UpdateRecordUseCase;

use domain::{Failure, table::Condition};

/// A write that no filter and no bound keeps from touching every row is refused.
fn bounded(filter: Option<&Condition>, max_affected: Option<u64>) -> Result<(), Failure> {
    if filter.is_none() && max_affected.is_none() {
        return Err(Failure::bad_request("filter_required", "this would touch every row of the table: give a filter, or bound it by max_affected"));
    }
    Ok(())
}
