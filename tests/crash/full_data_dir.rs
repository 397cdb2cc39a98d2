//! A data folder whose disk is full: at the first start, at a later one, and while the server runs.

use crate::{
    small_disk::{MEGABYTE, SmallDisk},
    world::{ORCHARD, World, run},
};
use fluxbase_tests::ServerSettings;
use reqwest::Method;
use serde_json::json;
use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
};

/// A server whose PostgreSQL lies on another disk than the rest of its data folder, which is small.
async fn with_postgresql_elsewhere(schema: &'static str) -> Option<(SmallDisk, World)> {
    let mut world = World::embedded(schema).await;
    world.pool.close().await;
    world.server.stop().await;
    let data_dir = world.server.data_dir();
    let elsewhere = data_dir.with_extension("elsewhere");
    fs::rename(data_dir.join("postgres"), &elsewhere).unwrap();
    let disk = SmallDisk::over(&data_dir, MEGABYTE)?;
    symlink(&elsewhere, data_dir.join("postgres")).unwrap();
    Some((disk, world))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_data_folder_stops_no_server_that_runs_and_is_told_at_the_next_start() {
    let Some((disk, mut world)) = with_postgresql_elsewhere(ORCHARD).await else { return };
    world.restart().await;
    let filler = disk.fill_but(0);
    world.create("full").await;
    world.ready("full").await;
    world.is_whole("full").await;
    world.server.stop().await;

    let again = disk.fill_but(0);
    assert_eq!(filler, again);
    let failed = world.server.try_restart().await.unwrap_err();
    assert!(failed.code.is_some_and(|code| code != 0) && failed.stderr.contains("No space left on device"), "{failed}");
    println!("it is told: {}", failed.stderr.lines().last().unwrap_or_default());
    fs::remove_file(filler).unwrap();
    world.restart().await;
    world.is_whole("full").await;
    world.server.kill().await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_shown_once_are_made_when_they_can_be_kept() {
    let Some((disk, mut world)) = with_postgresql_elsewhere("select").await else { return };
    // As if it had never been started with the demo.
    let owner_key = world.server.data_dir().join("owner-key");
    fs::remove_file(&owner_key).unwrap();
    world.server.reconfigure(|_| ServerSettings::new());
    // A page more each time, until there are enough for every file.
    let mut refusals = Vec::new();
    for pages in 0.. {
        disk.fill_but(pages * 4096);
        let Err(failed) = world.server.try_restart().await else { break };
        assert!(failed.stderr.contains("No space left on device"), "{failed}");
        assert!(!world.server.stdout().contains("fb_pk_") && !owner_key.exists());
        refusals.push(failed.stderr.lines().last().unwrap_or_default().to_owned());
    }
    println!("refused were: {refusals:#?}");
    // Which of them lacks its page depends on how much PostgreSQL wrote to its log meanwhile.
    assert!(refusals.iter().any(|refusal| ["server.json", "owner-key"].iter().any(|file| refusal.contains(file))), "{refusals:?}");
    let shown = world.server.stdout();
    for person in ["alice@example.com", "bob@example.com"] {
        assert_eq!(shown.matches(&format!("{person} ")).count(), 1, "{shown}");
    }
    assert!(world.ask(Method::GET, "tables/projects?limit=1", &json!(null)).await.status.is_success());
    world.pool = world.server.superuser().await;
    let keys: i64 = sqlx::query_scalar("select count(*) from fluxbase.keys").fetch_one(&world.pool).await.unwrap();
    assert_eq!(keys, 4, "the owner's that was lost and another, and one of each person");
    world.server.kill().await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_without_room_leaves_nothing_in_the_way_of_the_next() {
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir().unwrap();
    let data_dir = folder.path().join("data");
    fs::create_dir(&data_dir).unwrap();
    fs::set_permissions(&data_dir, Permissions::from_mode(0o711)).unwrap();
    let Some(disk) = SmallDisk::over(&data_dir, 16 * 1024) else { return };
    let settings = ServerSettings::new().argument("--no-demo").variable("FLUXBASE_DATA_DIR", data_dir.to_str().unwrap());
    // Before the cluster is made; while it is; while it starts; while the control plane is made.
    let mut refusals = Vec::new();
    let mut server = None;
    for more in [0, 8, 24, 16, 16, 16, 512] {
        disk.grow(more * MEGABYTE);
        match settings.clone().try_start().await {
            Ok(started) => {
                server = Some(started);
                break;
            }
            Err(failed) => {
                assert!(failed.code.is_some_and(|code| code != 0) && failed.stderr.contains("No space left on device"), "{failed}");
                refusals.push(failed.stderr.lines().last().unwrap_or_default().to_owned());
            }
        }
    }
    println!("refused were: {refusals:#?}");
    let mut server = server.expect("with room it starts");
    assert!(refusals.len() >= 3, "{refusals:?}");
    let pool = server.superuser().await;
    run(&pool, ORCHARD).await;
    let left: Vec<_> = fs::read_dir(&data_dir).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains("unfinished") || name.contains(".new")), "{left:?}");
    pool.close().await;
    server.stop().await;
    drop(disk);
}
