//! The programs that ask: pgbench, and wrk for HTTP.

use crate::{BoxError, figures::Speed};
use std::{io, path::PathBuf, time::Duration};
use tokio::process::Command;

/// What pgbench logs in as.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) host: PathBuf,
    pub(crate) port: u16,
    pub(crate) user: &'static str,
    pub(crate) password: String,
    pub(crate) database: String,
}

/// An HTTP request that is sent over and over.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) url: String,
    pub(crate) key: String,
    /// Sent by POST where there is one.
    pub(crate) body: Option<String>,
}

/// Says what is missing before anything is started.
pub(crate) fn programs_are_there() -> Result<(), BoxError> {
    for (program, package) in [("pgbench", "postgresql"), ("wrk", "wrk")] {
        // It is only asked whether it can be started: wrk fails when it is asked for its version.
        if let Err(error) = std_command(program).arg("--version").output() {
            return Err(format!("{program}: {error}; install the package {package}").into());
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the benchmark runs load generators")]
fn std_command(program: &str) -> std::process::Command {
    std::process::Command::new(program)
}

/// Runs pgbench with the script of this folder.
pub(crate) async fn pgbench(login: &Login, connections: u32, seconds: u32) -> Result<Speed, BoxError> {
    let mut script = tempfile::NamedTempFile::new()?;
    io::Write::write_all(&mut script, include_bytes!("pgbench.sql"))?;
    let mut command = Command::from(std_command("pgbench"));
    command.args(["-n", "-M", "prepared", "-f"]).arg(script.path());
    command.args(["-c", &connections.to_string(), "-j", &threads(connections), "-T", &seconds.to_string()]);
    command.arg("-h").arg(&login.host).args(["-p", &login.port.to_string(), "-U", login.user, &login.database]).env("PGPASSWORD", &login.password);
    let said = output(command).await?;
    // "tps = 12345.678 (without initial connection time)"
    let per_second = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    Ok(Speed { per_second: per_second.ok_or(format!("pgbench tells no rate: {said}"))?, latency: None })
}

/// Runs wrk with the script of this folder.
pub(crate) async fn wrk(request: &Request, connections: u32, seconds: u32) -> Result<Speed, BoxError> {
    let mut script = tempfile::NamedTempFile::new()?;
    io::Write::write_all(&mut script, include_bytes!("wrk.lua"))?;
    let mut command = Command::from(std_command("wrk"));
    command.args(["-c", &connections.to_string(), "-t", &threads(connections), "-d", &format!("{seconds}s"), "-s"]).arg(script.path());
    command.arg(&request.url).arg("--").arg(&request.key).args(&request.body);
    let said = output(command).await?;
    let figures = said.lines().find_map(|line| line.strip_prefix("figures ")).ok_or(format!("wrk tells no figures: {said}"))?;
    let figures: Vec<u32> = figures.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let &[requests, microseconds, p50, p99, faults] = figures.as_slice() else {
        return Err(format!("wrk tells something else: {said}").into());
    };
    if faults > 0 {
        return Err(format!("{faults} requests of {} failed: {said}", request.url).into());
    }
    let latency = [p50, p99].map(|microseconds| Duration::from_micros(microseconds.into()));
    Ok(Speed { per_second: f64::from(requests) * 1e6 / f64::from(microseconds), latency: Some(latency.into()) })
}

/// One connection needs one thread; more have two, as many as pgbench is given.
fn threads(connections: u32) -> String {
    connections.min(2).to_string()
}

async fn output(mut command: Command) -> Result<String, BoxError> {
    let output = command.kill_on_drop(true).output().await?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said) } else { Err(format!("{}: {said}", output.status).into()) }
}
