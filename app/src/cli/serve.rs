//! `fluxbase serve`: the command line's part of the configuration.

use super::{context::Context, failure::CliError};
use serde_json::{Value, json};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  fluxbase serve
  fluxbase serve --address 127.0.0.1:0 --ready-file ready.json --no-demo
  fluxbase serve --database-url postgres://owner:secret@db.example.com/app
  fluxbase serve --set mcp.rate_limit_per_min=300 --set branching.auto_delete_after=24h

Every setting can also stand in fluxbase.yaml or in the environment (FLUXBASE_<SECTION>__<KEY>);
`fluxbase config show` tells what is in force.";

#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ServeArgs {
    /// An existing PostgreSQL 15 to 18 to serve, instead of one of its own
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// The URL that clients use, where it is not the address
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Write `{"url","mcp_url","pid","data_dir"}` there once the server answers
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Start with an empty database instead of the demo data
    #[arg(long)]
    no_demo: bool,
    /// Any other setting
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, Value)>,
}

pub(super) async fn run(context: &Context, args: ServeArgs) -> Result<(), CliError> {
    let loaded = context.load(args.overrides())?;
    Ok(crate::serve::run(loaded.settings).await?)
}

impl ServeArgs {
    fn overrides(self) -> Vec<(String, Value)> {
        let named = [
            ("database.url", self.database_url.map(Value::from)),
            ("server.address", self.address.map(Value::from)),
            ("server.public_url", self.public_url.map(Value::from)),
            ("server.ready_file", self.ready_file.map(|file| json!(file))),
            ("embedded.demo", self.no_demo.then_some(json!(false))),
        ];
        let named = named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        self.set.into_iter().chain(named).collect()
    }
}

/// `section.key=value`; the value is read as in `fluxbase.yaml`.
fn setting(text: &str) -> Result<(String, Value), String> {
    let expected = "expected section.key=value, such as log.level=debug";
    let (key, value) = text.split_once('=').ok_or(expected)?;
    if key.split('.').count() != 2 || key.split('.').any(str::is_empty) {
        return Err(expected.to_owned());
    }
    let read = serde_yaml_ng::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.to_owned(), read))
}

#[cfg(test)]
mod tests {
    use super::{ServeArgs, setting};
    use serde_json::json;

    #[test]
    fn a_setting_is_read_as_in_the_file() {
        for (text, key, value) in [
            ("log.level=debug", "log.level", json!("debug")),
            ("mcp.enabled=false", "mcp.enabled", json!(false)),
            ("database.schemas=[public, app]", "database.schemas", json!(["public", "app"])),
            ("log.level=info,fluxbase_mcp=debug", "log.level", json!("info,fluxbase_mcp=debug")),
            ("branching.auto_delete_after=0", "branching.auto_delete_after", json!(0)),
        ] {
            assert_eq!(setting(text), Ok((key.to_owned(), value)));
        }
        for wrong in ["log", "log.level", "level=debug", ".level=debug", "a.b.c=1"] {
            assert!(setting(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_flag_wins_over_the_same_key_set() {
        let args =
            ServeArgs { address: Some("127.0.0.1:1".to_owned()), set: vec![setting("server.address=127.0.0.1:2").unwrap()], ..ServeArgs::default() };
        assert_eq!(args.overrides().last(), Some(&("server.address".to_owned(), json!("127.0.0.1:1"))));
    }
}
