//! `fluxbase config`: what is in force, where each value came from, and what can be set.

use super::{context::Context, failure::CliError, output::Format, table};
use comfy_table::Cell;
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  fluxbase config show
  fluxbase config show -o yaml --config /etc/fluxbase.yaml
  fluxbase config schema > fluxbase.schema.json";

#[derive(Clone, Copy, Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum ConfigCommand {
    /// Print every setting in force and where it came from; secrets are hidden
    #[command(after_help = EXAMPLES)]
    Show,
    /// Print the JSON schema of fluxbase.yaml
    #[command(after_help = EXAMPLES)]
    Schema,
}

pub(super) fn run(context: &Context, command: ConfigCommand) -> Result<(), CliError> {
    match command {
        ConfigCommand::Show => {
            let shown = context.load(Vec::new())?.show();
            context.print(&shown, || settings_table(&shown))
        }
        ConfigCommand::Schema => {
            let schema = crate::config::schema();
            // A schema has no shape for a table.
            let format = if context.format() == Format::Yaml { Format::Yaml } else { Format::Json };
            super::output::print(format, &schema, String::new)
        }
    }
}

fn settings_table(shown: &Value) -> String {
    let rows = shown.as_object().into_iter().flatten().map(|(key, setting)| {
        let source = setting["source"].as_str().unwrap_or_default();
        [Cell::new(key), Cell::new(plain(&setting["value"])), Cell::new(source)]
    });
    table::list(["KEY", "VALUE", "SOURCE"], rows)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::settings_table;
    use serde_json::json;

    #[test]
    fn each_setting_is_a_line() {
        let shown = json!({ "log.level": { "value": "info", "source": "default" }, "server.public_url": { "value": null, "source": "default" } });
        assert_eq!(settings_table(&shown), "KEY                VALUE  SOURCE\nlog.level          info   default\nserver.public_url  -      default");
    }
}
