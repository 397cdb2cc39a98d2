//! `fluxbase branch status`.

use super::reference;
use crate::cli::{context::Context, failure::CliError, table, when::relative};
use client::HttpClient;
use comfy_table::Cell;
use domain::{Branch, branch::Withheld, page::PageRequest};
use ports::{
    driven::ActivityEntry,
    driving::{GetBranch, ListBranchActivity},
};

/// Lines of history that are shown.
const HISTORY: u32 = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Its name, slug or id
    name: String,
}

pub(super) async fn run(context: &Context, args: StatusArgs) -> Result<(), CliError> {
    let branch = reference::resolve(&args.name)?;
    let client = context.connect()?;
    let found = client.send(&GetBranch { branch }).await?;
    let page = PageRequest { limit: HISTORY, cursor: None };
    let history = client.send(&ListBranchActivity { branch: found.output.branch.id.to_string(), page }).await?;
    let parent = parent_of(&client, &found.output.branch).await;
    let mut document = found.document;
    document["activity"] = history.document["items"].clone();
    context.print(&document, || format!("{}\n\n{}", properties(&found.output.branch, parent), history_table(&history.output.items)))
}

/// The parent's slug; its id where it cannot be seen.
async fn parent_of(client: &HttpClient, branch: &Branch) -> Option<String> {
    let id = branch.parent_id?.to_string();
    let parent = client.send(&GetBranch { branch: id.clone() }).await;
    Some(parent.map_or(id, |parent| parent.output.branch.slug.to_string()))
}

fn properties(branch: &Branch, parent: Option<String>) -> String {
    let withheld: Vec<_> = branch.withheld.iter().map(Withheld::in_words).collect();
    table::properties([
        ("Branch", Some(Cell::new(&branch.slug))),
        ("Name", Some(Cell::new(&branch.name))),
        ("Id", Some(Cell::new(branch.id))),
        ("Status", Some(table::status(branch.state.status()))),
        ("Error", branch.state.error().map(Cell::new)),
        ("Type", Some(Cell::new(branch.branch_type))),
        ("Data", (!branch.is_main()).then(|| Cell::new(branch.clone_mode))),
        ("Parent", parent.map(Cell::new)),
        ("Made by", branch.created_by.map(|user| Cell::new(format!("user {user}")))),
        ("Created", Some(Cell::new(relative(branch.created_at)))),
        ("Expires", branch.expires_at.map(|at| Cell::new(relative(at)))),
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
