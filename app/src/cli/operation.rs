//! `fluxbase operation`: long-running work.

use super::{branch::reference, context::Context, failure::CliError, output::write_stderr, table, wait, when::relative};
use comfy_table::Cell;
use domain::{
    Operation, OperationId,
    operation::{Progress, Step},
};
use ports::driving::{CancelOperation, GetOperation};

const EXAMPLES: &str = "\
Examples:
  fluxbase operation get 6f0c8f0e-7c9b-4b0e-9a55-2f1f6a3c1d11 -o json
  fluxbase operation watch 6f0c8f0e-7c9b-4b0e-9a55-2f1f6a3c1d11
  fluxbase operation cancel 6f0c8f0e-7c9b-4b0e-9a55-2f1f6a3c1d11";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum OperationCommand {
    /// Show how an operation is getting on
    #[command(after_help = EXAMPLES)]
    Get(OperationArgs),
    /// Follow an operation to its end
    #[command(after_help = EXAMPLES)]
    Watch(OperationArgs),
    /// Call an operation off: what it had made is taken away
    #[command(after_help = EXAMPLES)]
    Cancel(OperationArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct OperationArgs {
    /// Its id
    id: String,
}

pub(super) async fn run(context: &Context, command: OperationCommand) -> Result<(), CliError> {
    let (OperationCommand::Get(args) | OperationCommand::Watch(args) | OperationCommand::Cancel(args)) = &command;
    let id: OperationId = reference::operation(&args.id)?;
    let client = context.connect().await?;
    let answer = match command {
        OperationCommand::Get(_) => client.send(&GetOperation { id }).await?,
        OperationCommand::Watch(_) => wait::until_done(&client, id, context.format()).await?,
        OperationCommand::Cancel(_) => {
            write_stderr(&format!("calling operation {id} off on {}", client.base_url()));
            client.send(&CancelOperation { id }).await?
        }
    };
    context.print(&answer.document, || shown(&answer.output))?;
    let watched = matches!(command, OperationCommand::Watch(_));
    if watched && answer.output.status != Progress::Succeeded {
        return Err(CliError::of_operation(format!("{} did not work out", answer.output.kind.name().replace('_', " ")), answer.output));
    }
    Ok(())
}

fn shown(operation: &Operation) -> String {
    let properties = table::properties([
        ("Operation", Some(Cell::new(operation.id))),
        ("What", Some(Cell::new(operation.kind.name().replace('_', " ")))),
        ("Branch", Some(Cell::new(operation.branch_id))),
        ("Status", Some(Cell::new(operation.status.name()))),
        ("Error", operation.error.as_ref().map(|error| Cell::new(&error.message))),
        ("Begun", Some(Cell::new(relative(operation.created_at)))),
        ("Ended", operation.finished_at.map(|at| Cell::new(relative(at)))),
    ]);
    let step = |step: &Step| {
        let amount = wait::amount(step).unwrap_or_else(|| "-".to_owned());
        [Cell::new(step.name.name().replace('_', " ")), Cell::new(step.status.name()), Cell::new(amount)]
    };
    format!("{properties}\n\n{}", table::list(["STEP", "STATUS", "AMOUNT"], operation.steps.iter().map(step)))
}
