//! `fluxbase branch seed`.

use super::{
    begun::Begun,
    reference::{self, Reference},
};
use crate::cli::{context::Context, failure::CliError, output::write_stderr, table, wait::Waiting};
use comfy_table::Cell;
use ports::driving::SeedBranch;
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  fluxbase branch seed demo                       the server's seed files that are new to it, or have changed
  fluxbase branch seed demo --seed 20_tasks.csv

A file that ran there and has not changed is left out. Each runs wholly or not at all; the branch serves meanwhile.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SeedArgs {
    /// Its name, slug or id [default: the branch that is switched to]
    name: Option<String>,
    /// A seed file; repeat it [default: those that it was made of, else all of them]
    #[arg(long, value_name = "FILE")]
    seed: Option<Vec<String>>,
    #[command(flatten)]
    waiting: Waiting<true>,
}

pub(super) async fn run(context: &Context, args: SeedArgs) -> Result<(), CliError> {
    let named = reference::read(args.name.as_deref())?;
    let client = context.connect().await?;
    let branch = Reference::find_or_switched_to(named, &client).await?;
    write_stderr(&format!("seeding branch '{branch}' on {}", client.base_url()));
    let begun = Begun::from(client.send(&SeedBranch { branch: branch.clone(), seeds: args.seed }).await?);
    if !args.waiting.waits() {
        write_stderr(&format!("it is under way; `fluxbase operation watch {}` tells how it gets on", begun.operation.id));
        return context.print(&begun.document, || begun.properties());
    }
    let ended = begun.ended(&client, context.format(), &format!("branch '{branch}' could not be seeded")).await?;
    context.print(&ended.document, || report(&ended.document["operation"]["result"]))
}

fn report(result: &Value) -> String {
    let rows = result["files"].as_array().into_iter().flatten().map(|file| {
        let outcome = if file["unchanged"] == true { "unchanged, left out".to_owned() } else { format!("{} rows", file["rows"]) };
        [Cell::new(file["name"].as_str().unwrap_or_default()), Cell::new(outcome)]
    });
    table::list(["FILE", "OUTCOME"], rows)
}

#[cfg(test)]
mod tests {
    use super::report;
    use serde_json::json;

    #[test]
    fn each_file_is_told_of() {
        let told = report(&json!({"files": [{"name": "1_a.sql", "rows": 2, "unchanged": false}, {"name": "2_b.csv", "rows": 0, "unchanged": true}]}));
        assert!(told.contains("1_a.sql") && told.contains("2 rows") && told.contains("unchanged, left out"), "{told}");
    }
}
