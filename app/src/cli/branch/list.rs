//! `fluxbase branch list`.

use super::all;
use crate::cli::{context::Context, failure::CliError, pages, table, when::relative};
use comfy_table::Cell;
use domain::Branch;

pub(super) async fn run(context: &Context) -> Result<(), CliError> {
    let (branches, documents) = all(&context.connect()?).await?;
    context.print(&pages::document(&documents), || branch_table(&branches))
}

fn branch_table(branches: &[Branch]) -> String {
    let rows = branches.iter().map(|branch| {
        let parent = branches.iter().find(|parent| Some(parent.id) == branch.parent_id);
        [
            Cell::new(&branch.slug),
            table::status(branch.state.status()),
            Cell::new(branch.branch_type),
            Cell::new(if branch.is_main() { "-" } else { branch.clone_mode.name() }),
            Cell::new(parent.map_or("-", |parent| parent.slug.as_str())),
            Cell::new(relative(branch.created_at)),
            Cell::new(branch.expires_at.map_or_else(|| "never".to_owned(), relative)),
        ]
    });
    table::list(["BRANCH", "STATUS", "TYPE", "DATA", "PARENT", "CREATED", "EXPIRES"], rows)
}
