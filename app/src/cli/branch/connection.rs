//! `fluxbase branch connection`.

use super::reference::{self, Reference};
use crate::cli::{context::Context, failure::CliError, output::write_stderr};
use ports::driving::{GetConnection, IssueConnection};

const EXAMPLES: &str = "\
Examples:
  fluxbase branch connection pr-12
  psql \"$(fluxbase branch connection pr-12)\"
  fluxbase branch connection pr-12 --show          without making a new password

The role can connect to this branch's database and to no other that Fluxbase made.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConnectionArgs {
    /// Its name, slug or id [default: the branch that is switched to]
    name: Option<String>,
    /// Show where the database is, without making a new password
    #[arg(long)]
    show: bool,
}

pub(super) async fn run(context: &Context, args: ConnectionArgs) -> Result<(), CliError> {
    let named = reference::read(args.name.as_deref())?;
    let client = context.connect().await?;
    let branch = Reference::find_or_switched_to(named, &client).await?;
    let document = if args.show {
        client.send(&GetConnection { branch }).await?.document
    } else {
        let issued = client.send(&IssueConnection { branch: branch.clone() }).await?.document;
        write_stderr(&format!("made a new password for branch '{branch}' on {}; an earlier one is good no more", client.base_url()));
        issued
    };
    if let Some(others) = document["other_databases"].as_array().filter(|others| !others.is_empty()) {
        let others: Vec<_> = others.iter().filter_map(|name| name.as_str()).collect();
        write_stderr(&format!("other databases of the server let anybody in, this role too: {}", others.join(", ")));
    }
    context.print(&document, || document["url"].as_str().unwrap_or_default().to_owned())
}
