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
        value_name = "accept|forget|done|not_done|applied|accept_drift",
        value_parser = one_of::<RepairAction>(RepairAction::ALL.map(RepairAction::name)),
        hide_possible_values = true,
        help = "What is said of it: accept (the text that its file has now means the same), forget (it is pending again, or gone), done or not_done (of \
                the statement that was interrupted), applied (it counts as applied, with what it did), accept_drift (what was changed beside the files counts as \
                theirs; the version is the one that was applied last)"
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
    write_stderr(&folder.ways_out(&next(&found.output), &found.output.branch));
    context.print(&found.document, || list::listed(&found.output))
}

/// What there is to do now that the ledger has been put right.
fn next(overview: &MigrationOverview) -> String {
    let branch = &overview.branch;
    match (overview.refusals.len(), overview.pending.as_slice()) {
        (0, []) => format!("next: nothing; branch '{branch}' has every migration"),
        (0, pending) => format!("next: fluxbase migrations up --branch {branch} applies {}", pending.join(", ")),
        (1, _) => "next: what is in the way still, as told above".to_owned(),
        (more, _) => format!("next: the {more} things that are in the way still, as told above"),
    }
}

#[cfg(test)]
mod tests {
    use super::next;
    use ports::driving::MigrationOverview;

    #[test]
    fn what_comes_next_is_told_by_what_the_branch_lacks_now() {
        let overview = |pending: &[&str], refusals: &[&str]| MigrationOverview {
            branch: "pr-1".parse().unwrap(),
            applied: Vec::new(),
            pending: pending.iter().map(ToString::to_string).collect(),
            refusals: refusals.iter().map(ToString::to_string).collect(),
            drift: None,
        };
        assert_eq!(next(&overview(&[], &[])), "next: nothing; branch 'pr-1' has every migration");
        assert_eq!(next(&overview(&["1_a.sql", "2_b.sql"], &[])), "next: fluxbase migrations up --branch pr-1 applies 1_a.sql, 2_b.sql");
        assert!(next(&overview(&["1_a.sql"], &["x"])).contains("in the way"));
    }
}
