//! `fluxbase doctor`: what a server needs here, what is missing, and how to get it.

use super::{context::Context, failure::CliError, table};
use comfy_table::{Cell, Color};
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  fluxbase doctor
  fluxbase doctor --database-url postgres://owner:secret@db.example.com/app -o json

The exit code is 1 where a check failed.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DoctorArgs {
    /// The PostgreSQL to look at, instead of the configured one
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

pub(super) async fn run(context: &Context, args: DoctorArgs) -> Result<(), CliError> {
    let url = args.database_url.map(|url| ("database.url".to_owned(), Value::from(url)));
    let settings = context.load(url.into_iter().collect())?.settings;
    let report = json!({ "checks": crate::serve::doctor(&settings).await });
    context.print(&report, || check_table(&report))?;
    match failed(&report) {
        0 => Ok(()),
        1 => Err(CliError::local("check_failed", "1 check failed", None)),
        n => Err(CliError::local("check_failed", format!("{n} checks failed"), None)),
    }
}

fn checks(report: &Value) -> impl Iterator<Item = &Value> {
    report["checks"].as_array().into_iter().flatten()
}

fn failed(report: &Value) -> usize {
    checks(report).filter(|check| check["status"] == "fail").count()
}

fn check_table(report: &Value) -> String {
    let rows = checks(report).map(|check| {
        let text = |field: &str| check[field].as_str().unwrap_or_default();
        let fix = if text("fix").is_empty() { String::new() } else { format!("\n-> {}", text("fix")) };
        [status(text("status")), Cell::new(text("name")), Cell::new(format!("{}{fix}", text("detail")))]
    });
    table::list(["", "CHECK", "FOUND"], rows)
}

fn status(status: &str) -> Cell {
    let colour = match status {
        "ok" => Color::Green,
        "warn" => Color::Yellow,
        _ => Color::Red,
    };
    Cell::new(status).fg(colour)
}

#[cfg(test)]
mod tests {
    use super::{check_table, failed};
    use serde_json::json;

    #[test]
    fn what_is_wrong_comes_with_its_cure() {
        let report = json!({ "checks": [
            { "name": "postgresql", "status": "ok", "detail": "18.6", "fix": null },
            { "name": "login", "status": "fail", "detail": "no CREATEDB", "fix": "alter role app createdb" },
        ] });
        assert_eq!(failed(&report), 1);
        let text = check_table(&report);
        assert!(text.contains("fail") && text.contains("-> alter role app createdb") && !text.contains("null"), "{text}");
    }
}
