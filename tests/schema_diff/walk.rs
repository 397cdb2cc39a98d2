//! Random walks: two databases that went different ways from one beginning, and the script between them.

use crate::{
    cases::{Outcome, try_script},
    edits::{BEGINNING, Edits},
    world::{Rights, World},
};

/// Statements of each walk.
const STEPS: usize = 25;

async fn walk(world: &World, from: &str, seed: u64) -> (String, Vec<String>) {
    let database = world.copy(from).await;
    let (mut edits, mut done) = (Edits::new(seed), Vec::new());
    for _ in 0..STEPS * 2 {
        let statement = edits.statement();
        // A deadlock or a lost connection would be an error of another kind, and show in the end.
        if done.len() < STEPS && world.as_owner(&database, &format!("set search_path = app; {statement}")).await.is_ok() {
            done.push(statement);
        }
    }
    (database, done)
}

async fn walks(major: u32, seeds: std::ops::Range<u64>) {
    let Some(world) = World::start(major, Rights::Owner).await else { return };
    let schemas = world.schemas();
    let base = world.database(BEGINNING).await;
    let (mut right, mut unscripted, mut refused, mut missed) = (0, 0, 0, Vec::new());
    for seed in seeds {
        let ((target, before), (source, after)) = (walk(&world, &base, seed * 2).await, walk(&world, &base, seed * 2 + 1).await);
        let (diff, outcome) = try_script(&world, &schemas, &target, &source).await;
        match outcome {
            Outcome::Right => right += 1,
            Outcome::Unscripted(_) => unscripted += 1,
            // Rows that are there stand against a key or a bound of the source.
            Outcome::Missed(why) if why.contains("(SQLSTATE 23") => refused += 1,
            Outcome::Missed(why) => {
                println!("seed {seed}: {why}\nthe target went: {}\nthe source went: {}", before.join("; "), after.join("; "));
                println!("the script:\n{}", domain::schema::script_text(&diff.script));
                missed.push(seed);
            }
        }
        world.drop(&target).await;
        world.drop(&source).await;
    }
    world.stop().await;
    println!(
        "PostgreSQL {major}: {right} walks scripted rightly, {unscripted} with a rest that was said, {refused} refused by rows, {} missed",
        missed.len()
    );
    assert!(missed.is_empty(), "seeds {missed:?}");
}

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let from = number("SCHEMA_DIFF_SEED", 0);
    from..from + number("SCHEMA_DIFF_WALKS", 4)
}

#[tokio::test]
async fn walks_on_postgresql_15() {
    walks(15, seeds()).await;
}

#[tokio::test]
async fn walks_on_postgresql_18() {
    walks(18, seeds()).await;
}
