//! `fluxbase init`: a folder becomes a project.

use super::{
    context::Context,
    failure::CliError,
    logins::Logins,
    project::{Project, unwritable},
};
use serde_json::json;
use std::fs;

const EXAMPLES: &str = "\
Examples:
  fluxbase init
  fluxbase init --url https://fluxbase.example.com

Makes .fluxbase/ (which server, which branch: for you alone) and migrations/ (for everybody).";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InitArgs {}

pub(super) fn run(context: &Context, _args: InitArgs) -> Result<(), CliError> {
    let folder = Context::folder();
    let project = Project::new_in(&folder)?;
    if let Some(url) = context.url_flag() {
        // Asked for nothing, but one that is no URL must not be kept.
        let found = context.find_server()?;
        let mut config = project.config()?;
        config.url = Some(url.to_owned());
        project.write(&config)?;
        if let Some(logins) = Logins::of_user() {
            logins.note(&found.url)?;
        }
    }
    let migrations = folder.join("migrations");
    fs::create_dir_all(&migrations).map_err(|error| unwritable(&migrations, &error))?;
    let (place, migrations) = (project.folder().display().to_string(), migrations.display().to_string());
    let document = json!({ "project": place, "migrations": migrations, "url": project.config()?.url });
    context.print(&document, || format!("{place} and {migrations} are there; `fluxbase migrations new <name>` makes the first migration"))
}
