//! Which branch, and which files.

use crate::cli::{
    branch::reference::{self, Reference},
    context::Context,
    failure::CliError,
    migration_files::{self, Sent},
};
use client::HttpClient;
use std::path::PathBuf;

/// Which branch, and which files.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The branch, by name, slug or id [default: the branch that is switched to, else main]
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// The folder with the migration files [default: migrations/ of the project, else the server's own]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Place {
    /// The server, the branch and the files that are meant.
    pub(super) async fn open(&self, context: &Context) -> Result<(HttpClient, String, Sent), CliError> {
        let named = reference::read(self.branch.as_deref())?;
        let sent = migration_files::sent(self.dir.as_deref())?;
        let client = context.connect().await?;
        let branch = Reference::find_or_switched_to(named, &client).await?;
        Ok((client, branch, sent))
    }
}
