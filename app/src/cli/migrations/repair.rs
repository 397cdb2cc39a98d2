//! `fluxbase migrations repair` and `baseline`: a branch's ledger, put right by hand.

use super::{EXAMPLES, list};
use crate::cli::{
    branch::reference,
    context::Context,
    failure::CliError,
    migration_files::{self, Sent},
    output::write_stderr,
    words::one_of,
};
use client::{Answer, HttpClient};
use domain::migration::{MigrationVersion, RepairAction};
use ports::driving::{BaselineMigrations, MigrationOverview, RepairMigration};
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

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RepairArgs {
    /// The migration's version: the leading digits of its name
    version: MigrationVersion,
    #[arg(
        value_name = "accept|forget|done|not_done|applied",
        value_parser = one_of::<RepairAction>(RepairAction::ALL.map(RepairAction::name)),
        hide_possible_values = true,
        help = "What is said of it: accept (the text that its file has now means the same), forget (it is pending again, or gone), done or not_done (of \
                the statement that was interrupted), applied (it counts as applied, with what it did)"
    )]
    repair: RepairAction,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BaselineArgs {
    /// The last version that counts as applied [default: all files]
    #[arg(long, value_name = "VERSION")]
    up_to: Option<MigrationVersion>,
    #[command(flatten)]
    place: Place,
}

impl Place {
    async fn open(&self, context: &Context) -> Result<(HttpClient, String, Sent), CliError> {
        let branch = self.branch.as_deref().map(reference::resolve).transpose()?;
        let sent = migration_files::sent(self.dir.as_deref())?;
        let client = context.connect().await?;
        let branch = branch.unwrap_or_else(|| reference::switched_to(&client));
        Ok((client, branch, sent))
    }
}

pub(super) async fn repair(context: &Context, args: RepairArgs) -> Result<(), CliError> {
    let RepairArgs { version, repair, place } = args;
    let (client, branch, sent) = place.open(context).await?;
    write_stderr(&format!("repairing migration {version} of branch '{branch}' ({repair}) on {}", client.base_url()));
    let files = sent.files.clone();
    told(context, &client.send(&RepairMigration { branch, version, repair, files }).await?, &sent)
}

pub(super) async fn baseline(context: &Context, args: BaselineArgs) -> Result<(), CliError> {
    let BaselineArgs { up_to, place } = args;
    let (client, branch, sent) = place.open(context).await?;
    write_stderr(&format!("taking migrations of branch '{branch}' as applied on {}", client.base_url()));
    let files = sent.files.clone();
    told(context, &client.send(&BaselineMigrations { branch, up_to, files }).await?, &sent)
}

fn told(context: &Context, found: &Answer<MigrationOverview>, sent: &Sent) -> Result<(), CliError> {
    list::tell_obstacles(&found.output, sent);
    context.print(&found.document, || list::listed(&found.output))
}
