//! `fluxbase branch status`.

use super::reference::{self, Reference};
use crate::cli::{context::Context, failure::CliError, migration_files, table, wait, when::relative};
use client::HttpClient;
use comfy_table::Cell;
use domain::{BranchId, branch::Withheld, page::PageRequest};
use ports::{
    driven::ActivityEntry,
    driving::{BranchDetails, GetBranch, GetOperation, ListBranchActivity, ListMigrations},
};
use std::time::Duration;
use tokio::time::timeout;

/// The branch is shown, whatever takes longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lines of history that are shown.
const HISTORY: u32 = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Its name, slug or id [default: the branch that is switched to]
    name: Option<String>,
}

pub(super) async fn run(context: &Context, args: StatusArgs) -> Result<(), CliError> {
    let named = reference::read(args.name.as_deref())?;
    let client = context.connect().await?;
    let branch = Reference::find_or_switched_to(named, &client).await?;
    let mut found = client.send(&GetBranch { branch }).await?;
    let pending = pending_of_project(&client, &found.output).await;
    if let (Some(pending), Some(counts)) = (pending, &mut found.output.migrations) {
        counts.pending = pending;
        found.document["migrations"]["pending"] = pending.into();
    }
    let branch = &found.output.branch;
    let page = PageRequest { limit: HISTORY, cursor: None };
    let history = client.send(&ListBranchActivity { branch: branch.id.to_string(), page }).await?;
    let parent = match branch.parent_id {
        Some(id) => Some(parent_called(&client, id).await),
        None => None,
    };
    let at_work = match branch.state.operation() {
        Some(id) => client.send(&GetOperation { id }).await.ok(),
        None => None,
    };
    let mut document = found.document;
    document["activity"] = history.document["items"].clone();
    if let Some(at_work) = &at_work {
        document["operation"] = at_work.document.clone();
    }
    let at_work = at_work.map(|at_work| wait::at_work(&at_work.output));
    context.print(&document, || format!("{}\n\n{}", properties(&found.output, parent, at_work), history_table(&history.output.items)))
}

/// What the branch lacks of the project's files, which the server need not have; `None` where the project has none, or that cannot be told soon.
async fn pending_of_project(client: &HttpClient, details: &BranchDetails) -> Option<u64> {
    details.migrations.as_ref()?;
    let files = migration_files::sent(None).ok()?.files;
    if files.is_empty() {
        return None;
    }
    let command = ListMigrations { branch: details.branch.id.to_string(), files, whole: true };
    let listed = timeout(PATIENCE, client.clone().on_branch(None).send(&command)).await.ok()?.ok()?;
    Some(listed.output.pending.len() as u64)
}

/// The parent's slug; its id where it cannot be seen. The list has it, and looks into no database.
async fn parent_called(client: &HttpClient, id: BranchId) -> String {
    let listed = super::all(client).await.map(|(branches, _)| branches).unwrap_or_default();
    let parent = listed.into_iter().find(|listed| listed.id == id);
    parent.map_or_else(|| id.to_string(), |parent| parent.slug.to_string())
}

fn properties(details: &BranchDetails, parent: Option<String>, at_work: Option<String>) -> String {
    let (branch, health) = (&details.branch, details.health.as_ref());
    let github = branch.pull_request.as_ref().map(|pull_request| match &pull_request.repository {
        Some(repository) => format!("{repository}#{}", pull_request.number),
        None => format!("#{}", pull_request.number),
    });
    let migrations = details.migrations.map(|counts| {
        let drift = match counts.drift {
            Some(true) => "; the schema was changed beside them (drift)",
            None if counts.applied > 0 => "; whether the schema was changed beside them (drift) is not known",
            Some(false) | None => "",
        };
        format!("{} applied, {} pending{drift}", counts.applied, counts.pending)
    });
    let withheld: Vec<_> = branch.withheld.iter().map(Withheld::in_words).collect();
    table::properties([
        ("Branch", Some(Cell::new(&branch.slug))),
        ("Name", Some(Cell::new(&branch.name))),
        ("Id", Some(Cell::new(branch.id))),
        ("Status", Some(table::status(branch.state.status()))),
        ("At work", at_work.map(Cell::new)),
        ("Error", branch.state.error().map(Cell::new)),
        ("Type", Some(Cell::new(branch.branch_type))),
        ("Data", (!branch.is_main()).then(|| Cell::new(branch.clone_mode))),
        ("Parent", parent.map(Cell::new)),
        ("Made by", branch.created_by.map(|user| Cell::new(format!("user {user}")))),
        ("Created", Some(Cell::new(relative(branch.created_at)))),
        ("Expires", branch.expires_at.map(|at| Cell::new(relative(at)))),
        ("Protected", branch.protected.then(|| table::yes_or_no(true))),
        ("Pull request", github.map(Cell::new)),
        ("Data as of", branch.data_as_of.map(|at| Cell::new(relative(at)))),
        ("Undo until", branch.previous.as_ref().map(|previous| Cell::new(relative(previous.until)))),
        ("Reachable", health.map(|health| table::yes_or_no(health.reachable))),
        ("Size", health.and_then(|health| health.size_bytes).map(|bytes| Cell::new(wait::bytes(bytes)))),
        ("Connections", health.and_then(|health| health.connections).map(Cell::new)),
        ("Last used", health.and_then(|health| health.last_used_at).map(|at| Cell::new(relative(at)))),
        ("Migrations", migrations.map(Cell::new)),
        ("Generation", branch.state.serving().map(Cell::new)),
        ("Withheld", (!withheld.is_empty()).then(|| Cell::new(withheld.join("\n")))),
    ])
}

fn history_table(entries: &[ActivityEntry]) -> String {
    let rows = entries.iter().map(|entry| {
        let action = entry.action.replace('_', " ");
        [Cell::new(relative(entry.at)), Cell::new(action), Cell::new(&entry.actor), Cell::new(entry.detail.as_deref().unwrap_or("-"))]
    });
    table::list(["WHEN", "WHAT", "WHO", "DETAIL"], rows)
}

#[cfg(test)]
mod tests {
    use super::parent_called;
    use crate::cli::testing::{Server, branch};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_parent_is_named_without_a_look_into_its_database() {
        let parent = branch("main", "ready");
        let id = parent["id"].as_str().unwrap();
        let list = |items: &[&Value]| (200, json!({ "items": items, "next_cursor": null }));
        for (listed, told) in [(list(&[&parent]), "main"), (list(&[]), id), ((503, json!({})), id)] {
            let server = Server::answering([listed]).await;
            assert_eq!(parent_called(&server.client(), id.parse().unwrap()).await, told);
            assert!(server.asked().iter().all(|asked| asked.starts_with("GET /api/v1/admin/branches?")), "{:?}", server.asked());
        }
    }
}
