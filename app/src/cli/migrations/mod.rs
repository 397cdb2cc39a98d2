//! `fluxbase migrations`: the project's migration files, and what a branch has of them.

mod list;
mod new;

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
  fluxbase migrations up --branch pr-12 --dir db/migrations";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum MigrationsCommand {
    /// Make an empty migration file
    New(new::NewArgs),
    /// List what a branch has and lacks
    List(list::ListArgs),
    /// Apply what a branch lacks
    Up(UpArgs),
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
        MigrationsCommand::Up(args) => {
            let branch = args.branch.as_deref().map(reference::resolve).transpose()?;
            migrate(context, branch, args.how).await
        }
    }
}
