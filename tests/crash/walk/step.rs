//! One step: chosen by chance, done to the world and to the model alike.

use super::model::{Branch, Model};
use crate::{
    life::{ask_of, files},
    world::{PATIENCE, World},
};
use fluxbase_tests::eventually;
use rand::{RngExt, rngs::StdRng, seq::IteratorRandom};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

const MODES: [&str; 4] = ["schema_only", "full_clone", "full_clone", "seed_data"];

/// Takes a step and tells what it was, its kind first.
pub(super) async fn take(world: &mut World, model: &mut Model, random: &mut StdRng) -> String {
    let branch = model.branches.keys().choose(random).cloned();
    let any = model.branches.keys().map(String::as_str).chain(["main"]).choose(random).unwrap().to_owned();
    // Some are crashed into.
    let crash = random.random_bool(0.2).then(|| Duration::from_millis(1500).mul_f64(random.random::<f64>().powi(2)));
    match (random.random_range(0..20), branch) {
        (0..4, _) | (4.., None) if model.branches.len() < 5 => create(world, model, random, &any, crash).await,
        (4..8, Some(_)) => plant(world, model, random, &any).await,
        (8..11, Some(branch)) => reset(world, model, &branch, crash).await,
        (11..13, Some(branch)) => undo(world, model, &branch, crash).await,
        (13..16, Some(branch)) => migrate(world, model, if random.random_bool(0.2) { "main" } else { &branch }, crash).await,
        (16..17, Some(branch)) => expire(world, model, &branch).await,
        (17..18, _) => {
            world.server.kill().await;
            world.restart().await;
            "kill".to_owned()
        }
        (_, Some(branch)) => delete(world, model, &branch, crash).await,
        (_, None) => plant(world, model, random, "main").await,
    }
}

async fn create(world: &mut World, model: &mut Model, random: &mut StdRng, parent: &str, crash: Option<Duration>) -> String {
    let mode = MODES.into_iter().choose(random).unwrap();
    let slug = format!("b{}", model.next_name);
    // Names come again: their databases do not.
    model.next_name = model.next_name % 4 + 1;
    if model.branches.contains_key(&slug) {
        let taken = world.ask(Method::POST, "admin/branches", &json!({"name": slug})).await;
        assert_eq!(taken.status, 409, "{taken:?}");
        return format!("taken {slug}");
    }
    let operation = world.begin_create(&json!({"name": slug, "parent": parent, "data_clone_mode": mode})).await;
    end(world, &operation, crash).await;
    let contents = model.copy(parent, mode);
    model.branches.insert(slug.clone(), Branch { parent: parent.to_owned(), mode, contents, previous: None });
    format!("create {slug} of {parent} as {mode}")
}

async fn plant(world: &World, model: &mut Model, random: &mut StdRng, slug: &str) -> String {
    let count = random.random_range(1..4);
    for _ in 0..count {
        let id = model.next_tree;
        model.next_tree += 1;
        world.plant(i32::try_from(id).unwrap(), slug).await;
        model.contents_mut(slug).trees.insert(id);
    }
    format!("plant {count} in {slug}")
}

async fn reset(world: &mut World, model: &mut Model, slug: &str, crash: Option<Duration>) -> String {
    let operation = world.begin(slug, "reset", &json!({})).await;
    end(world, &operation, crash).await;
    let Branch { parent, mode, .. } = model.branches[slug].clone();
    let contents = model.copy(&parent, mode);
    let branch = model.branches.get_mut(slug).unwrap();
    branch.previous = Some(std::mem::replace(&mut branch.contents, contents));
    format!("reset {slug} to {parent}")
}

async fn undo(world: &mut World, model: &mut Model, slug: &str, crash: Option<Duration>) -> String {
    let branch = model.branches.get_mut(slug).unwrap();
    let Some(previous) = branch.previous.take() else {
        assert_eq!(ask_of(&world.server, slug, "undo", &json!({})).await.problem(409), "nothing_to_undo");
        return format!("nothing-to-undo {slug}");
    };
    branch.contents = previous;
    let operation = world.begin(slug, "undo", &json!({})).await;
    end(world, &operation, crash).await;
    format!("undo {slug}")
}

async fn migrate(world: &mut World, model: &mut Model, slug: &str, crash: Option<Duration>) -> String {
    let version = model.next_version;
    model.next_version += 1;
    let contents = model.contents_mut(slug);
    contents.versions.insert(version);
    let file = |version: &u32| {
        let sql = format!("create table public.m{version} (id int primary key);\ngrant select on public.m{version} to service_role");
        (format!("{version}_m.sql"), sql)
    };
    let all: Vec<_> = contents.versions.iter().map(file).collect();
    let body = files(&all.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect::<Vec<_>>());
    let operation = world.begin(slug, "migrate", &body).await;
    end(world, &operation, crash).await;
    format!("migrate {slug} to {version}")
}

async fn delete(world: &mut World, model: &mut Model, slug: &str, crash: Option<Duration>) -> String {
    let family = model.family(slug);
    if family.len() > 1 {
        assert_eq!(ask_of(&world.server, slug, "delete", &json!({})).await.problem(409), "has_children");
    }
    let answer = ask_of(&world.server, slug, "delete by force", &json!({})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    kill(world, crash).await;
    for member in &family {
        world.gone(member).await;
        model.branches.remove(member);
    }
    format!("delete {family:?}")
}

async fn expire(world: &World, model: &mut Model, slug: &str) -> String {
    let leaf = model.family(slug).into_iter().find(|member| model.family(member).len() == 1).unwrap();
    let answer = world.ask(Method::PATCH, &format!("admin/branches/{leaf}"), &json!({"expires_in": "1s"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    eventually(&format!("{leaf} goes by itself"), PATIENCE, async || world.status(&leaf).await.is_none()).await;
    model.branches.remove(&leaf);
    format!("expire {leaf}")
}

/// What was promised is done, whatever is killed meanwhile.
async fn end(world: &mut World, operation: &str, crash: Option<Duration>) {
    kill(world, crash).await;
    world.succeeded(operation).await;
}

async fn kill(world: &mut World, crash: Option<Duration>) {
    if let Some(delay) = crash {
        tokio::time::sleep(delay).await;
        world.server.kill().await;
        world.restart().await;
    }
}
