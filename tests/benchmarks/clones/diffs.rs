//! How long a comparison of two branches takes, next to `pg_dump -s` of both.

use crate::{BoxError, options::Part, report::Report, world::World};
use sqlx::{AssertSqlSafe, Executor};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

const DUMPS: &str = "pg_dump -s of both";

/// Branches that are equal, and that differ in a few objects: after a change on either side, when nothing is known of them, and once more.
pub(crate) async fn compare(world: &World, rounds: u32, report: &mut Report) -> Result<(), BoxError> {
    let (mut dumps, mut equal, mut unequal, mut again) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        world.pool.execute(AssertSqlSafe(format!("create table app.of_round_{round} ()"))).await?;
        world.branch("schema_only", None).await?;
        let slug = format!("b{}", world.made.load(Ordering::Relaxed));
        let database = format!("fluxbase_branch_{slug}_g1");
        diff(world, &slug).await?;
        equal.push(diff(world, &slug).await?);

        let change = format!(
            "alter table app.t{round} add column extra int, drop column more; create view app.of_view_{round} as select id from app.t{round}"
        );
        world.pool.execute(AssertSqlSafe(change)).await?;
        let change = format!("set role fluxbase_branch_owner; drop index app.t{round}_name_idx; create table app.of_branch (id int)");
        world.shell(&format!("psql -qX -v ON_ERROR_STOP=1 -c '{change}' {database}")).await?;
        unequal.push(diff(world, &slug).await?);
        again.push(diff(world, &slug).await?);

        let (took, _) = world.shell(&format!("pg_dump -s -f /dev/null; pg_dump -s -f /dev/null {database}")).await?;
        dumps.push(took);
        world.forget().await?;
    }
    let part = Part::Diff.name();
    for (subject, times) in [(DUMPS, &dumps), ("equal", &equal), ("unequal, nothing known", &unequal), ("unequal, both known", &again)] {
        for took in times {
            report.add(part, subject, *took);
        }
        report.note(format!("{part}: {subject}: {:.2} of {DUMPS}", median(times).as_secs_f64() / median(&dumps).as_secs_f64()));
    }
    Ok(())
}

async fn diff(world: &World, slug: &str) -> Result<Duration, BoxError> {
    let begun = Instant::now();
    let answer = world.server.get(&format!("admin/branches/{slug}/diff"), &world.server.owner_key()).await;
    let took = begun.elapsed();
    if answer.status == 200 { Ok(took) } else { Err(format!("{answer:?}").into()) }
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}
