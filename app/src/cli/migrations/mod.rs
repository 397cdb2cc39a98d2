//! `fluxbase migrations`: the project's migration files, and what a branch has of them.

mod list;
mod new;
mod place;
mod repair;

use super::{
    branch::{
        migrate::{MigrateOptions, migrate},
        reference,
    },
    context::Context,
    failure::CliError,
};

const EXAMPLES: &str = "\
Examples:
  fluxbase migrations new add_tasks             makes migrations/<now>_add_tasks.sql
  fluxbase migrations list
  fluxbase migrations up --dry-run
  fluxbase migrations up                        on the branch that is switched to, else on main
  fluxbase migrations up --branch pr-12 --dir db/migrations
  fluxbase migrations repair 20260131120000 accept --branch pr-12
  fluxbase migrations baseline --up-to 20260131120000";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum MigrationsCommand {
    /// Make an empty migration file
    New(new::NewArgs),
    /// List what a branch has and lacks
    List(list::ListArgs),
    /// Apply what a branch lacks
    Up(UpArgs),
    /// Put a branch's ledger right: the way out of what `up` refuses
    Repair(repair::RepairArgs),
    /// Take files as applied, without running them: for a branch that had them before it had a ledger
    Baseline(repair::BaselineArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct UpArgs {
    /// The branch, by name, slug or id [default: the branch that is switched to, else main]
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    #[command(flatten)]
    how: MigrateOptions,
}

pub(super) async fn run(context: &Context, command: MigrationsCommand) -> Result<(), CliError> {
    match command {
        MigrationsCommand::New(args) => new::run(context, args),
        MigrationsCommand::List(args) => list::run(context, args).await,
        MigrationsCommand::Up(args) => migrate(context, reference::read(args.branch.as_deref())?, args.how).await,
        MigrationsCommand::Repair(args) => repair::repair(context, args).await,
        MigrationsCommand::Baseline(args) => repair::baseline(context, args).await,
    }
}
