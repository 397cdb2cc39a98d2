//! `fluxbase mcp`: connecting MCP clients.

mod entry;

use super::{context::Context, failure::CliError, output::write_stderr};
use client::Credential;
use entry::{Client, Endpoint};
use url::Url;

const EXAMPLES: &str = "\
Examples:
  fluxbase mcp config claude-code
  fluxbase mcp config cursor --key fb_pk_... > ~/.cursor/mcp.json
  fluxbase mcp config vscode --url https://fluxbase.example.com

Without --key the entry has a placeholder where the client should find the key.";

#[derive(Clone, Copy, Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum McpCommand {
    /// Print what makes a client use this server
    #[command(after_help = EXAMPLES)]
    Config {
        /// The client
        #[arg(value_enum)]
        client: Client,
    },
}

pub(super) fn run(context: &Context, command: McpCommand) -> Result<(), CliError> {
    let McpCommand::Config { client } = command;
    // A key of the environment may open everything; only one that was given for this goes into a file.
    let key = context.key_flag().map(Credential::from_text).transpose()?;
    if matches!(key, Some(Credential::ServiceKey(_))) {
        write_stderr("warning: a service key bypasses row level security; give assistants an API key bound to a user");
    }
    if key.is_none() {
        write_stderr("make a key for it: fluxbase keys create --name assistant --user <email>");
    }
    write_stderr(client.place());
    let endpoint = Endpoint { url: mcp_url(context)?, key };
    context.print(&client.entry(&endpoint), || client.text(&endpoint))
}

/// Where the server that is meant has its MCP endpoint; where none is running, where it will have it.
fn mcp_url(context: &Context) -> Result<Url, CliError> {
    match context.find_server() {
        Ok(found) => Ok(found.mcp_url.unwrap_or_else(|| below(found.url, "/mcp"))),
        Err(CliError::Local { code: "no_server", .. }) => {
            let settings = context.load(Vec::new())?.settings;
            let by_address = || format!("http://{}", settings.server.address).parse().expect("an address makes a URL");
            Ok(below(settings.server.public_url.clone().unwrap_or_else(by_address), &settings.mcp.base_path))
        }
        Err(error) => Err(error),
    }
}

fn below(mut url: Url, path: &str) -> Url {
    let path = format!("{}{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn the_endpoint_lies_below_the_base_url() {
        for (base, expected) in [("http://a:1", "http://a:1/mcp"), ("https://a/db/", "https://a/db/mcp")] {
            assert_eq!(below(base.parse().unwrap(), "/mcp").as_str(), expected);
        }
    }
}
