//! The step `verify`: the branch's objects are the snapshot's, and so are its rows.

use crate::{
    copy::leader::Table,
    definitions::inventory::Inventory,
    error::{from_sql, refused},
};
use ports::driven::BuildError;
use sqlx::{AssertSqlSafe, PgConnection};

/// Compares objects, over two connections to the branch. What cannot differ by printing alone fails the build; expressions that speak of other things are said.
pub(crate) async fn objects(branch: &mut PgConnection, other: &mut PgConnection, parent: &Inventory) -> Result<(), BuildError> {
    let copy = Inventory::read_by_two(branch, other, &[]).await?;
    let lost = parent.lost_in(&copy);
    if !lost.is_empty() {
        return Err(refused("clone_differs", format!("the copy's definitions are not the parent's: {}", lost.summary())));
    }
    // PostgreSQL itself restored them from its own dump without an error: to refuse a branch for how it prints them would be to refuse it for ever.
    let reworded = parent.reworded_in(&copy);
    if !reworded.is_empty() {
        tracing::warn!(objects = reworded.summary(), "PostgreSQL prints some expressions of the copy in other words");
    }
    Ok(())
}

/// Counts tables' rows against those that were copied. Where policies hold for the owner too it cannot count later; so it does before there are any.
pub(crate) async fn rows(branch: &mut PgConnection, tables: &[(&Table, u64)]) -> Result<(), BuildError> {
    let counts: Vec<String> = tables.iter().map(|(table, _)| format!("(select count(*) from only {})", table.quoted())).collect();
    let found: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(format!("select array[{}]::int8[]", counts.join(", "))))
        .persistent(false)
        .fetch_one(&mut *branch)
        .await
        .map_err(|error| from_sql("counting the copy's rows", error))?;
    match tables.iter().zip(found).find(|((_, copied), found)| u64::try_from(*found) != Ok(*copied)) {
        Some(((table, copied), found)) => {
            Err(refused("clone_differs", format!("{} has {found} rows in the copy, and {copied} were copied", table.qualified())))
        }
        None => Ok(()),
    }
}
