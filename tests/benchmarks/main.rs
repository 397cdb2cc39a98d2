//! How many requests a second REST and MCP answer, next to what pgbench reaches on the same database in the same run.

mod cpu;
mod figures;
mod load;
mod options;
mod report;
mod world;

use clap::Parser;
use figures::{Figures, Subject};
use options::Options;
use std::error::Error;
use world::World;

type BoxError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), BoxError> {
    let options = Options::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(&options))
}

async fn run(options: &Options) -> Result<(), BoxError> {
    load::programs_are_there()?;
    let mut world = World::start().await?;
    let mut measured: Vec<Figures> = Vec::new();
    for round in 0..=options.rounds {
        for &connections in &options.connections {
            for subject in Subject::ALL {
                let figures = world.measure(subject, connections, options.seconds_of(round)).await?;
                // The first round warms up: statements are prepared, pools filled, pages read.
                if round > 0 {
                    eprintln!("round {round}: {figures}");
                    measured.push(figures);
                }
            }
        }
    }
    world.check_audit().await?;
    print!("{}", report::table(&measured, &options.connections));
    world.stop().await;
    Ok(())
}
