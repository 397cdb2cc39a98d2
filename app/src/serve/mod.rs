//! Serving: the database opened and prepared, everything wired, requests answered until a signal ends it.

mod announcement;
mod banner;
mod branch_admin;
mod branching;
mod catalogue_changes;
mod database;
mod doctor;
mod endpoint;
mod error;
#[cfg(debug_assertions)]
mod failpoints;
pub(crate) mod files;
mod first_keys;
mod gauges;
mod instance_key;
mod readiness;
mod signals;
mod tools;
mod wiring;

pub(crate) use database::EMBEDDED_DATABASE;
pub(crate) use doctor::doctor;
pub(crate) use error::ServeError;

use crate::{config::Settings, system::RandomIds, telemetry};
use announcement::{Announcement, withdraw};
use database::MainDatabase;
use files::ServerFile;
use gauges::Gauges;
use http_api::{Listener, ServeOptions};
use ports::driven::Ids;
use std::{num::NonZeroUsize, time::Duration};
use wiring::House;

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(settings: Settings) -> Result<(), ServeError> {
    telemetry::start(&settings.log).map_err(ServeError::Setting)?;
    // Bound first: a port that is taken is told before a database is made.
    let listener = Listener::bind(&settings.server.address.to_string()).await.map_err(|error| ServeError::Listen(error.to_string()))?;
    let stop = signals::Stop::listen().map_err(|source| ServeError::Other { what: "cannot listen for signals", source: source.into() })?;

    let mut database = tokio::select! {
        database = MainDatabase::open(&settings) => database?,
        () = stop.asked() => return Ok(()),
    };
    let cluster = database.cluster.take();
    let served = tokio::select! {
        served = serve(&settings, listener, database, cluster.as_ref(), &stop) => served,
        // A second signal does not wait for requests to end.
        () = stop.insisted() => Ok(()),
    };
    if let Some(cluster) = cluster {
        cluster.stop().await;
    }
    served
}

async fn serve(
    settings: &Settings,
    listener: Listener,
    database: MainDatabase,
    cluster: Option<&embedded::Cluster>,
    stop: &signals::Stop,
) -> Result<(), ServeError> {
    let gathered = settings.server.metrics.then(telemetry::gather_metrics).transpose();
    let gathered = gathered.map_err(|source| ServeError::Other { what: "cannot gather metrics", source: source.into() })?;
    let house = tokio::select! {
        house = House::build(settings, &database, cluster.is_some()) => house?,
        () = stop.asked() => return Ok(()),
    };
    let server = server_file(settings, listener.local_addr());
    let announcement = Announcement::prepare(settings, &server)?;
    let readiness = readiness::DatabaseReadiness::new(house.control_pool.clone(), cluster.map(embedded::Cluster::state));
    let gauges = gathered.map(|handle| Gauges::of(&house, settings, handle));
    let endpoint = endpoint::endpoint(&house, settings, &server, readiness, gauges.clone().map(Gauges::renderer))?;
    // Last of what may fail: some are shown once.
    let keys = tokio::select! {
        keys = first_keys::ensure(&house, settings) => keys?,
        () = stop.asked() => return Ok(()),
    };
    let mut workers = house.start_workers(settings);
    if let Some(gauges) = gauges {
        workers.spawn(gauges.keep_counting());
    }

    let options = ServeOptions {
        max_connections: NonZeroUsize::try_from(settings.server.max_connections).expect("32 bits fit"),
        grace_period: settings.server.shutdown_grace.0,
        request_id: || RandomIds.fresh().to_string(),
        ..ServeOptions::default()
    };
    announcement.make(settings, &keys)?;
    listener.serve(endpoint, stop.asked(), options).await;

    tracing::info!("stopping");
    drop(workers);
    withdraw(settings, &server);
    house.close().await;
    Ok(())
}

fn server_file(settings: &Settings, local: std::net::SocketAddr) -> ServerFile {
    let host = if local.ip().is_unspecified() { "127.0.0.1".to_owned() } else { bracketed(local.ip()) };
    let url = format!("http://{host}:{}", local.port());
    ServerFile { mcp_url: format!("{url}{}", settings.mcp.base_path), url, pid: std::process::id(), data_dir: settings.embedded.data_dir.clone() }
}

fn bracketed(address: std::net::IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

/// How long a claim on an operation holds without being renewed.
const LEASE: Duration = Duration::from_secs(15);
