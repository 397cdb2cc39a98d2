//! `fluxbase branch`: branches of the database.

mod access;
mod begun;
mod connection;
mod create;
mod delete;
mod diff;
mod lifetime;
mod list;
pub(super) mod migrate;
pub(super) mod reference;
mod reset;
mod seed;
mod status;
mod switch;
mod update;

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
  fluxbase branch switch pr-12
  fluxbase branch status -o json
  fluxbase branch migrate
  fluxbase branch diff pr-12 main
  fluxbase branch delete pr-12 --force --wait

create, reset and delete answer at once; undo, seed, migrate and diff --prove wait for the end. --wait and --no-wait say otherwise.";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum BranchCommand {
    /// Make a branch: an isolated copy of the database
    Create(create::CreateArgs),
    /// List the branches that you may see
    #[command(after_help = EXAMPLES)]
    List,
    /// Show one branch: its health, its migrations, its history
    #[command(after_help = EXAMPLES)]
    Status(status::StatusArgs),
    /// Choose the branch that later commands mean
    Switch(switch::SwitchArgs),
    /// Bring a branch back to its parent's present state
    Reset(reset::ResetArgs),
    /// Bring back what the latest reset replaced
    Undo(reset::UndoArgs),
    /// Run the seed files that did not run on a branch yet, or have changed
    Seed(seed::SeedArgs),
    /// Apply the migrations that a branch lacks
    Migrate(migrate::MigrateArgs),
    /// Compare the schemas of two branches
    Diff(diff::DiffArgs),
    /// Change a branch's name, lifetime or protection
    Update(update::UpdateArgs),
    /// See and change who else has access to a branch
    #[command(subcommand)]
    Access(access::AccessCommand),
    /// Print a URL for connecting to a branch's database, with a new password
    Connection(connection::ConnectionArgs),
    /// Delete a branch and its data
    Delete(delete::DeleteArgs),
}

pub(super) async fn run(context: &Context, command: BranchCommand) -> Result<(), CliError> {
    match command {
        BranchCommand::Create(args) => create::run(context, args).await,
        BranchCommand::List => list::run(context).await,
        BranchCommand::Status(args) => status::run(context, args).await,
        BranchCommand::Switch(args) => switch::run(context, args).await,
        BranchCommand::Reset(args) => reset::reset(context, args).await,
        BranchCommand::Undo(args) => reset::undo(context, args).await,
        BranchCommand::Seed(args) => seed::run(context, args).await,
        BranchCommand::Migrate(args) => migrate::run(context, args).await,
        BranchCommand::Diff(args) => diff::run(context, args).await,
        BranchCommand::Update(args) => update::run(context, args).await,
        BranchCommand::Access(command) => access::run(context, command).await,
        BranchCommand::Connection(args) => connection::run(context, args).await,
        BranchCommand::Delete(args) => delete::run(context, args).await,
    }
}

/// Every branch that the caller may see, and the documents of them.
async fn all(client: &HttpClient) -> Result<(Vec<Branch>, Vec<Value>), CliError> {
    super::pages::all(client, |cursor| ListBranches { page: PageRequest { limit: PageRequest::MAX_LIMIT, cursor } }).await
}
