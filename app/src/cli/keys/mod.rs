//! `fluxbase keys`: API keys and service keys.

mod create;
mod list;
mod revoke;

use super::{context::Context, failure::CliError, when::relative};
use comfy_table::Cell;
use ports::driven::KeyRecord;

const EXAMPLES: &str = "\
Examples:
  fluxbase keys create --name claude --user alice@example.com
  fluxbase keys create --name writer --user alice@example.com --scope read:tables --scope write:tables
  fluxbase keys create --name ci --service --scope admin:branches --expires-in 90d -o json
  fluxbase keys list
  fluxbase keys revoke 6f0c8f0e-7c9b-4b0e-9a55-2f1f6a3c1d11";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum KeysCommand {
    /// Make a key; it is shown this once
    Create(create::CreateArgs),
    /// List keys, revoked ones too
    #[command(after_help = EXAMPLES)]
    List(list::ListArgs),
    /// Revoke a key: it is refused from now on
    #[command(after_help = EXAMPLES)]
    Revoke(revoke::RevokeArgs),
}

pub(super) async fn run(context: &Context, command: KeysCommand) -> Result<(), CliError> {
    match command {
        KeysCommand::Create(args) => create::run(context, args).await,
        KeysCommand::List(args) => list::run(context, args).await,
        KeysCommand::Revoke(args) => revoke::run(context, args).await,
    }
}

/// What there is to know of a key beside its secret.
fn properties(record: &KeyRecord) -> Vec<(&'static str, Option<Cell>)> {
    let restrictions = &record.restrictions;
    let tables = restrictions.tables.as_ref().map(|tables| tables.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    vec![
        ("Id", Some(Cell::new(record.id))),
        ("Name", Some(Cell::new(&record.name))),
        ("Prefix", Some(Cell::new(&record.prefix))),
        ("Scopes", Some(Cell::new(record.scopes.names().join(" ")))),
        ("User", record.user_id.map(Cell::new)),
        ("Branch", restrictions.branch.as_ref().map(Cell::new)),
        ("Read-only", restrictions.read_only.then(|| Cell::new("yes"))),
        ("Tables", tables.map(Cell::new)),
        ("Rate limit", restrictions.rate_limit.map(|limit| Cell::new(format!("{limit} a minute")))),
        ("Expires", record.expires_at.map(|at| Cell::new(relative(at)))),
        ("Revoked", record.revoked_at.map(|at| Cell::new(relative(at)))),
    ]
}
