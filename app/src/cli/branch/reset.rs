//! `fluxbase branch reset` and `fluxbase branch undo`.

use super::{begun::Begun, reference::Reference};
use crate::cli::{context::Context, failure::CliError, output::write_stderr, wait::Waiting};
use domain::branch::MaxAge;
use ports::driving::{ResetBranch, UndoReset};

const EXAMPLES: &str = "\
Examples:
  fluxbase branch reset pr-12 --wait
  fluxbase branch undo pr-12                 brings back what the reset replaced, while it is kept

The old data serves until the switch. main and protected branches are never reset (exit code 4).";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ResetArgs {
    /// Its name, slug or id
    name: String,
    /// A seed file to run afterwards, for seed data; repeat it [default: those that it was made of]
    #[arg(long, value_name = "FILE")]
    seed: Option<Vec<String>>,
    /// How old a kept copy of the parent's rows may be, for full clones, such as 1h [default: not older than now]
    #[arg(long, value_name = "DURATION")]
    max_age: Option<MaxAge>,
    #[command(flatten)]
    waiting: Waiting<false>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UndoArgs {
    /// Its name, slug or id
    name: String,
    #[command(flatten)]
    waiting: Waiting<true>,
}

pub(super) async fn reset(context: &Context, args: ResetArgs) -> Result<(), CliError> {
    let named: Reference = args.name.parse()?;
    let client = context.connect().await?;
    let branch = named.find(&client).await?;
    write_stderr(&format!("resetting branch '{branch}' to its parent on {}", client.base_url()));
    let begun = Begun::from(client.send(&ResetBranch { branch: branch.clone(), seeds: args.seed, max_age: args.max_age }).await?);
    let wait = args.waiting.waits();
    let begun = if wait { begun.ended(&client, context.format(), &format!("branch '{branch}' could not be reset")).await? } else { begun };
    if !wait {
        write_stderr(&format!("the old data serves meanwhile; `fluxbase branch status {branch}` tells how it gets on"));
    }
    context.print(&begun.document, || begun.properties())
}

pub(super) async fn undo(context: &Context, args: UndoArgs) -> Result<(), CliError> {
    let named: Reference = args.name.parse()?;
    let client = context.connect().await?;
    let branch = named.find(&client).await?;
    write_stderr(&format!("bringing back what the reset of branch '{branch}' replaced on {}", client.base_url()));
    let begun = Begun::from(client.send(&UndoReset { branch: branch.clone() }).await?);
    let undone = format!("the reset of branch '{branch}' could not be undone");
    let begun = if args.waiting.waits() { begun.ended(&client, context.format(), &undone).await? } else { begun };
    context.print(&begun.document, || begun.properties())
}
