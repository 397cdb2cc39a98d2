//! `fluxbase branch create`.

use super::reference;
use crate::cli::{context::Context, failure::CliError, output::write_stderr, table, wait, when::relative};
use client::HttpClient;
use comfy_table::Cell;
use domain::{
    Branch, BranchName, BranchType, DataCloneMode, Slug,
    branch::{ExpiresIn, UnknownBranchType},
    operation::Progress,
};
use ports::driving::{CreateBranch, GetBranch};
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  fluxbase branch create feature/login
  fluxbase branch create pr-12 --from staging --clone-data full_clone --wait
  fluxbase branch create demo --type persistent -o json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CreateArgs {
    /// Its name; requests name it by the slug made from that (feature/a b becomes feature-a-b)
    name: BranchName,
    /// The branch to cut it from [default: main]
    #[arg(long, value_name = "BRANCH")]
    from: Option<String>,
    #[arg(long, value_name = "MODE", help = "What to copy: schema_only, full_clone or seed_data [default: the server's]")]
    clone_data: Option<DataCloneMode>,
    /// preview (goes by itself) or persistent [default: preview]
    #[arg(long, value_name = "TYPE", value_parser = branch_type)]
    r#type: Option<BranchType>,
    /// When it goes by itself, such as 12h or 7d [default: the server's, for previews]
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<ExpiresIn>,
    /// Wait until it is ready
    #[arg(long)]
    wait: bool,
}

fn branch_type(text: &str) -> Result<BranchType, UnknownBranchType> {
    match text.parse()? {
        BranchType::Main => Err(UnknownBranchType(text.to_owned())),
        other => Ok(other),
    }
}

pub(super) async fn run(context: &Context, args: CreateArgs) -> Result<(), CliError> {
    let wait = args.wait;
    let command = args.command()?;
    let client = context.connect()?;
    let slug = command.name.slug();
    write_stderr(&format!("making branch '{slug}' from '{}' on {}", command.parent.as_deref().unwrap_or(Slug::MAIN), client.base_url()));
    let (branch, document) = carry_out(&client, &command, wait).await?;
    if !wait {
        write_stderr(&format!("it is being made; `fluxbase branch status {slug}` tells how it gets on"));
    }
    context.print(&document, || properties(&branch))
}

impl CreateArgs {
    fn command(self) -> Result<CreateBranch, CliError> {
        let parent = self.from.as_deref().map(reference::resolve).transpose()?;
        Ok(CreateBranch {
            name: self.name,
            parent,
            branch_type: self.r#type,
            clone_mode: self.clone_data,
            expires_in: self.expires_in,
            seeds: None,
            max_age: None,
            pull_request: None,
        })
    }
}

/// The branch as it then is, and the document of it and its operation.
async fn carry_out(client: &HttpClient, command: &CreateBranch, wait: bool) -> Result<(Branch, Value), CliError> {
    let begun = client.send(command).await?;
    let branch = begun.output.branch;
    if !wait {
        return Ok((branch, begun.document));
    }
    let ended = wait::until_done(client, begun.output.operation.id).await?;
    if ended.output.status != Progress::Succeeded {
        return Err(CliError::of_operation(format!("branch '{}' could not be made", branch.slug), ended.output));
    }
    let branch = client.send(&GetBranch { branch: branch.id.to_string() }).await?;
    Ok((branch.output.branch, json!({ "branch": branch.document, "operation": ended.document })))
}

fn properties(branch: &Branch) -> String {
    table::properties([
        ("Branch", Some(Cell::new(&branch.slug))),
        ("Status", Some(table::status(branch.state.status()))),
        ("Type", Some(Cell::new(branch.branch_type))),
        ("Data", Some(Cell::new(branch.clone_mode))),
        ("Expires", branch.expires_at.map(|at| Cell::new(relative(at)))),
    ])
}

#[cfg(test)]
mod tests {
    use super::{branch_type, carry_out};
    use crate::cli::testing::{Server, branch, operation};
    use ports::driving::CreateBranch;
    use serde_json::json;

    fn command() -> CreateBranch {
        CreateBranch {
            name: "x".parse().unwrap(),
            parent: None,
            branch_type: None,
            clone_mode: None,
            expires_in: None,
            seeds: None,
            max_age: None,
            pull_request: None,
        }
    }

    #[tokio::test]
    async fn waiting_gives_the_branch_and_the_operation_as_they_end() {
        let begun = json!({ "branch": branch("x", "creating"), "operation": operation("queued", &["queued"]) });
        let server = Server::answering([(202, begun), (200, operation("succeeded", &["succeeded"])), (200, branch("x", "ready"))]).await;
        let (_, document) = carry_out(&server.client(), &command(), true).await.unwrap();
        assert_eq!((&document["branch"]["status"], &document["operation"]["status"]), (&json!("ready"), &json!("succeeded")));
        assert_eq!(server.asked().len(), 3);
    }

    #[tokio::test]
    async fn a_branch_that_cannot_be_made_is_a_failure_with_its_reason() {
        let begun = json!({ "branch": branch("x", "creating"), "operation": operation("queued", &["queued"]) });
        let server = Server::answering([(202, begun), (200, operation("failed", &["failed"]))]).await;
        let error = carry_out(&server.client(), &command(), true).await.unwrap_err();
        assert_eq!((error.exit_code(), error.to_string().as_str()), (1, "branch 'x' could not be made: no space left"));
    }

    #[tokio::test]
    async fn without_waiting_it_is_answered_at_once() {
        let begun = json!({ "branch": branch("x", "creating"), "operation": operation("queued", &["queued"]) });
        let server = Server::answering([(202, begun.clone())]).await;
        assert_eq!(carry_out(&server.client(), &command(), false).await.unwrap().1, begun);
    }

    #[test]
    fn nobody_makes_a_main_branch() {
        assert!(branch_type("persistent").is_ok());
        assert!(branch_type("main").unwrap_err().to_string().contains("main is there already"));
    }
}
