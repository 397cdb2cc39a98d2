//! `fluxbase branch migrate`.

use super::{
    begun::Begun,
    reference::{self, Reference},
};
use crate::cli::{
    context::Context,
    failure::CliError,
    migration_files::{self, Sent},
    output::write_stderr,
    table,
    wait::Waiting,
};
use comfy_table::Cell;
use ports::driving::MigrateBranch;
use serde_json::Value;
use std::{fmt::Write, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  fluxbase branch migrate pr-12                       migrations/ of the project, else the server's own
  fluxbase branch migrate pr-12 --dir db/migrations
  fluxbase branch migrate main --dry-run              on a throw-away copy: durations, locks, rewrites, the difference

A file that fails leaves the branch as it was before it; file, line, statement and SQLSTATE are told.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MigrateArgs {
    /// Its name, slug or id [default: the branch that is switched to]
    name: Option<String>,
    #[command(flatten)]
    how: MigrateOptions,
}

/// What `migrations up` takes too.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct MigrateOptions {
    /// The folder with the migration files [default: migrations/ of the project, else the server's own]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Try it on a throw-away copy only
    #[arg(long)]
    dry_run: bool,
    /// Apply files that come before one that is already applied, too
    #[arg(long)]
    allow_out_of_order: bool,
    #[command(flatten)]
    waiting: Waiting<true>,
}

pub(super) async fn run(context: &Context, args: MigrateArgs) -> Result<(), CliError> {
    migrate(context, reference::read(args.name.as_deref())?, args.how).await
}

/// Migrates a branch; the one that is switched to where none is named.
pub(in crate::cli) async fn migrate(context: &Context, named: Option<Reference>, how: MigrateOptions) -> Result<(), CliError> {
    let Sent { files, folder } = migration_files::sent(how.dir.as_deref())?;
    let client = context.connect().await?;
    let branch = Reference::find_or_switched_to(named, &client).await?;
    let from = match &folder.dir {
        Some(dir) if !files.is_empty() => format!("{} file{} of {}", files.len(), if files.len() == 1 { "" } else { "s" }, dir.display()),
        _ => "the server's own files".to_owned(),
    };
    let what = if how.dry_run { "trying migrations on a copy of" } else { "migrating" };
    write_stderr(&format!("{what} branch '{branch}' by {from} on {}", client.base_url()));
    let command = MigrateBranch { branch: branch.clone(), files, whole: true, dry_run: how.dry_run, allow_out_of_order: how.allow_out_of_order };
    let begun = Begun::from(client.send(&command).await?);
    if !how.waiting.waits() {
        write_stderr(&format!("it is under way; `fluxbase operation watch {}` tells how it gets on", begun.operation.id));
        return context.print(&begun.document, || begun.properties());
    }
    let slug = begun.branch.slug.clone();
    let ended = begun.ended(&client, context.format(), &format!("branch '{branch}' could not be migrated")).await;
    let ended = ended.map_err(|error| error.reworded(|told| folder.ways_out(told, &slug)))?;
    for warning in ended.document["operation"]["result"]["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        write_stderr(&format!("warning: {}", folder.ways_out(warning, &slug)));
    }
    context.print(&ended.document, || report(&ended, how.dry_run))
}

fn report(ended: &Begun, dry_run: bool) -> String {
    let result = &ended.document["operation"]["result"];
    let files = result["files"].as_array().map(Vec::as_slice).unwrap_or_default();
    let slug = &ended.branch.slug;
    if files.is_empty() {
        return format!("branch '{slug}' has every migration");
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ms = |value: &Value| format!("{:.1} ms", value.as_f64().unwrap_or_default());
    let mut report = table::list(["FILE", "TIME"], files.iter().map(|file| [Cell::new(text(&file["name"])), Cell::new(ms(&file["duration_ms"]))]));
    if dry_run {
        for file in files.iter().filter(|file| file["statements"].as_array().is_some_and(|statements| !statements.is_empty())) {
            let rows = file["statements"].as_array().into_iter().flatten().map(|statement| {
                let first = text(&statement["statement"]).lines().next().unwrap_or_default().chars().take(60).collect::<String>();
                let line = format!("{}:{}", text(&file["name"]), statement["line"]);
                [
                    Cell::new(line),
                    Cell::new(first),
                    Cell::new(ms(&statement["duration_ms"])),
                    Cell::new(locks(statement)),
                    Cell::new(rewrites(statement)),
                ]
            });
            let _ = write!(report, "\n\n{}", table::list(["WHERE", "STATEMENT", "TIME", "LOCKS", "REWRITES"], rows));
        }
        if let Some(reason) = result["copy"]["reason"].as_str() {
            let _ = write!(report, "\n\nit was tried on a copy without rows: {reason}");
        }
        if let Some(summary) = result["diff"]["summary"].as_object() {
            let count = |name: &str| summary.get(name).and_then(Value::as_u64).unwrap_or_default();
            let _ =
                write!(report, "\n\nthe schema would have {} objects more, {} fewer, {} changed", count("added"), count("removed"), count("changed"));
        }
    }
    report
}

/// `AccessExclusive public.t, Share public.u`, or a dash.
fn locks(statement: &Value) -> String {
    let lock = |lock: &Value| {
        let mode = lock["mode"].as_str().unwrap_or_default().trim_end_matches("Lock");
        format!("{mode} {}", lock["relation"].as_str().unwrap_or_default())
    };
    let locks = listed(statement["locks"].as_array().into_iter().flatten().map(lock));
    if statement["locks_known_by"] == "documentation" { format!("{locks} (by PostgreSQL's documentation)") } else { locks }
}

fn rewrites(statement: &Value) -> String {
    listed(statement["rewrites"].as_array().into_iter().flatten().map(|table| table.as_str().unwrap_or_default().to_owned()))
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items = items.collect::<Vec<_>>().join(", ");
    if items.is_empty() { "-".to_owned() } else { items }
}

#[cfg(test)]
mod tests {
    use super::locks;
    use serde_json::json;

    #[test]
    fn locks_that_nobody_saw_are_told_to_be_documented() {
        let taken = json!([{ "relation": "public.t", "mode": "AccessExclusiveLock" }]);
        assert_eq!(locks(&json!({ "locks": taken, "locks_known_by": "observation" })), "AccessExclusive public.t");
        assert_eq!(locks(&json!({ "locks": taken, "locks_known_by": "documentation" })), "AccessExclusive public.t (by PostgreSQL's documentation)");
        assert_eq!(locks(&json!({})), "-");
    }
}
