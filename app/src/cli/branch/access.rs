//! `fluxbase branch access`.

use super::reference::Reference;
use crate::cli::{context::Context, failure::CliError, output::write_stderr, pages, table, when::relative, words::one_of};
use comfy_table::Cell;
use domain::{
    branch::{AccessLevel, Grant},
    page::PageRequest,
};
use ports::driving::{GrantBranchAccess, ListBranchAccess, RevokeBranchAccess};
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  fluxbase branch access list pr-12
  fluxbase branch access grant pr-12 bob@example.com
  fluxbase branch access grant pr-12 bob@example.com --level write
  fluxbase branch access revoke pr-12 bob@example.com

Its creator and administrators may do anything on a branch, and are not listed.";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum AccessCommand {
    /// List who else has access
    #[command(after_help = EXAMPLES)]
    List {
        /// The branch, by name, slug or id
        branch: String,
    },
    /// Grant a user access, or change how far it goes
    #[command(after_help = EXAMPLES)]
    Grant {
        /// The branch, by name, slug or id
        branch: String,
        /// The user, by e-mail address or id
        user: String,
        #[arg(
            long,
            value_name = "LEVEL",
            default_value = "read",
            value_parser = one_of::<AccessLevel>(AccessLevel::ALL.map(AccessLevel::name)),
            hide_possible_values = true,
            help = "read (see it), write (change, migrate, connect), admin (reset, delete, grant)"
        )]
        level: AccessLevel,
    },
    /// Take a user's access away
    #[command(after_help = EXAMPLES)]
    Revoke {
        /// The branch, by name, slug or id
        branch: String,
        /// The user, by e-mail address or id
        user: String,
    },
}

pub(super) async fn run(context: &Context, command: AccessCommand) -> Result<(), CliError> {
    let (AccessCommand::List { branch } | AccessCommand::Grant { branch, .. } | AccessCommand::Revoke { branch, .. }) = &command;
    let named: Reference = branch.parse()?;
    let client = context.connect().await?;
    let branch = named.find(&client).await?;
    match command {
        AccessCommand::List { .. } => {
            let page = |cursor| PageRequest { limit: PageRequest::MAX_LIMIT, cursor };
            let (items, documents) = pages::all(&client, |cursor| ListBranchAccess { branch: branch.clone(), page: page(cursor) }).await?;
            context.print(&pages::document(&documents), || grants(&items))
        }
        AccessCommand::Grant { user, level, .. } => {
            write_stderr(&format!("granting {user} {level} on branch '{branch}' on {}", client.base_url()));
            let granted = client.send(&GrantBranchAccess { branch, user, level }).await?;
            context.print(&granted.document, || grants(std::slice::from_ref(&granted.output)))
        }
        AccessCommand::Revoke { user, .. } => {
            write_stderr(&format!("taking the access of {user} to branch '{branch}' away on {}", client.base_url()));
            client.send(&RevokeBranchAccess { branch: branch.clone(), user: user.clone() }).await?;
            context.print(&json!({ "branch": branch, "user": user, "level": null }), || format!("{user} has no access to branch '{branch}'"))
        }
    }
}

fn grants(grants: &[Grant]) -> String {
    let row = |grant: &Grant| [Cell::new(grant.user_id), Cell::new(grant.level), Cell::new(&grant.granted_by), Cell::new(relative(grant.granted_at))];
    table::list(["USER", "LEVEL", "GRANTED BY", "SINCE"], grants.iter().map(row))
}
