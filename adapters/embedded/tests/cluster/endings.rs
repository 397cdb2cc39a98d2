//! Servers and owners that die in every way.

use std::{fs, path::Path, time::Instant};

use fluxbase_embedded::{ClusterState, Launcher};
use libtest_mimic::Trial;

use crate::rig::{OwnerProcess, folder, is_alive, is_in_initdb, kill_9, process_in, sql, start, trial, unfinished, until};

pub(crate) fn trials() -> Vec<Trial> {
    let linux_only = !cfg!(target_os = "linux");
    vec![
        trial("a_server_killed_alone_is_started_again_on_its_port", a_server_killed_alone_is_started_again_on_its_port),
        trial("a_server_killed_while_a_backend_is_busy_is_started_again", a_server_killed_while_a_backend_is_busy_is_started_again),
        trial("a_killed_owner_takes_the_server_along", a_killed_owner_takes_the_server_along).with_ignored_flag(linux_only),
        trial("an_owner_killed_in_initdb_leaves_nothing_broken", an_owner_killed_in_initdb_leaves_nothing_broken).with_ignored_flag(linux_only),
        trial("a_server_left_behind_is_stopped", a_server_left_behind_is_stopped),
        trial("everything_killed_at_once_is_recovered", everything_killed_at_once_is_recovered),
        trial("a_stale_file_with_somebody_elses_number_is_no_obstacle", a_stale_file_with_somebody_elses_number_is_no_obstacle),
    ]
}

async fn a_server_killed_alone_is_started_again_on_its_port() {
    let dir = folder();
    let cluster = start(&dir.path().join("data")).await;
    let (port, mut state) = (cluster.port(), cluster.state());
    sql(cluster.address(), "create table kept as select 1 as id").unwrap();
    for _ in 0..3 {
        let pid = cluster.pid().unwrap();
        let begun = Instant::now();
        kill_9(pid);
        state.wait_for(|state| *state == ClusterState::Restarting).await.unwrap();
        state.wait_for(|state| matches!(state, ClusterState::Running { .. })).await.unwrap();
        eprintln!("running again after {:?}", begun.elapsed());
        assert_ne!(cluster.pid().unwrap(), pid);
        assert_eq!(cluster.port(), port);
        assert_eq!(sql(cluster.address(), "select id from kept").unwrap(), "1");
    }
    cluster.stop().await;
}

async fn a_server_killed_while_a_backend_is_busy_is_started_again() {
    let dir = folder();
    let cluster = start(&dir.path().join("data")).await;
    let address = cluster.address().clone();
    // Busy in a loop, this backend notices late or never that its server is gone, and holds on to the shared memory.
    let busy = std::thread::spawn(move || sql(&address, "do $$ begin perform sum(n) from generate_series(1, 2000000000) n; end $$"));
    until("the backend is busy", || sql(cluster.address(), "select count(*) from pg_stat_activity where query like 'do %'").unwrap() == "1").await;
    let mut state = cluster.state();
    let begun = Instant::now();
    kill_9(cluster.pid().unwrap());
    state.wait_for(|state| *state == ClusterState::Restarting).await.unwrap();
    state.wait_for(|state| matches!(state, ClusterState::Running { .. })).await.unwrap();
    eprintln!("running again after {:?} in spite of a busy backend", begun.elapsed());
    assert_eq!(sql(cluster.address(), "select 1").unwrap(), "1");
    busy.join().unwrap().unwrap_err();
    cluster.stop().await;
}

async fn a_killed_owner_takes_the_server_along() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    let owner = OwnerProcess::start(&data_dir, &Launcher::ThisProgram);
    let server = owner.server;
    assert!(is_alive(server));
    let begun = Instant::now();
    owner.kill_9();
    until("the server is gone", || !is_alive(server)).await;
    eprintln!("gone after {:?}", begun.elapsed());

    let cluster = start(&data_dir).await;
    assert_eq!(sql(cluster.address(), "select 1").unwrap(), "1");
    cluster.stop().await;
}

async fn an_owner_killed_in_initdb_leaves_nothing_broken() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    let mut owner = OwnerProcess::begin(&data_dir, &Launcher::ThisProgram);
    until("initdb is at it", || is_in_initdb(&data_dir)).await;
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(!data_dir.join("postgres").exists());

    let cluster = start(&data_dir).await;
    assert_eq!(sql(cluster.address(), "select 1").unwrap(), "1");
    cluster.stop().await;
    start(&data_dir).await.stop().await;
    assert_eq!(unfinished(&data_dir), None);
}

async fn a_server_left_behind_is_stopped() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    let owner = OwnerProcess::start(&data_dir, &Launcher::Direct);
    let orphan = owner.server;
    owner.kill_9();
    assert!(is_alive(orphan), "nothing ties it to its owner");

    let cluster = start(&data_dir).await;
    assert!(!is_alive(orphan));
    assert_ne!(cluster.pid().unwrap(), orphan);
    assert_eq!(sql(cluster.address(), "select 1").unwrap(), "1");
    cluster.stop().await;
}

async fn everything_killed_at_once_is_recovered() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    let owner = OwnerProcess::start(&data_dir, &Launcher::Direct);
    let server = owner.server;
    owner.kill_9();
    kill_9(server);
    assert!(data_dir.join("postgres/postmaster.pid").exists());
    let mut bystander = process_in(&data_dir.join("postgres"));

    let cluster = start(&data_dir).await;
    assert_eq!(sql(cluster.address(), "select 1").unwrap(), "1");
    cluster.stop().await;
    assert!(bystander.try_wait().unwrap().is_none(), "a shell in the folder is none of our business");
    assert_eq!(fs::read_dir(data_dir.join("run")).unwrap().count(), 0, "no socket of either is left");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

async fn a_stale_file_with_somebody_elses_number_is_no_obstacle() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    start(&data_dir).await.stop().await;
    let stale = data_dir.join("postgres/postmaster.pid");
    let me = std::process::id();
    fs::write(&stale, format!("{me}\n{}\n1\n5432\n\n127.0.0.1\n 1 1\nready\n", Path::new("postgres").display())).unwrap();

    let cluster = start(&data_dir).await;
    assert_eq!(sql(cluster.address(), "select 1").unwrap(), "1");
    cluster.stop().await;
}
