//! `fluxbase branch`: branches of the database.

mod create;
mod delete;
mod list;
mod reference;
mod status;

use super::{context::Context, failure::CliError};
use client::HttpClient;
use domain::{Branch, page::PageRequest};
use ports::driving::ListBranches;
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  fluxbase branch create feature/login
  fluxbase branch create pr-12 --clone-data full_clone --expires-in 3d --wait
  fluxbase branch list
  fluxbase branch status pr-12 -o json
  fluxbase branch delete pr-12 --force --wait";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum BranchCommand {
    /// Make a branch: an isolated copy of the database
    Create(create::CreateArgs),
    /// List the branches that you may see
    #[command(after_help = EXAMPLES)]
    List,
    /// Show one branch and its history
    #[command(after_help = EXAMPLES)]
    Status(status::StatusArgs),
    /// Delete a branch and its data
    Delete(delete::DeleteArgs),
}

pub(super) async fn run(context: &Context, command: BranchCommand) -> Result<(), CliError> {
    match command {
        BranchCommand::Create(args) => create::run(context, args).await,
        BranchCommand::List => list::run(context).await,
        BranchCommand::Status(args) => status::run(context, args).await,
        BranchCommand::Delete(args) => delete::run(context, args).await,
    }
}

/// Every branch that the caller may see, and the documents of them.
async fn all(client: &HttpClient) -> Result<(Vec<Branch>, Vec<Value>), CliError> {
    super::pages::all(client, |cursor| ListBranches { page: PageRequest { limit: PageRequest::MAX_LIMIT, cursor } }).await
}
