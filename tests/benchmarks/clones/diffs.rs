//! How long a comparison of two branches takes, next to `pg_dump -s` of both.

use crate::{BoxError, options::Part, report::Report, world::World};
use sqlx::{AssertSqlSafe, Executor};
use std::time::{Duration, Instant};

const DUMPS: &str = "pg_dump -s of both";
const EQUAL: &str = "equal";
const UNEQUAL: &str = "unequal, nothing known";
const AGAIN: &str = "unequal, both known";

/// Branches that are equal, and that differ in a few objects: after a change on either side, when nothing is known of them, and once more.
pub(crate) async fn compare(world: &World, rounds: u32, report: &mut Report) -> Result<(), BoxError> {
    let part = Part::Diff.name();
    for round in 0..rounds {
        world.pool.execute(AssertSqlSafe(format!("create table app.of_round_{round} ()"))).await?;
        world.branch("schema_only", None).await?;
        let slug = world.latest();
        let database = format!("fluxbase_branch_{slug}_g1");
        diff(world, &slug).await?;
        report.add(part, EQUAL, diff(world, &slug).await?);

        let change = format!(
            "alter table app.t{round} add column extra int, drop column more; create view app.of_view_{round} as select id from app.t{round}"
        );
        world.pool.execute(AssertSqlSafe(change)).await?;
        let change = format!("set role fluxbase_branch_owner; drop index app.t{round}_name_idx; create table app.of_branch (id int)");
        world.shell(&format!("psql -qX -v ON_ERROR_STOP=1 -c '{change}' {database}")).await?;
        report.add(part, UNEQUAL, diff(world, &slug).await?);
        report.add(part, AGAIN, diff(world, &slug).await?);

        let (took, _) = world.shell(&format!("pg_dump -s -f /dev/null; pg_dump -s -f /dev/null {database}")).await?;
        report.add(part, DUMPS, took);
    }
    for subject in [EQUAL, UNEQUAL, AGAIN] {
        report.note(format!("{part}: {subject}: {:.2} of {DUMPS}", report.median(part, subject) / report.median(part, DUMPS)));
    }
    Ok(())
}

async fn diff(world: &World, slug: &str) -> Result<Duration, BoxError> {
    let begun = Instant::now();
    let answer = world.server.get(&format!("admin/branches/{slug}/diff"), &world.server.owner_key()).await;
    let took = begun.elapsed();
    if answer.status == 200 { Ok(took) } else { Err(format!("{answer:?}").into()) }
}
