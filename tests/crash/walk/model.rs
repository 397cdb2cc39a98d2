//! What branches there should be, and what should be in them.

use crate::world::World;
use fluxbase_tests::Answer;
use reqwest::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is in a database.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Contents {
    pub(super) trees: BTreeSet<i64>,
    /// Versions of the migrations in its ledger; each made a table of that number.
    pub(super) versions: BTreeSet<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) parent: String,
    pub(super) mode: &'static str,
    pub(super) contents: Contents,
    /// What a reset replaced.
    pub(super) previous: Option<Contents>,
}

/// The whole of it.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) main: Contents,
    pub(super) branches: BTreeMap<String, Branch>,
    pub(super) next_tree: i64,
    pub(super) next_version: u32,
    pub(super) next_name: u32,
}

impl Model {
    pub(super) fn of_the_orchard() -> Self {
        let main = Contents { trees: (1..=200).collect(), versions: BTreeSet::new() };
        Self { main, branches: BTreeMap::new(), next_tree: 1000, next_version: 1, next_name: 1 }
    }

    pub(super) fn contents(&self, slug: &str) -> &Contents {
        if slug == "main" { &self.main } else { &self.branches[slug].contents }
    }

    pub(super) fn contents_mut(&mut self, slug: &str) -> &mut Contents {
        if slug == "main" { &mut self.main } else { &mut self.branches.get_mut(slug).unwrap().contents }
    }

    /// What a copy of this mode has.
    pub(super) fn copy(&self, parent: &str, mode: &str) -> Contents {
        let parent = self.contents(parent);
        let trees = match mode {
            "full_clone" => parent.trees.clone(),
            // What the world's seed sows.
            "seed_data" => BTreeSet::from([1]),
            _ => BTreeSet::new(),
        };
        Contents { trees, versions: parent.versions.clone() }
    }

    /// The branch and all that was cut from it, straight or not.
    pub(super) fn family(&self, slug: &str) -> BTreeSet<String> {
        let mut family = BTreeSet::from([slug.to_owned()]);
        loop {
            let more: BTreeSet<String> = self
                .branches
                .iter()
                .filter(|(name, branch)| family.contains(&branch.parent) && !family.contains(*name))
                .map(|(name, _)| name.clone())
                .collect();
            if more.is_empty() {
                return family;
            }
            family.extend(more);
        }
    }

    /// Every branch is ready, answers with its rows, and there are no databases but theirs and those on their way out.
    pub(super) async fn holds(&self, world: &World, told: &str) {
        let mut listed = BTreeSet::new();
        for branch in list(world).await {
            let slug = branch["slug"].as_str().unwrap().to_owned();
            assert_eq!(branch["status"], "ready", "{told}: {branch}\n{}", world.server.stderr());
            if slug != "main" {
                assert_eq!(branch["previous"].is_null(), self.branches.get(&slug).is_none_or(|known| known.previous.is_none()), "{told}: {branch}");
                listed.insert(slug);
            }
        }
        assert_eq!(listed, self.branches.keys().cloned().collect(), "{told}");
        for slug in self.branches.keys().map(String::as_str).chain(["main"]) {
            let expected = self.contents(slug);
            assert_eq!(trees(world, slug).await, expected.trees, "{told}: trees of {slug}\n{}", world.server.stderr());
            let applied = world.branch(slug).await["migrations"]["applied"].as_u64().unwrap();
            assert_eq!(applied, expected.versions.len() as u64, "{told}: ledger of {slug}");
        }
        let (live, leaving) = generations(world).await;
        let found = world.databases().await;
        let strange: Vec<_> =
            found.iter().filter(|name| name.starts_with(&world.prefix) && !live.contains(*name) && !leaving.contains(*name)).collect();
        assert!(strange.is_empty() && live.is_subset(&found), "{told}: {found:?} for {live:?} and {leaving:?}");
        world.has_no_stray_login().await;
    }

    /// The same when nothing is under way.
    pub(super) async fn holds_without_remains(&self, world: &World) {
        self.holds(world, "at the end").await;
        let (live, leaving) = generations(world).await;
        assert!(leaving.is_empty(), "{leaving:?}");
        let found: BTreeSet<_> = world.databases().await.into_iter().filter(|name| name.starts_with(&world.prefix)).collect();
        assert_eq!(found, live);
        for (slug, branch) in &self.branches {
            for version in &branch.contents.versions {
                assert_eq!(world.count(&format!("m{version}"), slug).await, 0, "{slug} has what its ledger says");
            }
        }
    }
}

async fn list(world: &World) -> Vec<Value> {
    world.server.get("admin/branches", &world.server.owner_key()).await.json()["items"].as_array().unwrap().clone()
}

async fn trees(world: &World, slug: &str) -> BTreeSet<i64> {
    let request = world.server.rest(Method::GET, "tables/trees?select=id&limit=1000", &world.server.owner_key());
    let rows = Answer::to(request.header("X-Fluxbase-Branch", slug)).await.rows();
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// The databases of live branches, what is kept included, and those that are to be dropped.
async fn generations(world: &World) -> (BTreeSet<String>, BTreeSet<String>) {
    let live: Vec<(String, i32)> = sqlx::query_as(
        "select slug, unnest(array[generation, (previous ->> 'generation')::int]) from branching.branches where status <> 'deleted' and type <> 'main'",
    )
    .fetch_all(&world.pool)
    .await
    .map(|rows: Vec<(String, Option<i32>)>| rows.into_iter().filter_map(|(slug, generation)| Some((slug, generation?))).collect())
    .unwrap();
    let leaving: Vec<(String, i32)> = sqlx::query_as(
        "select slug, (input ->> 'generation')::int from branching.operations o join branching.branches b on b.id = o.branch_id
          where o.kind = 'discard_generation' and o.finished_at is null",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let name = |(slug, generation): &(String, i32)| format!("{}{slug}_g{generation}", world.prefix);
    (live.iter().map(name).collect(), leaving.iter().map(name).collect())
}
