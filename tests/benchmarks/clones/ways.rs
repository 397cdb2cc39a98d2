//! The ways to a copy, one after the other on the same parent.

use crate::{BoxError, options::Part, report::Report, world::World};
use sqlx::{AssertSqlSafe, Executor};
use std::time::Instant;

pub(crate) const DUMP: &str = "pg_dump | psql";
pub(crate) const TEMPLATE: &str = "CREATE DATABASE .. TEMPLATE";

/// Rows that are a little old are good enough, where a request says so.
const AGE: &str = "24h";

/// Measures all of them, round after round.
pub(crate) async fn compare(world: &mut World, part: Part, rounds: u32, report: &mut Report) -> Result<(), BoxError> {
    for round in 0..rounds {
        others(world, part, round, report).await?;
        world.settle().await?;
        // Without a template of the parent as it is now; and asked for at once, before one is being made.
        let change = format!("create table app.of_round_{round} ()");
        world.pool.execute(AssertSqlSafe(change)).await?;
        branch(world, part, "first", "parent", report).await?;
        world.stocked("template").await;
        world.settle().await?;
        branch(world, part, "next, without a spare", "template", report).await?;
    }
    world.keep_spares().await;
    for _ in 0..rounds {
        world.stocked("spare").await;
        world.settle().await?;
        branch(world, part, "next, from a spare", "spare", report).await?;
    }
    Ok(())
}

async fn branch(world: &World, part: Part, subject: &'static str, source: &str, report: &mut Report) -> Result<(), BoxError> {
    let (mode, max_age) = if part == Part::Schema { ("schema_only", None) } else { ("full_clone", Some(AGE)) };
    let (took, activity) = world.branch(mode, max_age).await?;
    if !activity.contains(&format!("from {source}")) {
        report.note(format!("{}: {subject}: not made from a {source}: {activity}", part.name()));
    }
    report.add(part.name(), subject, took);
    Ok(())
}

/// Nothing is dropped or deleted: where ext4 has no journal it passes over the inodes that were freed within the last minutes, one by one, and whoever
/// makes files after that pays for it.
async fn others(world: &mut World, part: Part, round: u32, report: &mut Report) -> Result<(), BoxError> {
    let what = if part == Part::Schema { "-s" } else { "" };
    let (piped, copied, parallel) = (format!("piped_{round}"), format!("copied_{round}"), format!("parallel_{round}"));
    world.shell(&format!("createdb {piped}; createdb {parallel}")).await?;
    world.settle().await?;
    let (took, _) = world.shell(&format!("pg_dump {what} | psql -qX -v ON_ERROR_STOP=1 -o /dev/null {piped}")).await?;
    report.add(part.name(), DUMP, took);

    world.settle().await?;
    let begun = Instant::now();
    world.pool.execute(AssertSqlSafe(format!("create database {copied} template {piped}"))).await?;
    report.add(part.name(), TEMPLATE, begun.elapsed());

    let files = world.files(&copied).await?;
    world.settle().await?;
    let aside = world.aside()?;
    let (took, _) = world.shell(&format!("cp -r {} {}/copy; sync", files.display(), aside.display())).await?;
    report.add(part.name(), "cp -r; sync", took);

    world.settle().await?;
    let folder = aside.join("dump");
    let script = format!("pg_dump {what} -Fd -j2 -f {0}; pg_restore -j2 -d {parallel} {0}", folder.display());
    let (took, _) = world.shell(&script).await?;
    report.add(part.name(), "pg_dump -Fd -j2; pg_restore -j2", took);
    Ok(())
}
