//! `fluxbase branch diff`.

use super::{
    begun::Begun,
    reference::{self, Reference},
};
use crate::cli::{
    context::Context,
    failure::CliError,
    output::{self, Format, colours, print_text, write_stderr},
    wait,
};
use client::{CompareBranches, DiffText, HttpClient};
use domain::operation::Progress;
use ports::driving::ProveDiff;
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  fluxbase branch diff pr-12                       against its parent
  fluxbase branch diff pr-12 staging
  fluxbase branch diff pr-12 main --prove          applies the script to a throw-away copy of main, and compares again
  fluxbase branch diff pr-12 main --exit-code      exit code 1 where they differ

  fluxbase branch diff pr-12 main --format sql > migrations/20260131120000_pr_12.sql

Lines with + are the source's, lines with - the target's; lines with # tell hazards, what the script leaves and what may be a rename. The script turns the
target into the source: a migration as it is, for `fluxbase migrations up`; or psql -1 -v ON_ERROR_STOP=1 -f FILE.
A proof is made on a copy without rows: what the script does to rows is told by its hazards.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct DiffArgs {
    /// The branch that is compared, by name, slug or id [default: the branch that is switched to]
    source: Option<String>,
    /// The branch to compare it with [default: its parent]
    target: Option<String>,
    /// How it is written [default: text; json with -o json]
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<DiffFormat>,
    /// Prove the script on a throw-away copy of the target, without its rows, and tell whether anything is left
    #[arg(long)]
    prove: bool,
    #[arg(long, requires = "prove", overrides_with = "no_wait", help = "Wait for the proof [default]")]
    wait: bool,
    /// Do not wait for the proof
    #[arg(long, requires = "prove", overrides_with = "wait")]
    no_wait: bool,
    /// Exit with 1 where they differ, as git does
    #[arg(long)]
    exit_code: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DiffFormat {
    // Unified text. No doc comments, see `output::Format`.
    Text,
    Json,
    Sql,
}

pub(super) async fn run(context: &Context, args: DiffArgs) -> Result<(), CliError> {
    let (source, target) = (reference::read(args.source.as_deref())?, reference::read(args.target.as_deref())?);
    let client = context.connect().await?;
    let source = Reference::find_or_switched_to(source, &client).await?;
    let target = match target {
        Some(target) => Some(target.find(&client).await?),
        None => None,
    };
    let seen = if args.prove {
        let beside = args.format.is_some();
        prove(context, &client, (&source, target.as_deref()), !args.no_wait, beside).await?
    } else {
        None
    };
    let command = CompareBranches { source, target };
    // With --prove and without a format its own words are what is asked for.
    let format = args.format.or(match (args.prove, context.format()) {
        (true, _) => None,
        (false, Format::Table) => Some(DiffFormat::Text),
        (false, Format::Json | Format::Yaml) => Some(DiffFormat::Json),
    });
    let differ = match format {
        None => match seen {
            Some(differ) => differ,
            None => args.exit_code && differ(&client.send(&command).await?.document),
        },
        Some(DiffFormat::Text) => told(&client.diff_text(&command, DiffText::Unified).await?)?,
        Some(DiffFormat::Sql) => {
            let script = client.diff_text(&command, DiffText::Script).await?;
            let differ = !script.is_empty();
            if differ {
                print_text(&script)?;
            }
            differ
        }
        Some(DiffFormat::Json) => {
            let answer = client.send(&command).await?;
            let format = if context.format() == Format::Yaml { Format::Yaml } else { Format::Json };
            output::print(format, &answer.document, String::new)?;
            differ(&answer.document)
        }
    };
    if args.exit_code && differ { Err(CliError::Told { code: 1 }) } else { Ok(()) }
}

/// Whether a document of a difference has any.
fn differ(document: &Value) -> bool {
    document["objects"].as_array().is_some_and(|objects| !objects.is_empty())
}

/// Writes unified text, in colours on a terminal. Gives whether there is any.
fn told(text: &str) -> Result<bool, CliError> {
    if text.trim().is_empty() {
        write_stderr("the schemas are equal");
        return Ok(false);
    }
    if colours() {
        print_text(&coloured(text))?;
    } else {
        print_text(text)?;
    }
    Ok(true)
}

fn coloured(text: &str) -> String {
    let line = |line: &str| match line {
        line if line.starts_with("+++") || line.starts_with("---") => format!("\u{1b}[1m{line}\u{1b}[0m\n"),
        line if line.starts_with("# ") => format!("\u{1b}[33m{line}\u{1b}[0m\n"),
        line if line.starts_with("@@") => format!("\u{1b}[36m{line}\u{1b}[0m\n"),
        line if line.starts_with('+') => format!("\u{1b}[32m{line}\u{1b}[0m\n"),
        line if line.starts_with('-') => format!("\u{1b}[31m{line}\u{1b}[0m\n"),
        line => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// Has the script proved, and tells what came of it: beside the result, where that is something else. A script that leaves something, or fails, is a failure.
/// Gives whether the branches differ, where that is known.
async fn prove(
    context: &Context,
    client: &HttpClient,
    (source, target): (&str, Option<&str>),
    wait: bool,
    beside: bool,
) -> Result<Option<bool>, CliError> {
    let against = target.map_or_else(|| "its parent".to_owned(), |target| format!("'{target}'"));
    write_stderr(&format!("proving the script that turns {against} into '{source}', on a throw-away copy without rows, on {}", client.base_url()));
    let begun = client.send(&ProveDiff { branch: source.to_owned(), target: target.map(str::to_owned) }).await?;
    if !wait {
        let begun = Begun::from(begun);
        write_stderr(&format!("it is under way; `fluxbase operation watch {}` tells how it gets on", begun.operation.id));
        if !beside {
            context.print(&begun.document, || begun.properties())?;
        }
        return Ok(None);
    }
    let ended = wait::until_done(client, begun.output.operation.id, context.format()).await?;
    if ended.output.status != Progress::Succeeded {
        return Err(CliError::of_operation("the script could not be proved".to_owned(), ended.output));
    }
    let result = &ended.document["result"];
    let proved = result["proved"] == true;
    if beside {
        write_stderr(&verdict(result));
    } else {
        context.print(&ended.document, || verdict(result))?;
    }
    if proved { Ok(Some(differ(&result["diff"]))) } else { Err(CliError::local("not_proved", "the script is not proved", None)) }
}

fn verdict(result: &Value) -> String {
    if result["proved"] == true {
        let rows = if result["copy"]["rows"] == true { "" } else { " without rows" };
        return format!("proved on a copy{rows}: the script was applied, and nothing was left{}", unproved(result));
    }
    if let Some(message) = result["failure"]["message"].as_str() {
        return format!("not proved: statement {} failed: {message}", result["failure"]["statement"].as_u64().unwrap_or_default() + 1);
    }
    let left = result["left"]["objects"].as_array().into_iter().flatten();
    let left: Vec<_> = left.filter_map(|object| Some(format!("{} {}", object["kind"].as_str()?, object["identity"].as_str()?))).collect();
    format!("not proved: left after the script: {}", left.join(", "))
}

/// What rows would have to prove.
fn unproved(result: &Value) -> String {
    let hazards = result["diff"]["hazards"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let of_rows: Vec<_> = hazards.filter(|hazard| matches!(*hazard, "data_loss" | "may_fail")).collect();
    if of_rows.is_empty() || result["copy"]["rows"] == true {
        return String::new();
    }
    format!("\nnot proved: what the script does to the rows that are there ({})", of_rows.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{coloured, verdict};
    use serde_json::json;

    #[test]
    fn what_is_added_is_green_and_what_is_gone_is_red() {
        let text = coloured("--- main\n+++ x\n@@ -1 +1 @@\n-a\n+b\n c\n# hazards\n");
        assert!(text.contains("\u{1b}[1m--- main\u{1b}[0m\n") && text.contains("\u{1b}[31m-a") && text.contains("\u{1b}[32m+b"), "{text}");
        assert!(text.ends_with(" c\n\u{1b}[33m# hazards\u{1b}[0m\n"), "{text}");
    }

    #[test]
    fn a_verdict_says_what_is_left() {
        let proved = json!({ "proved": true, "copy": { "rows": false }, "diff": { "hazards": ["exclusive_lock"] } });
        assert_eq!(verdict(&proved), "proved on a copy without rows: the script was applied, and nothing was left");
        let about_rows = json!({ "proved": true, "copy": { "rows": false }, "diff": { "hazards": ["data_loss", "long_scan", "may_fail"] } });
        assert!(verdict(&about_rows).ends_with("\nnot proved: what the script does to the rows that are there (data_loss, may_fail)"));
        let left = json!({ "proved": false, "left": { "objects": [{ "kind": "table", "identity": "public.t" }] } });
        assert_eq!(verdict(&left), "not proved: left after the script: table public.t");
        let failed = json!({ "proved": false, "failure": { "statement": 2, "message": "no" } });
        assert_eq!(verdict(&failed), "not proved: statement 3 failed: no");
    }
}
