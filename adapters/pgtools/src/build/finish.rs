//! The step `add_constraints`: what is made over rows that are there, in the order in which one needs the other.

use super::{capture::Parent, verify};
use crate::{
    connect::run,
    copy::{
        leader::{self, Table},
        rows::SEARCH_PATH,
        server_load::Load,
        streams::{self, Turns},
    },
    definitions::{grants, materialized},
    error::from_sql,
    masking,
    meter::Meter,
    settings::Settings,
};
use domain::branch::Withheld;
use futures_util::future::{join, try_join_all};
use ports::driven::{BuildError, BuildRequest};
use sqlx::{Connection, PgConnection};
use std::collections::{BTreeSet, HashSet};
use tokio::time::Instant;

/// A copy whose rows are there.
pub(crate) struct Finish<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) request: &'a BuildRequest,
    pub(crate) parent: &'a Parent,
    pub(crate) copied: &'a [(Table, u64)],
    /// What did not come along as it was.
    pub(crate) withheld: &'a [Withheld],
    /// How much is done at once.
    pub(crate) streams: usize,
    pub(crate) meter: &'a Meter,
    pub(crate) load: &'a Load,
}

impl Finish<'_> {
    /// Indexes, keys, triggers, statistics, materialised views, policies, grants. The rows are counted on the way. Tells which views stay empty.
    pub(crate) async fn add_constraints(
        &self,
        branch: &mut PgConnection,
        filled_views: BTreeSet<(String, String)>,
    ) -> Result<Vec<Withheld>, BuildError> {
        let Self { settings, request, parent, meter, load, .. } = self;
        let restored = parent.definitions.restore_after_rows(settings, request, (self.copied, self.streams), (meter, load)).await;
        let looked = restored.map_err(|error| self.blame_masks(error))?;
        self.look_through_rows(branch, &looked).await?;
        let unfilled = materialized::fill(branch, filled_views).await?;
        parent.definitions.restore_policies(settings, request, meter).await?;
        grants::carry_over(branch, &parent.inventory.grants, &parent.inventory.kept).await?;
        Ok(unfilled)
    }

    /// What is made over rows may be refused for the masks of one of its tables: those of the columns that it names, or of all where it names none.
    fn blame_masks(&self, error: BuildError) -> BuildError {
        let BuildError::Refused { message, .. } = &error else { return error };
        let Some((definition, tables)) = self.parent.definitions.named_in(message) else { return error };
        let masked = self.withheld.iter().filter(|entry| tables.contains(&entry.table) && !entry.masked_columns.is_empty());
        let blamed = masked.map(|entry| {
            let mut columns = entry.masked_columns.clone();
            columns.retain(|column| definition.contains(&column.name));
            Withheld { masked_columns: if columns.is_empty() { entry.masked_columns.clone() } else { columns }, ..entry.clone() }
        });
        masking::blame_masks(&blamed.collect::<Vec<_>>(), error)
    }

    /// Counts every table's rows and gathers its statistics, but for those that were `looked` through already: anew, since those of the parent hold values of
    /// rows that may have been withheld.
    async fn look_through_rows(&self, branch: &mut PgConnection, looked: &HashSet<i64>) -> Result<(), BuildError> {
        let left: Vec<(&Table, u64)> =
            self.copied.iter().filter(|(table, _)| !table.partitioned && !looked.contains(&table.oid)).map(|(table, rows)| (table, *rows)).collect();
        let turns = Turns::biggest_first(left.iter().map(|(table, _)| *table));
        let hands = if streams::are_worth_streams(left.iter().map(|(table, _)| *table)) { self.streams } else { 1 };
        let mut others = Vec::new();
        for _ in 1..hands {
            others.push(self.settings.builder_in(&self.request.target.database).await?);
        }
        let by_others = others.iter_mut().map(|other| self.look_through(other, &left, &turns));
        let (own, by_others) = join(self.look_through(branch, &left, &turns), try_join_all(by_others)).await;
        by_others.and(own)?;
        for other in others {
            let _ = other.close().await;
        }
        Ok(())
    }

    async fn look_through(&self, branch: &mut PgConnection, left: &[(&Table, u64)], turns: &Turns) -> Result<(), BuildError> {
        while let Some(places) = turns.next() {
            let tables: Vec<(&Table, u64)> = places.iter().map(|place| left[*place]).collect();
            let begun = Instant::now();
            // What an index calculates is seen to by whoever asks for anything of its table.
            let failed = |error| from_sql("counting the copy's rows", error);
            run(branch, format!("begin; {SEARCH_PATH}")).await.map_err(failed)?;
            verify::rows(branch, &tables).await?;
            run(branch, "commit").await.map_err(failed)?;
            let statements = leader::gather_statistics(&tables);
            if !statements.is_empty() {
                run(branch, format!("{SEARCH_PATH}; {}", statements.join("; "))).await.map_err(|error| from_sql("gathering statistics", error))?;
            }
            self.load.rest_after(begun.elapsed()).await;
        }
        Ok(())
    }
}
