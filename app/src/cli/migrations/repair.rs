//! `fluxbase migrations repair` and `baseline`: a branch's ledger, put right by hand.

use super::{EXAMPLES, list, place::Place};
use crate::cli::{context::Context, failure::CliError, migration_files::Folder, output::write_stderr, words::one_of};
use client::Answer;
use domain::migration::{MigrationVersion, RepairAction};
use ports::driving::{BaselineMigrations, MigrationOverview, RepairMigration};

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

pub(super) async fn repair(context: &Context, args: RepairArgs) -> Result<(), CliError> {
    let RepairArgs { version, repair, place } = args;
    let (client, branch, sent) = place.open(context).await?;
    write_stderr(&format!("repairing migration {version} of branch '{branch}' ({repair}) on {}", client.base_url()));
    told(context, &client.send(&RepairMigration { branch, version, repair, files: sent.files, whole: true }).await?, &sent.folder)
}

pub(super) async fn baseline(context: &Context, args: BaselineArgs) -> Result<(), CliError> {
    let BaselineArgs { up_to, place } = args;
    let (client, branch, sent) = place.open(context).await?;
    write_stderr(&format!("taking migrations of branch '{branch}' as applied on {}", client.base_url()));
    told(context, &client.send(&BaselineMigrations { branch, up_to, files: sent.files, whole: true }).await?, &sent.folder)
}

fn told(context: &Context, found: &Answer<MigrationOverview>, folder: &Folder) -> Result<(), CliError> {
    list::tell_obstacles(&found.output, folder);
    context.print(&found.document, || list::listed(&found.output))
}
