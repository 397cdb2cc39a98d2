//! `fluxbase db`: the embedded PostgreSQL, as its owner.

use super::{context::Context, failure::CliError, output::write_stderr, project::Project};
use crate::{config::Settings, serve::EMBEDDED_DATABASE};
use domain::branch::DatabaseName;
use embedded::{Address, become_psql};
use ports::driving::GetBranch;
use postgres::provision::BRANCH_OWNER;
use secrecy::ExposeSecret;
use serde_json::json;
use std::ffi::OsString;

const EXAMPLES: &str = "\
Examples:
  fluxbase db url
  fluxbase db psql
  fluxbase db psql -- -c 'select count(*) from users'

The owner is a superuser: row level security does not hold for it. The server must be running. Where the project is switched to
a branch, both mean its database, and begin as the owner of its objects (reset role: the superuser).";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum DbCommand {
    /// Print the owner's URL, password included
    #[command(after_help = EXAMPLES)]
    Url,
    /// Open psql; what follows -- goes to it
    #[command(after_help = EXAMPLES)]
    Psql {
        /// Arguments for psql
        #[arg(last = true, value_name = "ARGS")]
        arguments: Vec<OsString>,
    },
}

pub(super) async fn run(context: &Context, command: DbCommand) -> Result<(), CliError> {
    let settings = context.load(Vec::new())?.settings;
    let address = running(&settings)?;
    let branch = branch_database(context).await?;
    // What the superuser made in a branch as itself would be nobody's there.
    let (database, role) = branch.as_ref().map_or((EMBEDDED_DATABASE, None), |database| (database.as_str(), Some(BRANCH_OWNER)));
    match command {
        DbCommand::Url => {
            let url = address.superuser_url(database);
            let role = role.map(|role| format!("?options=-c%20role%3D{role}")).unwrap_or_default();
            let url = format!("{}{role}", url.expose_secret());
            context.print(&json!({ "url": url }), || url.clone())
        }
        // On success nothing of this program is left.
        DbCommand::Psql { arguments } => {
            Err(CliError::local("no_psql", become_psql(&settings.embedded.data_dir, &address, database, role, &arguments).to_string(), None))
        }
    }
}

/// The database of the branch that the project is switched to, where it is to one.
async fn branch_database(context: &Context) -> Result<Option<DatabaseName>, CliError> {
    let Some(branch) = Project::of(&Context::folder())?.map_or(Ok(None), |project| project.config()?.branch())? else { return Ok(None) };
    let client = context.connect().await?;
    let found = client.send(&GetBranch { branch: branch.to_string() }).await?.output;
    let database = found.database.ok_or_else(|| CliError::local("not_ready", format!("nothing serves branch '{branch}' now"), None))?;
    write_stderr(&format!("on branch '{branch}'"));
    Ok(Some(database))
}

fn running(settings: &Settings) -> Result<Address, CliError> {
    if settings.database.url.is_some() {
        return Err(CliError::local("not_embedded", "database.url is set: that database is yours, and its URL is known to you", None));
    }
    let data_dir = &settings.embedded.data_dir;
    match Address::of_running(data_dir) {
        Ok(Some(address)) => Ok(address),
        Ok(None) => {
            let message = format!("no embedded PostgreSQL is running on the data folder {}", data_dir.display());
            Err(CliError::local("not_running", message, Some("start it with `fluxbase`, or name another folder with --data-dir")))
        }
        Err(error) => Err(CliError::local("not_reachable", error.to_string(), Some("run this as the user who started the server"))),
    }
}
