//! `fluxbase branch delete`.

use super::{reference::Reference, switch};
use crate::cli::{
    context::Context,
    failure::CliError,
    output::{Format, write_stderr},
    table, wait,
    wait::Waiting,
};
use client::HttpClient;
use comfy_table::Cell;
use domain::{branch::Status, operation::Progress};
use ports::driving::DeleteBranch;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  fluxbase branch delete pr-12
  fluxbase branch delete staging --force --wait       its children go too

main and protected branches are never deleted (exit code 4).";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeleteArgs {
    /// Its name, slug or id
    name: String,
    /// Delete the branches that were cut from it, too
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    waiting: Waiting<false>,
}

pub(super) async fn run(context: &Context, args: DeleteArgs) -> Result<(), CliError> {
    let named: Reference = args.name.parse()?;
    let client = context.connect().await?;
    let command = DeleteBranch { branch: named.find(&client).await?, force: args.force };
    let too = if args.force { " and its children" } else { "" };
    write_stderr(&format!("deleting branch '{}'{too} on {}", command.branch, client.base_url()));
    let (slug, status, document) = carry_out(&client, &command, args.waiting.waits().then(|| context.format())).await?;
    if slug.parse().is_ok_and(|slug| switch::leave(&slug).is_ok_and(|left| left)) {
        write_stderr("switched to branch 'main'");
    }
    context.print(&document, || table::properties([("Branch", Some(Cell::new(slug))), ("Status", Some(table::status(status)))]))
}

/// Waits for the end where it is told how results are written.
async fn carry_out(client: &HttpClient, command: &DeleteBranch, wait: Option<Format>) -> Result<(String, Status, Value), CliError> {
    let begun = client.send(command).await?;
    let (slug, mut document) = (begun.output.branch.slug.to_string(), begun.document);
    let Some(format) = wait else { return Ok((slug, begun.output.branch.state.status(), document)) };
    let ended = wait::until_done(client, begun.output.operation.id, format).await?;
    if ended.output.status != Progress::Succeeded {
        return Err(CliError::of_operation(format!("branch '{slug}' could not be deleted"), ended.output));
    }
    // Nobody can ask for it any more.
    document["branch"]["status"] = json!(Status::Deleted.name());
    document["operation"] = ended.document;
    Ok((slug, Status::Deleted, document))
}

#[cfg(test)]
mod tests {
    use super::carry_out;
    use crate::cli::output::Format;
    use crate::cli::testing::{Reply, Server, branch, operation};
    use domain::branch::Status;
    use ports::driving::DeleteBranch;
    use serde_json::json;

    #[tokio::test]
    async fn what_is_gone_is_told_to_be() {
        let begun = json!({ "branch": branch("x", "deleting"), "operation": operation("queued", &["queued"]) });
        let server = Server::answering([Reply::from((202, begun)), Reply::events(&[operation("succeeded", &["succeeded"])])]).await;
        let command = DeleteBranch { branch: "x".to_owned(), force: true };
        let (slug, status, document) = carry_out(&server.client(), &command, Some(Format::Table)).await.unwrap();
        assert_eq!((slug.as_str(), status), ("x", Status::Deleted));
        assert_eq!((&document["branch"]["status"], &document["operation"]["status"]), (&json!("deleted"), &json!("succeeded")));
        assert_eq!(server.asked()[0], "DELETE /api/v1/admin/branches/x?force=true");
    }

    #[tokio::test]
    async fn children_are_a_refusal() {
        let server = Server::answering([(409, json!({ "code": "has_children", "detail": "branch 'x' has children: y" }))]).await;
        let error = carry_out(&server.client(), &DeleteBranch { branch: "x".to_owned(), force: false }, Some(Format::Table)).await.unwrap_err();
        assert_eq!(error.exit_code(), 4);
    }
}
