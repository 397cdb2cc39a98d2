//! Starting, and what a started cluster is like.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Instant};

use fluxbase_embedded::{Address, BinarySource, Cluster, ClusterOptions, ClusterState, FindOptions, find_or_install};
use libtest_mimic::Trial;
use nix::unistd::{Pid, getpgid};
use secrecy::ExposeSecret;

use crate::rig::{binaries, find_options, folder, is_alive, is_in_initdb, options, psql, sql, start, trial, unfinished};

const DEBIAN_15: &str = "/usr/lib/postgresql/15";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_second_start_keeps_the_data", a_second_start_keeps_the_data),
        trial("a_new_cluster_is_private_and_set_up_as_promised", a_new_cluster_is_private_and_set_up_as_promised),
        trial("a_long_path_does_without_the_socket", a_long_path_does_without_the_socket),
        trial("a_start_given_up_leaves_nothing_in_the_way", a_start_given_up_leaves_nothing_in_the_way),
        trial("dropping_a_cluster_stops_it", dropping_a_cluster_stops_it),
        trial("a_configured_installation_of_15_serves", a_configured_installation_of_15_serves).with_ignored_flag(!Path::new(DEBIAN_15).exists()),
    ]
}

async fn a_second_start_keeps_the_data() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    let begun = Instant::now();
    let cluster = Cluster::start(ClusterOptions::new(&data_dir, binaries())).await.unwrap();
    eprintln!("first start {:?}", begun.elapsed());
    sql(cluster.address(), "create table kept (id int); insert into kept select generate_series(1, 1000)").unwrap();
    let (pid, state, port) = (cluster.pid().unwrap(), cluster.state(), cluster.port());
    let begun = Instant::now();
    cluster.stop().await;
    eprintln!("stop {:?}", begun.elapsed());
    assert!(!is_alive(pid));
    assert_eq!(*state.borrow(), ClusterState::Stopped);

    let begun = Instant::now();
    let cluster = Cluster::start(ClusterOptions::new(&data_dir, binaries())).await.unwrap();
    eprintln!("second start {:?}", begun.elapsed());
    assert_eq!(sql(cluster.address(), "select count(*) from kept").unwrap(), "1000");
    assert_eq!(Cluster::major_of(&data_dir).unwrap(), Some(binaries().major()));
    assert_eq!(cluster.port(), port, "URLs that people keep name it");
    cluster.stop().await;

    let somebody_else = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).unwrap();
    let cluster = Cluster::start(ClusterOptions::new(&data_dir, binaries())).await.unwrap();
    let other = cluster.port();
    assert_ne!(other, port);
    cluster.stop().await;
    drop(somebody_else);
    let cluster = start(&data_dir).await;
    assert_eq!(cluster.port(), other, "the last that it had");
    cluster.stop().await;
}

async fn a_new_cluster_is_private_and_set_up_as_promised() {
    let dir = folder();
    let data_dir = dir.path().join("my \"data\"");
    let cluster = start(&data_dir).await;
    let address = cluster.address();
    let show = |setting: &str| sql(address, &format!("show {setting}")).unwrap();
    assert_eq!(show("server_encoding"), "UTF8");
    assert_eq!(show("data_checksums"), "on");
    assert_eq!(show("max_connections"), "200");
    assert_eq!(show("password_encryption"), "scram-sha-256");
    assert_eq!(show("listen_addresses"), "127.0.0.1");
    assert_eq!(show("timezone"), "UTC");
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if release.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 6) {
        assert_eq!(show("recovery_init_sync_method"), "syncfs");
    }
    assert_eq!(sql(address, "select upper('é') || lower('Ä')").unwrap(), "Éä", "case rules beyond ASCII");
    if cluster.binaries().has_vector() {
        sql(address, "create extension vector; select '[1,2]'::vector").unwrap();
    }

    let socket_dir = cluster.socket_dir().unwrap().to_str().unwrap();
    let password = address.password().expose_secret();
    assert_eq!(psql(socket_dir, cluster.port(), password, "select 1").unwrap(), "1");
    for host in [socket_dir, "127.0.0.1"] {
        let refused = psql(host, cluster.port(), "wrong", "select 1").unwrap_err();
        assert!(refused.contains("password authentication failed"), "{refused}");
    }

    let mode = |path: &str| fs::metadata(data_dir.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("postgres"), mode("run"), mode("secrets")), (0o700, 0o700, 0o700));
    assert_eq!((mode("secrets/superuser-password"), mode("postgres.log")), (0o600, 0o600));
    assert!(!data_dir.join("run/password").exists());
    let log = fs::read_to_string(data_dir.join("postgres.log")).unwrap();
    let argv = fs::read(format!("/proc/{}/cmdline", cluster.pid().unwrap())).unwrap_or_default();
    assert!(log.contains("database system is ready") && !log.contains(password));
    assert!(!String::from_utf8_lossy(&argv).contains(password));
    assert!(!format!("{cluster:?}").contains(password));

    let server = Pid::from_raw(cluster.pid().unwrap().cast_signed());
    assert_ne!(getpgid(Some(server)).unwrap(), getpgid(None).unwrap(), "Ctrl-C in the terminal must not reach it");

    sql(address, "select 'a secret in a statement' from nowhere").unwrap_err();
    sql(address, "create table t (c text check (c <> 'a secret in a row')); insert into t values ('a secret in a row')").unwrap_err();
    let log = fs::read_to_string(data_dir.join("postgres.log")).unwrap();
    assert!(log.contains("nowhere") && !log.contains("a secret"), "{log}");

    let seen_by_others = Address::of_running(&data_dir).unwrap().unwrap();
    assert_eq!(seen_by_others.superuser_url("postgres").expose_secret(), cluster.superuser_url("postgres").expose_secret());
    cluster.stop().await;
    assert!(Address::of_running(&data_dir).unwrap().is_none());
}

async fn a_long_path_does_without_the_socket() {
    let dir = folder();
    let data_dir = dir.path().join("d".repeat(100));
    let cluster = start(&data_dir).await;
    assert_eq!(cluster.socket_dir(), None);
    assert_eq!(sql(cluster.address(), "show unix_socket_directories").unwrap(), "");
    cluster.stop().await;
}

async fn a_start_given_up_leaves_nothing_in_the_way() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    let given_up = async {
        while !is_in_initdb(&data_dir) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        started = Cluster::start(options(&data_dir)) => panic!("too quick: {started:?}"),
        () = given_up => {}
    }
    // The thread of the first may need a moment to let the folder go.
    let cluster = loop {
        match Cluster::start(options(&data_dir)).await {
            Err(fluxbase_embedded::ClusterError::InUse { .. }) => tokio::task::yield_now().await,
            started => break started.unwrap(),
        }
    };
    assert_eq!(sql(cluster.address(), "select 1").unwrap(), "1");
    cluster.stop().await;
    start(&data_dir).await.stop().await;
    assert_eq!(unfinished(&data_dir), None);
}

async fn dropping_a_cluster_stops_it() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    let cluster = start(&data_dir).await;
    let pid = cluster.pid().unwrap();
    drop(cluster);
    assert!(!is_alive(pid));
    start(&data_dir).await.stop().await;
}

async fn a_configured_installation_of_15_serves() {
    let dir = folder();
    let configured = |path: &str, major| find_or_install(&FindOptions { configured: Some(path.into()), major, ..find_options() }, &mut |_| {});
    let found = configured(DEBIAN_15, None).unwrap();
    assert_eq!((found.major(), found.source()), (15, BinarySource::Configured));
    assert_eq!(configured(&format!("{DEBIAN_15}/bin"), Some(15)).unwrap(), found);
    let refused = configured(DEBIAN_15, Some(18)).unwrap_err().to_string();
    assert!(refused.contains("the existing data needs 18"), "{refused}");

    let data_dir = dir.path().join("data");
    let cluster = Cluster::start(ClusterOptions { binaries: found, ..options(&data_dir) }).await.unwrap();
    assert!(sql(cluster.address(), "show server_version").unwrap().starts_with("15."));
    assert_eq!(sql(cluster.address(), "select upper('é') || lower('Ä')").unwrap(), "Éä");
    cluster.stop().await;

    let only_15 = find_or_install(&FindOptions { major: Cluster::major_of(&data_dir).unwrap(), ..find_options() }, &mut |_| {});
    assert_eq!(only_15.unwrap().major(), 15, "the data decide, whatever else is at hand");
}
