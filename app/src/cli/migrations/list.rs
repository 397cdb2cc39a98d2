//! `fluxbase migrations list`.

use super::{EXAMPLES, place::Place};
use crate::cli::{context::Context, failure::CliError, migration_files::Folder, output::write_stderr, table, when::relative};
use comfy_table::{Cell, Color};
use domain::migration::{LedgerEntry, LedgerState, RepairAction, last_applied};
use ports::driving::{ListMigrations, MigrationOverview};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(context: &Context, args: ListArgs) -> Result<(), CliError> {
    let (client, branch, sent) = args.place.open(context).await?;
    // The route takes the branch from where every request has it; the one that is named is the only one that is meant.
    let client = client.on_branch(None);
    let found = client.send(&ListMigrations { branch, files: sent.files, whole: true }).await?;
    tell_obstacles(&found.output, &sent.folder);
    context.print(&found.document, || listed(&found.output))
}

/// What stands in the way of migrating, beside the result.
pub(super) fn tell_obstacles(overview: &MigrationOverview, folder: &Folder) {
    for refusal in &overview.refusals {
        write_stderr(&format!("in the way: {}", folder.ways_out(refusal, &overview.branch)));
    }
    if let Some(last) = last_applied(&overview.applied).filter(|_| overview.drift == Some(true)) {
        let told = RepairAction::drift_told(last.version, &overview.branch);
        write_stderr(&format!("warning: {}", folder.ways_out(&told, &overview.branch)));
    }
}

pub(super) fn listed(overview: &MigrationOverview) -> String {
    let applied = overview
        .applied
        .iter()
        .map(|entry| [Cell::new(&entry.name), state(entry), Cell::new(relative(entry.applied_at)), Cell::new(&entry.who), Cell::new(took(entry))]);
    let pending = overview.pending.iter().map(|name| {
        let dash = || Cell::new("-");
        [Cell::new(name), Cell::new("pending").fg(Color::Yellow), dash(), dash(), dash()]
    });
    table::list(["FILE", "STATE", "WHEN", "BY", "TIME"], applied.chain(pending))
}

fn state(entry: &LedgerEntry) -> Cell {
    match &entry.state {
        LedgerState::Applied => Cell::new("applied").fg(Color::Green),
        LedgerState::Running { done } => Cell::new(format!("begun, {done} of {} statements", entry.statements)).fg(Color::Yellow),
        LedgerState::Failed { done, .. } => Cell::new(format!("failed after {done} of {} statements", entry.statements)).fg(Color::Red),
    }
}

fn took(entry: &LedgerEntry) -> String {
    format!("{} ms", entry.duration.as_millis())
}
