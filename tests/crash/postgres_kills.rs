//! `kill -9` of PostgreSQL alone at any moment of an operation: it is started again, and what was promised is done.

use crate::{
    life::{ask_of, files},
    world::{PATIENCE, World, number},
};
use domain::{OperationKind, StepName};
use fluxbase_tests::{Answer, eventually};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::Method;
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};

/// Large enough that a clone takes as long as the delays.
const SCHEMA: &str = "
    create table public.trees (id int primary key, kind text not null);
    create table public.apples (id int primary key, tree_id int not null references public.trees (id), weight numeric not null);
    insert into public.trees select n, 'kind ' || n % 7 from generate_series(1, 2000) n;
    insert into public.apples select n, 1 + n % 2000, n * 0.5 from generate_series(1, 100000) n;
    create index on public.apples (weight);
    grant select, insert, update, delete on all tables in schema public to service_role";

/// What the branch should be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Model {
    exists: bool,
    /// Migrations in it; its parent has none.
    migrated: usize,
    previous: Option<usize>,
}

/// `FLUXBASE_TEST_KILLS` rounds, 10 when not set; `FLUXBASE_TEST_SEED` repeats a run.
#[tokio::test]
async fn a_postgresql_killed_at_any_moment_costs_nothing_that_was_promised() {
    let (rounds, seed) = (number("FLUXBASE_TEST_KILLS", 10), number("FLUXBASE_TEST_SEED", 20_261_126));
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::embedded_with(SCHEMA, |settings| settings.set("database.statement_timeout", "2s")).await;
    let mut model = Model::default();
    let mut tally: BTreeMap<&str, u32> = BTreeMap::new();
    for round in 0..rounds {
        let what = if model.exists { *["reset", "reset", "migrate", "undo", "delete"].choose(&mut random).unwrap() } else { "create" };
        let delay = Duration::from_secs(2).mul_f64(random.random::<f64>().powi(2));
        let told = format!("seed {seed}, round {round}: {what}, killed after {delay:?}, {model:?}");
        let asked = ask(&world, what, model);
        tokio::pin!(asked);
        let early = tokio::select! {
            answer = &mut asked => Some(answer),
            () = tokio::time::sleep(delay) => None,
        };
        if early.is_some() {
            tokio::time::sleep(delay).await;
        }
        kill_postgresql(&world).await;
        let answer = match early {
            Some(answer) => answer,
            None => asked.await,
        };
        world.settles().await;
        let wanted = after(what, model);
        let found = look(&world, model, wanted).await;
        match answer.status.as_u16() {
            202 => assert_eq!(found, wanted, "{told}\n{}", world.server.stderr()),
            409 if what == "undo" && model.previous.is_none() => assert_eq!(found, model, "{told}"),
            // It was cut off: done or not done.
            500.. => assert!(found == wanted || found == model, "{told}: {found:?}\n{answer:?}"),
            other => panic!("{told}: {other} {answer:?}"),
        }
        *tally.entry(what).or_default() += 1;
        model = found;
        let generations = generations(&world).await;
        world.holds_just(&generations.iter().map(|generation| ("victim", *generation)).collect::<Vec<_>>()).await;
    }
    println!("{rounds} kills of PostgreSQL (seed {seed}): {tally:?}");
}

#[tokio::test]
async fn a_postgresql_killed_at_each_step_of_a_reset_and_of_a_delete_costs_nothing() {
    let world = World::embedded_with(SCHEMA, |settings| settings.set("database.statement_timeout", "2s")).await;
    world.create("victim").await;
    world.ready("victim").await;
    world.plant(9001, "victim").await;
    let reset = OperationKind::ResetBranch.steps().iter().filter(|step| **step != StepName::Seed);
    for (round, step) in reset.enumerate() {
        let operation = world.begin("victim", "reset", &json!({})).await;
        killed_at(&world, &operation, *step).await;
        world.succeeded(&operation).await;
        assert_eq!((world.count("trees", "victim").await, world.count("apples", "victim").await), (2000, 100_000), "{step}");
        world.settles().await;
        let generation = u32::try_from(round).unwrap() + 2;
        world.holds_just(&[("victim", generation - 1), ("victim", generation)]).await;
    }
    for (round, step) in OperationKind::DeleteBranch.steps().iter().enumerate() {
        if round > 0 {
            world.create("victim").await;
            world.ready("victim").await;
        }
        let answer = ask_of(&world.server, "victim", "delete", &json!({})).await;
        killed_at(&world, answer.json()["operation"]["id"].as_str().unwrap(), *step).await;
        world.gone("victim").await;
        world.settles().await;
        world.holds_just(&[]).await;
    }
}

/// Kills PostgreSQL as soon as the step has begun; a quick one may have ended by then.
async fn killed_at(world: &World, operation: &str, step: StepName) {
    eventually(&format!("{step} begins"), PATIENCE, async || {
        let begun: bool = sqlx::query_scalar(
            "select exists (select from branching.operations, jsonb_array_elements(steps) step
                             where id = $1::uuid and step ->> 'name' = $2 and step ->> 'status' <> 'queued')",
        )
        .bind(operation)
        .bind(step.name())
        .fetch_one(&world.pool)
        .await
        .unwrap();
        begun
    })
    .await;
    kill_postgresql(world).await;
}

async fn ask(world: &World, what: &str, model: Model) -> Answer {
    match what {
        "create" => world.ask(Method::POST, "admin/branches", &json!({"name": "victim", "data_clone_mode": "full_clone"})).await,
        "migrate" => {
            let all: Vec<_> = (0..=model.migrated).map(migration).collect();
            ask_of(&world.server, "victim", "migrate", &files(&all.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect::<Vec<_>>())).await
        }
        _ => ask_of(&world.server, "victim", what, &json!({})).await,
    }
}

/// Not to be run twice; takes as long as the delays.
fn migration(number: usize) -> (String, String) {
    let sql =
        format!("create table public.m{number} (id int);\nselect pg_sleep(0.5);\ninsert into public.m{number} values (1);\nselect pg_sleep(0.3)");
    (format!("{}_m.sql", number + 1), sql)
}

fn after(what: &str, model: Model) -> Model {
    match what {
        "create" => Model { exists: true, ..Model::default() },
        "migrate" => Model { migrated: model.migrated + 1, ..model },
        "reset" => Model { migrated: 0, previous: Some(model.migrated), ..model },
        "undo" => Model { migrated: model.previous.unwrap_or(model.migrated), previous: None, ..model },
        "delete" => Model::default(),
        other => panic!("{other}"),
    }
}

async fn kill_postgresql(world: &World) {
    let before = world.server.postgres_pid().expect("it runs");
    kill(Pid::from_raw(before), Signal::SIGKILL).unwrap();
    let ready = format!("{}/readyz", world.server.url());
    eventually("PostgreSQL runs again", PATIENCE, async || {
        world.server.postgres_pid().is_some_and(|pid| pid != before)
            && world.server.http().get(&ready).send().await.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
}

/// What the branch is, as requests see it: whole, and ready, whatever it is.
async fn look(world: &World, before: Model, wanted: Model) -> Model {
    let Some(status) = world.status("victim").await else { return Model::default() };
    assert_eq!(status, "ready", "{:?}\n{}", world.branch("victim").await, world.server.stderr());
    assert_eq!((world.count("trees", "victim").await, world.count("apples", "victim").await), (2000, 100_000));
    let branch = world.branch("victim").await;
    let migrated = usize::try_from(branch["migrations"]["applied"].as_u64().unwrap()).unwrap();
    for number in 0..migrated {
        eventually("the table is served", PATIENCE, async || {
            world.server.get(&format!("tables/m{number}?branch=victim"), &world.server.owner_key()).await.status == 200
        })
        .await;
        assert_eq!(world.count(&format!("m{number}"), "victim").await, 1);
    }
    // How many migrations it has is not told of what is kept.
    let previous = if migrated == wanted.migrated { wanted.previous } else { before.previous };
    Model { exists: true, migrated, previous: previous.filter(|_| !branch["previous"].is_null()) }
}

/// The one that serves, and the one that is kept.
async fn generations(world: &World) -> Vec<u32> {
    if world.status("victim").await.is_none() {
        return Vec::new();
    }
    let branch = world.branch("victim").await;
    let number = |value: &serde_json::Value| value.as_u64().map(|number| u32::try_from(number).unwrap());
    [&branch["generation"], &branch["previous"]["generation"]].into_iter().filter_map(number).collect()
}
