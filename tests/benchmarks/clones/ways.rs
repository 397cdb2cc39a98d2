//! The ways to a copy, one after the other on the same parent.

use crate::{BoxError, options::Part, report::Report, world::World};
use sqlx::{AssertSqlSafe, Executor};
use std::time::Instant;

pub(crate) const DUMP: &str = "pg_dump | psql";
pub(crate) const TEMPLATE: &str = "CREATE DATABASE .. TEMPLATE";

/// Rows that are a little old are good enough, where a request says so.
const AGE: &str = "24h";

/// Measures all of them, round after round; each of ours right behind what it is compared with, for a machine is not equally fast all the time.
///
/// Nothing is dropped or deleted: where ext4 has no journal it passes over the inodes that were freed within the last minutes, one by one, and whoever
/// makes files after that pays for it.
pub(crate) async fn compare(world: &mut World, part: Part, rounds: u32, report: &mut Report) -> Result<(), BoxError> {
    for round in 0..rounds {
        piped(world, part, round, report).await?;
        world.settle().await?;
        // Without a template of the parent as it is now; and asked for at once, before one is being made.
        let change = format!("create table app.of_round_{round} ()");
        world.pool.execute(AssertSqlSafe(change)).await?;
        branch(world, part, "first", "parent", report).await?;
        world.stocked("template").await;
        world.settle().await?;
        copied(world, part, round, report).await?;
        world.settle().await?;
        branch(world, part, "next, without a spare", "template", report).await?;
        of_files(world, part, round, report).await?;
        parallel(world, part, round, report).await?;
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

async fn piped(world: &World, part: Part, round: u32, report: &mut Report) -> Result<(), BoxError> {
    let (definitions_only, database) = (definitions_only(part), copy_of(round));
    world.shell(&format!("createdb {database}")).await?;
    world.settle().await?;
    let (took, _) = world.shell(&format!("pg_dump {definitions_only} | psql -qX -v ON_ERROR_STOP=1 -o /dev/null {database}")).await?;
    report.add(part.name(), DUMP, took);
    Ok(())
}

async fn copied(world: &World, part: Part, round: u32, report: &mut Report) -> Result<(), BoxError> {
    let begun = Instant::now();
    world.pool.execute(AssertSqlSafe(format!("create database copied_{round} template {}", copy_of(round)))).await?;
    report.add(part.name(), TEMPLATE, begun.elapsed());
    Ok(())
}

async fn of_files(world: &mut World, part: Part, round: u32, report: &mut Report) -> Result<(), BoxError> {
    let files = world.files(&copy_of(round)).await?;
    world.settle().await?;
    let aside = world.aside()?;
    let (took, _) = world.shell(&format!("cp -r {} {}/copy; sync", files.display(), aside.display())).await?;
    report.add(part.name(), "cp -r; sync", took);
    Ok(())
}

async fn parallel(world: &mut World, part: Part, round: u32, report: &mut Report) -> Result<(), BoxError> {
    let (definitions_only, folder) = (definitions_only(part), world.aside()?.join("dump"));
    world.shell(&format!("createdb parallel_{round}")).await?;
    world.settle().await?;
    let script = format!("pg_dump {definitions_only} -Fd -j2 -f {0}; pg_restore -j2 -d parallel_{round} {0}", folder.display());
    let (took, _) = world.shell(&script).await?;
    report.add(part.name(), "pg_dump -Fd -j2; pg_restore -j2", took);
    Ok(())
}

fn definitions_only(part: Part) -> &'static str {
    if part == Part::Schema { "-s" } else { "" }
}

/// The database that `pg_dump | psql` fills in a round.
fn copy_of(round: u32) -> String {
    format!("piped_{round}")
}
