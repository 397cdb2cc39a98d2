//! A disk that runs full while branches are made: on a small file system of its own, mounted where PostgreSQL keeps its databases.

use crate::{
    life::ask_of,
    world::{PATIENCE, World},
};
use fluxbase_tests::eventually;
use nix::unistd::geteuid;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

/// About forty megabytes of apples.
const SCHEMA: &str = "
    create table public.trees (id int primary key, kind text not null);
    create table public.apples (id int primary key, filler text not null);
    insert into public.trees select n, 'kind ' || n % 7 from generate_series(1, 200) n;
    insert into public.apples select n, repeat('x', 1000) from generate_series(1, 35000) n;
    grant select, insert, update, delete on all tables in schema public to service_role";

const MEGABYTE: u64 = 1024 * 1024;

/// A file system in memory, mounted over a folder with the folder's own contents in it; gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, told, where this process may not mount.
    fn over(folder: &Path, room: u64) -> Option<Self> {
        let used = size(folder);
        let aside = folder.with_extension("aside");
        assert!(does("cp", &["-a", path(folder), path(&aside)]), "the databases are copied");
        let owner = fs::metadata(folder).unwrap();
        let options = format!("size={},mode={:o},uid={},gid={}", used + room, owner.mode() & 0o7777, owner.uid(), owner.gid());
        let mounted = geteuid().is_root() && does("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", path(folder)]);
        if !mounted {
            fs::remove_dir_all(&aside).unwrap();
            eprintln!("NOT TRIED: a full disk takes a small file system, and this process may mount none (it takes root and CAP_SYS_ADMIN)");
            return None;
        }
        assert!(does("cp", &["-a", &format!("{}/.", path(&aside)), path(folder)]), "the databases are copied back");
        fs::remove_dir_all(&aside).unwrap();
        Some(Self(folder.to_owned()))
    }

    fn grow(&self, by: u64) {
        let disk = nix::sys::statvfs::statvfs(&self.0).unwrap();
        let size = disk.blocks() * disk.fragment_size() + by;
        assert!(does("mount", &["-o", &format!("remount,size={size}"), path(&self.0)]));
    }

    fn used(&self) -> u64 {
        let disk = nix::sys::statvfs::statvfs(&self.0).unwrap();
        (disk.blocks() - disk.blocks_free()) * disk.fragment_size()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        does("umount", &["--lazy", path(&self.0)]);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().blocks() * 512 }).sum()
}

#[expect(clippy::disallowed_methods, reason = "only the system's own programs mount")]
fn does(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
}

/// A server whose databases lie on a disk with that much room beside them.
async fn on_small_disk(room: u64, below: &str) -> Option<(SmallDisk, World)> {
    let mut world = World::embedded_with(SCHEMA, |settings| settings.set("database.statement_timeout", "2s")).await;
    sqlx::query("checkpoint").execute(&world.pool).await.unwrap();
    world.pool.close().await;
    world.server.stop().await;
    let disk = SmallDisk::over(&world.server.data_dir().join(below), room)?;
    world.restart().await;
    Some((disk, world))
}

async fn is_whole(world: &World, branch: &str) {
    assert_eq!((world.count("trees", branch).await, world.count("apples", branch).await), (200, 35_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_that_runs_out_of_disk_is_tried_again_then_told_and_leaves_nothing() {
    let Some((disk, mut world)) = on_small_disk(40 * MEGABYTE, "postgres/base").await else { return };
    let before = disk.used();
    let operation = world.begin_create(&json!({"name": "big", "data_clone_mode": "full_clone"})).await;
    let mut troubles = Vec::new();
    eventually("the clone is given up", PATIENCE * 2, async || {
        let outcome = world.server.get(&format!("admin/operations/{operation}"), &world.server.owner_key()).await.json();
        if let Some(message) = outcome["error"]["message"].as_str()
            && troubles.last().is_none_or(|last| last != message)
        {
            troubles.push(message.to_owned());
        }
        !outcome["finished_at"].is_null()
    })
    .await;
    let outcome = world.outcome(&operation).await;
    println!("it is told: {}; what was seen meanwhile: {troubles:?}", outcome["error"]);
    assert_eq!(outcome["status"], "failed");
    let told = outcome["error"]["message"].as_str().unwrap();
    assert!(told.contains("No space left on device") && told.contains("53100"), "{told}");
    // Somebody else's rows may have gone meanwhile: it is tried some times.
    let failures: i32 =
        sqlx::query_scalar("select failures from branching.operations where id = $1::uuid").bind(&operation).fetch_one(&world.pool).await.unwrap();
    assert!(failures >= 4, "{failures}");
    let branch = world.branch("big").await;
    assert_eq!((&branch["status"], &branch["generation"]), (&json!("error"), &Value::Null), "{branch}");
    assert!(branch["error"].as_str().unwrap().contains("No space left on device"), "{branch}");
    world.holds_just(&[]).await;
    is_whole(&world, "main").await;
    // Files of dropped databases go at the next checkpoint.
    sqlx::query("checkpoint").execute(&world.pool).await.unwrap();
    eventually("its room is free again", PATIENCE, async || disk.used() < before + 10 * MEGABYTE).await;

    // With more room the same branch is built after all.
    disk.grow(80 * MEGABYTE);
    world.done("big", "reset", &json!({})).await;
    is_whole(&world, "big").await;
    let generation = u32::try_from(world.branch("big").await["generation"].as_u64().unwrap()).unwrap();
    world.holds_just(&[("big", generation)]).await;

    // A reset that runs out of disk costs nothing that serves.
    let filler = disk.0.join("filler");
    let room = nix::sys::statvfs::statvfs(&disk.0).unwrap();
    fs::write(&filler, vec![0; usize::try_from((room.blocks_available() * room.fragment_size()).saturating_sub(30 * MEGABYTE)).unwrap()]).unwrap();
    let operation = world.begin("big", "reset", &json!({})).await;
    let outcome = world.outcome(&operation).await;
    assert_eq!(outcome["status"], "failed", "{outcome}");
    let branch = world.branch("big").await;
    assert_eq!((&branch["status"], &branch["generation"]), (&json!("error"), &json!(generation)), "{branch}");
    is_whole(&world, "big").await;
    world.holds_just(&[("big", generation)]).await;
    // In time: a try finds room again.
    let operation = world.begin("big", "reset", &json!({})).await;
    eventually("it has run out once", PATIENCE, async || {
        let failures: i32 = sqlx::query_scalar("select failures from branching.operations where id = $1::uuid")
            .bind(&operation)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        failures > 0
    })
    .await;
    fs::remove_file(&filler).unwrap();
    world.succeeded(&operation).await;
    is_whole(&world, "big").await;
    assert_eq!(ask_of(&world.server, "big", "delete", &json!({})).await.status, 202);
    world.gone("big").await;
    world.settles().await;
    world.holds_just(&[]).await;
    world.server.kill().await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_that_cannot_fit_is_refused_before_it_fills_the_disk() {
    // Half a gigabyte is left to PostgreSQL itself; of what remains the clone would take more than there is.
    let Some((disk, mut world)) = on_small_disk(532 * MEGABYTE, "").await else { return };
    let before = disk.used();
    let operation = world.begin_create(&json!({"name": "big", "data_clone_mode": "full_clone"})).await;
    let outcome = world.outcome(&operation).await;
    println!("it is told: {}", outcome["error"]);
    assert_eq!((&outcome["status"], &outcome["error"]["code"]), (&json!("failed"), &json!("no_room")), "{outcome}");
    assert!(disk.used() < before + 20 * MEGABYTE, "{} after {before}", disk.used());
    world.holds_just(&[]).await;
    is_whole(&world, "main").await;
    world.server.kill().await;
    drop(disk);
}
