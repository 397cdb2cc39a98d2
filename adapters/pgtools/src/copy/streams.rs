//! The rows of all tables, by several streams at once: each reads by the leader's snapshot, the biggest tables first.

use super::{
    leader::Table,
    pace::Pace,
    rows::{self, Copy, Share},
    server_load::Load,
    withholding,
};
use crate::{
    connect::{APPLICATION, run},
    error::from_sql,
    masking::Masks,
    meter::Meter,
    quoting::literal,
    settings::Settings,
};
use domain::branch::Withheld;
use futures_util::future::{join, try_join_all};
use ports::driven::{BuildError, BuildRequest, CONTROL_PLANE_APPLICATION};
use sqlx::{Connection, PgConnection};
use std::{
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;

/// Bytes; below this one stream is done before others have connected.
const MANY_ROWS: u64 = 32 * 1024 * 1024;

/// From so many tables on the same holds, however small they are.
const MANY_TABLES: usize = 200;

/// Whether what hangs on these tables takes so long that it matters how it is made.
pub(crate) fn are_many_rows<'a>(tables: impl IntoIterator<Item = &'a Table>) -> bool {
    tables.into_iter().map(|table| table.bytes).sum::<u64>() >= MANY_ROWS
}

/// Whether there is work for several streams.
pub(crate) fn are_worth_streams<'a>(tables: impl IntoIterator<Item = &'a Table> + Clone) -> bool {
    are_many_rows(tables.clone()) || tables.into_iter().filter(|table| !table.is_empty && !table.partitioned).count() >= MANY_TABLES
}

/// More of them only wait for each other's disk.
const MOST_STREAMS: usize = 4;

/// How often it is looked whether somebody uses the parent. Looked at once, a parent that does half of what it can has no statement at work two times in five.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// From so many statements at work on, counted over all looks, the parent is in use. The control plane's own do not count: they tell whoever asks how far the
/// copy is.
const ACTIVE_IN_USE: i64 = 2;

/// How many streams copy the tables: some of the processor's cores, fewer where connections are scarce, one where the parent is in use.
pub(crate) async fn count(leader: &mut PgConnection, tables: &[Table], load: &Load) -> Result<usize, BuildError> {
    let filled = tables.iter().filter(|table| table.bytes > 0).count();
    if !are_worth_streams(tables) || filled < 2 {
        return Ok(1);
    }
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (mut free, mut active) = (0, 0);
    for look in 0..LOOKS {
        if look > 0 {
            sleep(BETWEEN_LOOKS).await;
        }
        // Within a transaction the second look would see what the first did.
        run(leader, "select pg_stat_clear_snapshot()").await.map_err(|error| from_sql("looking how busy the parent is", error))?;
        let seen: (i64, i64) = sqlx::query_as(
            "select current_setting('max_connections')::int8 - count(*),
                    count(*) filter (where datname = current_database() and state = 'active' and not starts_with(application_name, $1)
                                       and not (application_name = $2 and usename = session_user))
               from pg_stat_activity",
        )
        .bind(APPLICATION)
        .bind(CONTROL_PLANE_APPLICATION)
        .fetch_one(&mut *leader)
        .await
        .map_err(|error| from_sql("looking how busy the parent is", error))?;
        free = seen.0;
        active += seen.1;
    }
    if active >= ACTIVE_IN_USE || load.is_busy() {
        return Ok(1);
    }
    // Each stream takes a connection on either side, and leaves as many to everybody else.
    let afforded = usize::try_from(free / 4).unwrap_or_default();
    Ok(cores.min(MOST_STREAMS).min(afforded).min(filled).max(1))
}

/// What is copied, and how.
pub(crate) struct Streams<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) request: &'a BuildRequest,
    /// What its sessions in the parent are known by.
    pub(crate) name: &'a str,
    pub(crate) tables: &'a [Table],
    pub(crate) withheld: &'a [Withheld],
    pub(crate) masks: &'a Masks,
    pub(crate) meter: &'a Meter,
    pub(crate) load: &'a Load,
}

/// Hands out places in a list of tables, each to one.
pub(crate) struct Turns {
    /// What is done in one go.
    batches: Vec<Vec<usize>>,
    next: AtomicUsize,
}

/// Small tables of one go: so many that what a go takes by itself does not matter, so few that no stream is left alone with them at the end.
const MOST_TOGETHER: usize = 64;

impl Turns {
    /// Biggest first, so that no stream is left alone with a big one at the end; small ones several at a time.
    pub(crate) fn biggest_first<'a>(tables: impl IntoIterator<Item = &'a Table>) -> Self {
        let tables: Vec<&Table> = tables.into_iter().collect();
        let mut order: Vec<usize> = (0..tables.len()).collect();
        order.sort_by_key(|place| std::cmp::Reverse(tables[*place].bytes));
        let (big, small) = order.split_at(order.partition_point(|place| !tables[*place].is_small()));
        let batches = big.chunks(1).chain(small.chunks(MOST_TOGETHER)).map(<[usize]>::to_vec).collect();
        Self { batches, next: AtomicUsize::new(0) }
    }

    pub(crate) fn next(&self) -> Option<&[usize]> {
        self.batches.get(self.next.fetch_add(1, Ordering::Relaxed)).map(Vec::as_slice)
    }
}

impl Streams<'_> {
    /// Copies every table. Gives the rows of each, in their order.
    pub(crate) async fn copy(&self, leader: &mut PgConnection, branch: &mut PgConnection, streams: usize) -> Result<Vec<u64>, BuildError> {
        let turns = Turns::biggest_first(self.tables);
        let counts = Mutex::new(vec![0; self.tables.len()]);
        let pace = Pace::new(self.settings.clone_rate, self.load);
        self.see_all(leader).await?;
        let mut others = Vec::new();
        if streams > 1 {
            let snapshot: String = sqlx::query_scalar("select pg_export_snapshot()")
                .fetch_one(&mut *leader)
                .await
                .map_err(|error| from_sql("sharing the snapshot", error))?;
            for _ in 1..streams {
                others.push((self.reader(&snapshot).await?, self.settings.writer_in(&self.request.target.database).await?));
            }
        }
        let by_others = others.iter_mut().map(|(reader, writer)| self.stream(reader, writer, &turns, &counts, &pace));
        let (own, by_others) = join(self.stream(leader, branch, &turns, &counts, &pace), try_join_all(by_others)).await;
        by_others.and(own)?;
        for (reader, writer) in others {
            let _ = reader.close().await;
            let _ = writer.close().await;
        }
        Ok(counts.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another session that sees what the leader sees.
    async fn reader(&self, snapshot: &str) -> Result<PgConnection, BuildError> {
        let mut reader = self.settings.row_reader_in(&self.request.parent, self.request.parent_is_main, self.name).await?;
        let begin = format!("begin isolation level repeatable read read only; set transaction snapshot {}", literal(snapshot));
        run(&mut reader, begin).await.map_err(|error| from_sql("sharing the snapshot", error))?;
        self.see_all(&mut reader).await?;
        Ok(reader)
    }

    /// Whether reading a table of the parent needs the right to pass policies: `FORCE ROW LEVEL SECURITY` filters what the owner itself reads. Main is read by its
    /// own login, which has that right or has not.
    pub(crate) fn read_past_policies(&self) -> bool {
        !self.request.parent_is_main && self.tables.iter().any(|table| table.forced_policies)
    }

    /// Lets a session read as the parent's builder itself, where policies would filter what the owner reads. The builder has the owner's rights, and may have been
    /// given the right to pass policies. Where it was not, reading such a table is an error.
    async fn see_all(&self, reader: &mut PgConnection) -> Result<(), BuildError> {
        if !self.read_past_policies() {
            return Ok(());
        }
        run(reader, "set role none").await.map_err(|error| from_sql("reading as the builder", error))
    }

    async fn stream(
        &self,
        reader: &mut PgConnection,
        writer: &mut PgConnection,
        turns: &Turns,
        counts: &Mutex<Vec<u64>>,
        pace: &Pace<'_>,
    ) -> Result<(), BuildError> {
        while let Some(places) = turns.next() {
            let (places, copies): (Vec<usize>, Vec<Copy<'_>>) =
                places.iter().filter_map(|place| Some((*place, self.to_copy(&self.tables[*place])?))).unzip();
            if copies.is_empty() {
                continue;
            }
            let rows = rows::copy_tables(reader, writer, &copies, pace).await?;
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            places.into_iter().zip(rows).for_each(|(place, rows)| counts[place] = rows);
        }
        Ok(())
    }

    /// Nothing where no row of it comes along.
    fn to_copy<'a>(&'a self, table: &'a Table) -> Option<Copy<'a>> {
        let share = Share::new(self.meter, table.bytes);
        let withheld = self.withheld.iter().find(|entry| entry.table == table.qualified());
        let source = withholding::source(table, withheld, self.masks).filter(|_| !table.is_empty && !table.partitioned);
        if source.is_none() {
            share.complete();
        }
        Some(Copy { table, source: source?, withheld, share })
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_TOGETHER, Table, Turns};

    #[test]
    fn the_biggest_comes_first_and_everything_once_and_small_ones_come_together() {
        let tables: Vec<Table> = [5 << 20, 0, 9 << 20, 7].map(|bytes| Table { bytes, ..Table::default() }).into_iter().collect();
        let turns = Turns::biggest_first(&tables);
        let batches: Vec<_> = std::iter::from_fn(|| turns.next().map(<[usize]>::to_vec)).collect();
        assert_eq!(batches, [vec![2], vec![0], vec![3, 1]]);
        let tables = vec![Table::default(); MOST_TOGETHER + 1];
        let turns = Turns::biggest_first(&tables);
        let sizes: Vec<_> = std::iter::from_fn(|| turns.next().map(<[usize]>::len)).collect();
        assert_eq!(sizes, [MOST_TOGETHER, 1]);
    }
}
