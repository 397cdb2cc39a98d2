//! The server whose branches are measured, and PostgreSQL's own programs over the same data.

use crate::{
    BoxError,
    options::{Options, Part},
    parent,
};
use fluxbase_tests::{ServerSettings, TestServer, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::process::Command;

/// How often it is asked whether a branch is ready: oftener than elsewhere, since the time until then is what is measured. Each question is work for the machine
/// that makes the branch, so that what takes long is asked after by a part of its time: asked every millisecond, a seventh of the processors went into questions.
const LOOK: Duration = Duration::from_millis(1);
const PART_OF_TIME: u32 = 200;
/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_mins(10);

pub(crate) struct World {
    pub(crate) server: TestServer,
    pub(crate) pool: PgPool,
    binaries: PathBuf,
    made: AtomicU32,
    aside: Vec<TempDir>,
}

impl World {
    /// The release build with its own PostgreSQL and the defaults, but no spares yet and room for many branches.
    pub(crate) async fn start() -> Result<Self, BoxError> {
        let settings =
            ServerSettings::new().argument("--no-demo").set("branching.max_total_branches", "1000").set("branching.max_branches_per_user", "1000");
        let server = settings.set("branching.spares", "0").start().await;
        let pool = server.superuser().await;
        let postgres = server.postgres_pid().ok_or("the server runs a PostgreSQL of its own")?;
        let program = std::fs::read_link(format!("/proc/{postgres}/exe"))?;
        let binaries = program.parent().ok_or("a program lies in a folder")?.to_owned();
        Ok(Self { server, pool, binaries, made: AtomicU32::new(0), aside: Vec::new() })
    }

    /// Makes the parent of a part.
    pub(crate) async fn fill(&self, part: Part, options: &Options) -> Result<(), BoxError> {
        let sql = match part {
            Part::Schema | Part::Diff => parent::schema(options.tables),
            Part::Small => parent::schema(options.tables) + &parent::few_rows(options.tables),
            Part::Data | Part::Load | Part::Reset => parent::rows(options.megabytes),
        };
        self.pool.execute(AssertSqlSafe(sql)).await?;
        self.pool.execute("checkpoint").await?;
        let (objects, bytes): (i64, i64) = sqlx::query_as(
            "select (select count(*) from pg_depend where classid <> 0 and objid >= 16384 and deptype = 'n'), pg_database_size(current_database())",
        )
        .fetch_one(&self.pool)
        .await?;
        eprintln!("{}: parent with {} MB, {objects} dependencies", part.name(), bytes / (1024 * 1024));
        Ok(())
    }

    /// The same server, which from now on keeps a spare.
    pub(crate) async fn keep_spares(&mut self) {
        self.server.reconfigure(|settings| settings.set("branching.spares", "1"));
        self.server.restart().await;
        self.pool = self.server.superuser().await;
    }

    pub(crate) async fn stop(mut self) {
        self.pool.close().await;
        self.server.stop().await;
    }

    /// How long a branch takes until requests can use it, and what it was made of.
    pub(crate) async fn branch(&self, mode: &str, max_age: Option<&str>) -> Result<(Duration, String), BoxError> {
        self.made.fetch_add(1, Ordering::Relaxed);
        let (slug, key) = (self.latest(), self.server.owner_key());
        let mut body = json!({"name": slug, "data_clone_mode": mode});
        if let Some(max_age) = max_age {
            body["max_age"] = json!(max_age);
        }
        let took = self.operation("admin/branches", &body).await?;
        let branch = self.server.get(&format!("admin/branches/{slug}"), &key).await.json();
        if branch["status"] != "ready" {
            return Err(branch.to_string().into());
        }
        let activity = self.server.get(&format!("admin/branches/{slug}/activity"), &key).await.json();
        Ok((took, activity.to_string()))
    }

    /// How long a reset takes until requests meet the new generation.
    pub(crate) async fn reset(&self, slug: &str) -> Result<Duration, BoxError> {
        self.operation(&format!("admin/branches/{slug}/reset"), &json!({})).await
    }

    /// Asks for an operation, and waits until it has succeeded. (To see the branch itself is to look into its database, too.)
    async fn operation(&self, path: &str, body: &Value) -> Result<Duration, BoxError> {
        let key = self.server.owner_key();
        let begun = Instant::now();
        let asked = self.server.send(Method::POST, path, &key, body).await;
        if asked.status != 202 {
            return Err(format!("{asked:?}").into());
        }
        let asked = asked.json();
        let id = asked["operation"]["id"].as_str().or(asked["id"].as_str()).unwrap_or_default().to_owned();
        let path = format!("admin/operations/{id}");
        loop {
            let operation = self.server.get(&path, &key).await.json();
            match operation["status"].as_str() {
                Some("succeeded") => {
                    let took = begun.elapsed();
                    eprintln!("    {}", steps(&operation));
                    return Ok(took);
                }
                Some("queued" | "running") if begun.elapsed() < PATIENCE => {
                    tokio::time::sleep((begun.elapsed() / PART_OF_TIME).max(LOOK)).await;
                }
                _ => return Err(operation.to_string().into()),
            }
        }
    }

    /// The latest branch.
    pub(crate) fn latest(&self) -> String {
        format!("b{}", self.made.load(Ordering::Relaxed))
    }

    /// Everything is on disk: nobody pays for what another one left to be written.
    pub(crate) async fn settle(&self) -> Result<(), BoxError> {
        self.pool.execute("checkpoint").await?;
        self.shell("sync").await.map(drop)
    }

    /// A folder beside the server's, which is there until the world ends.
    pub(crate) fn aside(&mut self) -> Result<PathBuf, BoxError> {
        self.aside.push(tempfile::tempdir()?);
        Ok(self.aside.last().expect("just pushed").path().to_owned())
    }

    /// Waits until there is a database of the stock that was verified, and made after the latest branch.
    pub(crate) async fn stocked(&self, kind: &str) {
        let pattern = format!("fluxbase_{kind}_%");
        eventually(&format!("a {kind} lies ready"), PATIENCE, async || {
            sqlx::query_scalar(
                "select exists (select from pg_database where datname like $1 and shobj_description(oid, 'pg_database') like '%\"verified\":true%'
                     and oid > (select max(oid) from pg_database where datname like 'fluxbase_branch_%'))",
            )
            .bind(&pattern)
            .fetch_one(&self.pool)
            .await
            .unwrap()
        })
        .await;
    }

    /// Runs a shell's script with PostgreSQL's programs at hand, as the server's superuser.
    pub(crate) async fn shell(&self, script: &str) -> Result<(Duration, String), BoxError> {
        let options = self.pool.connect_options();
        let path = format!("{}:{}", self.binaries.display(), std::env::var("PATH").unwrap_or_default());
        let begun = Instant::now();
        let output = Command::from(shell())
            .args(["-ec", &format!("set -o pipefail; {script}")])
            .envs([("PATH", path), ("PGHOST", options.get_host().to_owned()), ("PGPORT", options.get_port().to_string())])
            .envs([("PGUSER", options.get_username()), ("PGDATABASE", options.get_database().unwrap_or_default())])
            .env("PGPASSWORD", self.password()?)
            .output()
            .await?;
        let took = begun.elapsed();
        if !output.status.success() {
            return Err(format!("{script}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok((took, String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    fn password(&self) -> Result<String, BoxError> {
        let url = url::Url::parse(sqlx::ConnectOptions::to_url_lossy(&*self.pool.connect_options()).as_str())?;
        Ok(percent_encoding::percent_decode_str(url.password().unwrap_or_default()).decode_utf8()?.into_owned())
    }

    /// Where PostgreSQL keeps the files of a database.
    pub(crate) async fn files(&self, database: &str) -> Result<PathBuf, BoxError> {
        let (folder, oid): (String, i64) = sqlx::query_as("select current_setting('data_directory'), oid::int8 from pg_database where datname = $1")
            .bind(database)
            .fetch_one(&self.pool)
            .await?;
        Ok(Path::new(&folder).join("base").join(oid.to_string()))
    }
}

/// Which steps took how many milliseconds.
fn steps(operation: &Value) -> String {
    let at = |value: &Value| OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok();
    let steps = operation["steps"].as_array().into_iter().flatten();
    let took = steps.filter_map(|step| Some((step["name"].as_str()?, (at(&step["finished_at"])? - at(&step["started_at"])?).whole_milliseconds())));
    took.filter(|(_, took)| *took > 0).map(|(name, took)| format!("{name} {took}")).collect::<Vec<_>>().join(" ")
}

#[expect(clippy::disallowed_methods, reason = "the benchmark runs PostgreSQL's own programs")]
fn shell() -> std::process::Command {
    std::process::Command::new("bash")
}
