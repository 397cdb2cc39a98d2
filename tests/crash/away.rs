//! PostgreSQL that is gone, that hangs, or that cannot be started again: a server that is told to go goes all the same, with the first word.

use crate::world::{ORCHARD, PATIENCE, World};
use fluxbase_tests::{ENCRYPTION_KEY, ForeignCluster, Owner, ServerSettings, TestServer, eventually};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::StatusCode;
use std::{fs, time::Duration};

/// Five seconds are for the audit trail, in case PostgreSQL comes back; two for goodbyes that nobody hears.
const SOON: Duration = Duration::from_secs(12);

async fn on(cluster: &ForeignCluster) -> TestServer {
    let url = cluster.database(Owner::Superuser, "house", &[ORCHARD.replace("grant", "create role service_role; grant")]).await;
    let settings = ServerSettings::new().set("database.url", &url).set("security.encryption_key", ENCRYPTION_KEY);
    settings.start().await
}

/// What was read is told in the audit trail a moment later, and that waits for PostgreSQL by now.
async fn is_asked_for_something(server: &TestServer) {
    assert_eq!(server.get("tables/trees?limit=1", &server.owner_key()).await.status, 200);
}

async fn notices(server: &TestServer) {
    let ready = format!("{}/readyz", server.url());
    eventually("the server has noticed", PATIENCE, async || {
        server.http().get(&ready).send().await.is_ok_and(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE)
    })
    .await;
}

async fn ends_at_the_first_word(server: &mut TestServer) {
    server.signal(Signal::SIGTERM);
    let ended = tokio::time::timeout(SOON, server.ended()).await;
    let status = ended.unwrap_or_else(|_| panic!("it does not end"));
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_ends_though_its_database_is_gone() {
    let Some(cluster) = ForeignCluster::start(18).await else { return };
    let mut server = on(&cluster).await;
    is_asked_for_something(&server).await;
    cluster.stop().await;
    notices(&server).await;
    ends_at_the_first_word(&mut server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_ends_though_its_database_hangs() {
    let Some(cluster) = ForeignCluster::start(18).await else { return };
    let mut server = on(&cluster).await;
    is_asked_for_something(&server).await;
    cluster.signal_all(Signal::SIGSTOP);
    notices(&server).await;
    ends_at_the_first_word(&mut server).await;
    cluster.signal_all(Signal::SIGCONT);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_ends_though_its_own_postgresql_cannot_be_started_again() {
    let mut world = World::embedded(ORCHARD).await;
    is_asked_for_something(&world.server).await;
    let (control, aside) = ("postgres/global/pg_control", "postgres/global/pg_control.aside");
    let (control, aside) = (world.server.data_dir().join(control), world.server.data_dir().join(aside));
    fs::rename(&control, &aside).unwrap();
    kill(Pid::from_raw(world.server.postgres_pid().expect("it runs")), Signal::SIGKILL).unwrap();
    notices(&world.server).await;
    eventually("it was tried", PATIENCE, async || world.server.stderr().contains("could not be started again")).await;
    ends_at_the_first_word(&mut world.server).await;
    // And it is back when its data is.
    fs::rename(&aside, &control).unwrap();
    world.restart().await;
    assert_eq!(world.count("trees", "main").await, 200);
}
