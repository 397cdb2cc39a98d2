//! The step `add_constraints`: what is made over rows that are there, in the order in which one needs the other.

use crate::{capture::Parent, connect::run, error::from_sql, grants, leader::Table, materialized, meter::Meter, settings::Settings};
use ports::driven::{BuildError, BuildRequest};
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// How many tables one statement analyses.
const AT_ONCE: usize = 50;

pub(crate) async fn add_constraints(
    settings: &Settings,
    request: &BuildRequest,
    branch: &mut PgConnection,
    parent: &Parent,
    filled_views: BTreeSet<(String, String)>,
    copied: &[(Table, u64)],
    meter: &Meter,
) -> Result<(), BuildError> {
    parent.definitions.restore_after_rows(settings, request, meter).await?;
    analyze(branch, copied).await?;
    materialized::fill(branch, filled_views).await?;
    parent.definitions.restore_policies(settings, request, meter).await?;
    grants::carry_over(branch, &parent.inventory.grants).await
}

/// Statistics are made anew: those of the parent hold values of rows that may have been withheld.
async fn analyze(branch: &mut PgConnection, copied: &[(Table, u64)]) -> Result<(), BuildError> {
    let filled: Vec<_> = copied.iter().filter(|(_, rows)| *rows > 0).map(|(table, _)| table.quoted()).collect();
    for some in filled.chunks(AT_ONCE) {
        run(branch, format!("analyze {}", some.join(", "))).await.map_err(|error| from_sql("gathering statistics", error))?;
    }
    Ok(())
}
