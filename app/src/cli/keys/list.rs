//! `fluxbase keys list`.

use crate::cli::{context::Context, failure::CliError, pages, table, when::relative};
use comfy_table::Cell;
use domain::page::PageRequest;
use ports::{
    driven::KeyRecord,
    driving::{ListApiKeys, ListServiceKeys},
};

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Service keys instead of API keys
    #[arg(long)]
    service: bool,
}

pub(super) async fn run(context: &Context, args: ListArgs) -> Result<(), CliError> {
    let client = context.connect().await?;
    let page = |cursor| PageRequest { limit: PageRequest::MAX_LIMIT, cursor };
    let (keys, documents) = if args.service {
        pages::all(&client, |cursor| ListServiceKeys { page: page(cursor) }).await?
    } else {
        pages::all(&client, |cursor| ListApiKeys { page: page(cursor) }).await?
    };
    context.print(&pages::document(&documents), || key_table(&keys))
}

fn key_table(keys: &[KeyRecord]) -> String {
    let rows = keys.iter().map(|key| {
        [
            Cell::new(&key.name),
            Cell::new(&key.prefix),
            Cell::new(key.scopes.names().join(" ")),
            Cell::new(state(key)),
            Cell::new(relative(key.created_at)),
            Cell::new(key.id),
        ]
    });
    table::list(["NAME", "PREFIX", "SCOPES", "STATE", "CREATED", "ID"], rows)
}

fn state(key: &KeyRecord) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", relative(at)),
        (None, Some(at)) => format!("expires {}", relative(at)),
        (None, None) => "good".to_owned(),
    }
}
