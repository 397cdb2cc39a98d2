//! How long a branch takes over HTTP until it is ready, next to what PostgreSQL's own programs take for the same, in the same run.

mod diffs;
mod load;
mod options;
mod parent;
mod report;
mod resets;
mod ways;
mod world;

use clap::Parser;
use options::{Options, Part};
use report::Report;
use std::error::Error;
use world::World;

type BoxError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), BoxError> {
    let options = Options::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(&options))
}

async fn run(options: &Options) -> Result<(), BoxError> {
    let mut report = Report::default();
    for part in options.parts() {
        let mut world = World::start().await?;
        world.fill(part, options).await?;
        match part {
            Part::Schema | Part::Data | Part::Small => ways::compare(&mut world, part, options.rounds, &mut report).await?,
            Part::Load => load::compare(&world, options, &mut report).await?,
            Part::Reset => resets::compare(&world, options, &mut report).await?,
            Part::Diff => diffs::compare(&world, options.rounds, &mut report).await?,
        }
        world.stop().await;
    }
    print!("{report}");
    Ok(())
}
