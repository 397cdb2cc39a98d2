//! Finding `pg_dump` and `pg_restore` of the server's own major version.

use super::{ServeError, database::connect_options};
use crate::config::Settings;
use embedded::{Binaries, FindOptions};
use pgtools::Tools;
use postgres::wire::Target;
use sqlx::ConnectOptions;
use std::path::{Path, PathBuf};

/// Where packages put the client programs of one major version.
const PLACES: [&str; 5] = [
    "/usr/lib/postgresql/#/bin",
    "/usr/pgsql-#/bin",
    "/opt/homebrew/opt/postgresql@#/bin",
    "/opt/homebrew/opt/libpq/bin",
    "/usr/local/opt/postgresql@#/bin",
];

pub(super) fn of_binaries(binaries: &Binaries) -> Tools {
    let tool = |name: &str| binaries.tool(name).unwrap_or_else(|| PathBuf::from(name));
    Tools { pg_dump: tool("pg_dump"), pg_restore: tool("pg_restore") }
}

/// The tools for a server that somebody else runs: the configured folder, the usual places, the `PATH`, and at last the package of the embedded server
/// where that is of the same major version. Where there are none the server starts all the same, and only branches cannot be made.
pub(super) async fn for_server(settings: &Settings, target: &Target) -> Result<Tools, ServeError> {
    let major = major_of(target).await?;
    if let Some(folder) = &settings.database.tools {
        return Ok(in_folder(folder));
    }
    for place in PLACES.map(|place| PathBuf::from(place.replace('#', &major.to_string()))) {
        let tools = in_folder(&place);
        if tools.problems(major).await.is_empty() {
            return Ok(tools);
        }
    }
    let on_the_path = Tools { pg_dump: PathBuf::from("pg_dump"), pg_restore: PathBuf::from("pg_restore") };
    let problems = on_the_path.problems(major).await;
    if problems.is_empty() {
        return Ok(on_the_path);
    }
    let options = FindOptions {
        configured: settings.embedded.binaries.clone(),
        cache_dir: settings.embedded.data_dir.join("binaries"),
        allow_fetch: settings.embedded.allow_fetch,
        major: Some(major),
    };
    let found = tokio::task::spawn_blocking(move || embedded::find_or_install(&options, &mut |line| tracing::info!("{line}"))).await;
    if let Ok(Ok(binaries)) = found {
        return Ok(of_binaries(&binaries));
    }
    for problem in problems {
        tracing::warn!("{problem} (or set database.tools to the folder that has them)");
    }
    Ok(on_the_path)
}

fn in_folder(folder: &Path) -> Tools {
    Tools { pg_dump: folder.join("pg_dump"), pg_restore: folder.join("pg_restore") }
}

async fn major_of(target: &Target) -> Result<u32, ServeError> {
    let connection =
        connect_options(target).connect().await.map_err(|error| ServeError::Database(format!("cannot connect to database.url: {error}")))?;
    let number = connection.server_version_num().unwrap_or_default();
    Ok(number / 10_000)
}
