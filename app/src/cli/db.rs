//! `fluxbase db`: the embedded PostgreSQL, as its owner.

use super::{context::Context, failure::CliError};
use crate::serve::EMBEDDED_DATABASE;
use embedded::{Address, become_psql};
use secrecy::ExposeSecret;
use serde_json::json;
use std::{ffi::OsString, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  fluxbase db url
  fluxbase db psql
  fluxbase db psql -- -c 'select count(*) from users'

The owner is a superuser: row level security does not hold for it. The server must be running.";

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

pub(super) fn run(context: &Context, command: DbCommand) -> Result<(), CliError> {
    let (data_dir, address) = running(context)?;
    match command {
        DbCommand::Url => {
            let url = address.superuser_url(EMBEDDED_DATABASE);
            let url = url.expose_secret();
            context.print(&json!({ "url": url }), || url.to_owned())
        }
        // On success nothing of this program is left.
        DbCommand::Psql { arguments } => {
            Err(CliError::local("no_psql", become_psql(&data_dir, &address, EMBEDDED_DATABASE, &arguments).to_string(), None))
        }
    }
}

fn running(context: &Context) -> Result<(PathBuf, Address), CliError> {
    let settings = context.load(Vec::new())?.settings;
    if settings.database.url.is_some() {
        return Err(CliError::local("not_embedded", "database.url is set: that database is yours, and its URL is known to you", None));
    }
    let data_dir = settings.embedded.data_dir;
    match Address::of_running(&data_dir) {
        Ok(Some(address)) => Ok((data_dir, address)),
        Ok(None) => {
            let message = format!("no embedded PostgreSQL is running on the data folder {}", data_dir.display());
            Err(CliError::local("not_running", message, Some("start it with `fluxbase`, or name another folder with --data-dir")))
        }
        Err(error) => Err(CliError::local("not_reachable", error.to_string(), Some("run this as the user who started the server"))),
    }
}
