//! `fluxbase branch update`.

use super::{lifetime::Lifetime, reference::Reference};
use crate::cli::{context::Context, failure::CliError, output::write_stderr, table, when::relative};
use clap::ArgGroup;
use comfy_table::Cell;
use domain::BranchName;
use ports::driving::UpdateBranch;

const EXAMPLES: &str = "\
Examples:
  fluxbase branch update pr-12 --expires-in 3d
  fluxbase branch update staging --expires-in never --protected
  fluxbase branch update staging --protected=false
  fluxbase branch update pr-12 --name 'Pull request 12'

The slug stays, so that whoever is on the branch stays there.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("changes").required(true).multiple(true).args(["new_name", "expires_in", "protected"])))]
pub(crate) struct UpdateArgs {
    /// Its name, slug or id
    name: String,
    /// Another name
    #[arg(long = "name", value_name = "NAME")]
    new_name: Option<BranchName>,
    /// How long it lives from now on, such as 12h or 7d, or never
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<Lifetime>,
    /// Refuse delete and reset; --protected=false allows them again
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    protected: Option<bool>,
}

pub(super) async fn run(context: &Context, args: UpdateArgs) -> Result<(), CliError> {
    let named: Reference = args.name.parse()?;
    let client = context.connect().await?;
    let branch = named.find(&client).await?;
    write_stderr(&format!("changing branch '{branch}' on {}", client.base_url()));
    let command = UpdateBranch { branch, name: args.new_name, expires_in: args.expires_in.map(|lifetime| lifetime.0), protected: args.protected };
    let changed = client.send(&command).await?;
    let branch = &changed.output;
    context.print(&changed.document, || {
        table::properties([
            ("Branch", Some(Cell::new(&branch.slug))),
            ("Name", Some(Cell::new(&branch.name))),
            ("Protected", Some(table::yes_or_no(branch.protected))),
            ("Expires", Some(Cell::new(branch.expires_at.map_or_else(|| "never".to_owned(), relative)))),
        ])
    })
}
