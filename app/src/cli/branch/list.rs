//! `fluxbase branch list`.

use super::all;
use crate::cli::{context::Context, failure::CliError, pages, table, when::relative};
use comfy_table::Cell;
use domain::{Branch, Slug};

pub(super) async fn run(context: &Context) -> Result<(), CliError> {
    let client = context.connect().await?;
    let (branches, documents) = all(&client).await?;
    let present = client.branch().cloned().unwrap_or_else(Slug::main);
    context.print(&pages::document(&documents), || branch_table(&branches, &present))
}

fn branch_table(branches: &[Branch], present: &Slug) -> String {
    let rows = branches.iter().map(|branch| {
        let parent = branches.iter().find(|parent| Some(parent.id) == branch.parent_id);
        [
            // As git marks the one that is switched to.
            Cell::new(if branch.slug == *present { "*" } else { " " }),
            Cell::new(&branch.slug),
            table::status(branch.state.status()),
            Cell::new(branch.branch_type),
            Cell::new(if branch.is_main() { "-" } else { branch.clone_mode.name() }),
            Cell::new(parent.map_or("-", |parent| parent.slug.as_str())),
            Cell::new(relative(branch.created_at)),
            Cell::new(branch.expires_at.map_or_else(|| "never".to_owned(), relative)),
        ]
    });
    table::list(["", "BRANCH", "STATUS", "TYPE", "DATA", "PARENT", "CREATED", "EXPIRES"], rows)
}
