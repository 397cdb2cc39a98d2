//! A parent that is in use: what its users feel of a clone.

use crate::{BoxError, options::Options, report::Report, world::World};
use std::time::Duration;

/// Connections of its users.
const CLIENTS: u32 = 4;
/// Longer than a clone takes.
const SECONDS: u32 = 120;
/// How long they have been at it when it is cloned.
const LEAD: Duration = Duration::from_secs(5);

/// pgbench at half of its own maximum, with and without a clone.
pub(crate) async fn compare(world: &World, options: &Options, report: &mut Report) -> Result<(), BoxError> {
    world.shell("pgbench -iq -s 10 >/dev/null 2>&1").await?;
    let maximum = transactions(&world.shell(&format!("pgbench -n -N -c {CLIENTS} -j 2 -T 10")).await?.1)?;
    for _ in 0..options.rounds {
        let wanted = maximum / 2.0;
        let load = format!("pgbench -n -N -c {CLIENTS} -j 2 -R {wanted:.0} -T {SECONDS} -P 1 2>&1");
        let clone = async {
            tokio::time::sleep(LEAD).await;
            world.branch("full_clone", None).await
        };
        let (load, branch) = tokio::join!(world.shell(&load), clone);
        let (took, _) = branch?;
        let (ahead, count) = (usize::try_from(LEAD.as_secs())?, usize::try_from(took.as_secs() + 1)?);
        let during: Vec<f64> = seconds(&load?.1).into_iter().skip(ahead).take(count).collect();
        eprintln!("    transactions in each second {during:.0?}");
        let rate = during.iter().sum::<f64>() / f64::from(u32::try_from(during.len())?);
        report.add("full_clone under load", "first", took);
        report.note(format!(
            "full_clone under load: {rate:.0} transactions a second during the clone, {:.2} of the {wanted:.0} asked for",
            rate / wanted
        ));
    }
    Ok(())
}

/// `tps = 1234.5 (without initial connection time)`.
fn transactions(output: &str) -> Result<f64, BoxError> {
    let rest = output.split("tps = ").nth(1).ok_or("pgbench says how fast it was")?;
    Ok(rest.split(' ').next().unwrap_or_default().parse()?)
}

/// `progress: 1.0 s, 1234.5 tps, ..`, one a second.
fn seconds(output: &str) -> Vec<f64> {
    output.lines().filter_map(|line| line.strip_prefix("progress: ")?.split(", ").nth(1)?.strip_suffix(" tps")?.parse().ok()).collect()
}
