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
        others(world, part, report).await?;
        // Without a template of the parent as it is now.
        let change = format!("create table app.of_round_{round} ()");
        world.pool.execute(AssertSqlSafe(change)).await?;
        branch(world, part, "first", "parent", report).await?;
        world.stocked("template").await;
        branch(world, part, "next, without a spare", "template", report).await?;
    }
    world.keep_spares().await;
    for _ in 0..rounds {
        world.stocked("spare").await;
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
    world.forget().await
}

async fn others(world: &World, part: Part, report: &mut Report) -> Result<(), BoxError> {
    let what = if part == Part::Schema { "-s" } else { "" };
    world.shell("psql -qXc 'drop database if exists other' -c 'create database other'").await?;
    let (took, _) = world.shell(&format!("pg_dump {what} | psql -qX -v ON_ERROR_STOP=1 -o /dev/null other")).await?;
    report.add(part.name(), DUMP, took);

    let begun = Instant::now();
    world.pool.execute("create database copied template other").await?;
    report.add(part.name(), TEMPLATE, begun.elapsed());

    let files = world.files("copied").await?;
    world.pool.execute("checkpoint").await?;
    let aside = tempfile::tempdir()?;
    let (took, _) = world.shell(&format!("cp -r {} {}/copy; sync", files.display(), aside.path().display())).await?;
    report.add(part.name(), "cp -r; sync", took);

    world.shell("psql -qXc 'drop database copied' -c 'drop database other' -c 'create database other'").await?;
    let folder = aside.path().join("dump");
    let script = format!("pg_dump {what} -Fd -j2 -f {0}; pg_restore -j2 -d other {0}", folder.display());
    let (took, _) = world.shell(&script).await?;
    report.add(part.name(), "pg_dump -Fd -j2; pg_restore -j2", took);
    world.shell("psql -qXc 'drop database other'").await?;
    Ok(())
}
