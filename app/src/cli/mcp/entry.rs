//! What each client wants to read.

use client::Credential;
use serde_json::{Value, json};
use url::Url;

/// What an entry calls the server.
const NAME: &str = "fluxbase";
/// Where entries look for the key when it does not stand in them.
const VARIABLE: &str = "FLUXBASE_API_KEY";

/// A client that Fluxbase knows the entry of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Client {
    /// Claude Desktop
    #[value(alias = "claude-desktop")]
    Claude,
    /// Claude Code
    ClaudeCode,
    /// Cursor
    Cursor,
    /// VS Code
    #[value(name = "vscode", alias = "vs-code")]
    VsCode,
    /// Windsurf
    Windsurf,
    /// Any other client that reads `mcpServers`
    Generic,
}

/// What an entry leads to.
pub(super) struct Endpoint {
    pub(super) url: Url,
    pub(super) key: Option<Credential>,
}

impl Endpoint {
    fn header(&self) -> &'static str {
        self.key.as_ref().map_or("X-API-Key", Credential::header_name)
    }

    fn value_or(&self, placeholder: &str) -> String {
        self.key.as_ref().map_or_else(|| placeholder.to_owned(), |key| key.header_value().expose().to_owned())
    }

    fn headers(&self, placeholder: &str) -> Value {
        json!({ self.header(): self.value_or(placeholder) })
    }

    fn is_plain(&self) -> bool {
        self.url.scheme() == "http" && !matches!(self.url.host_str(), Some("localhost" | "127.0.0.1"))
    }
}

impl Client {
    /// Where the entry goes.
    pub(super) const fn place(self) -> &'static str {
        match self {
            Self::Claude => "put it into claude_desktop_config.json (Settings > Developer > Edit Config); it needs Node.js",
            Self::ClaudeCode => "run it in your project; with -o json it is an entry for the project's .mcp.json",
            Self::Cursor => "put it into ~/.cursor/mcp.json, or .cursor/mcp.json of a project",
            Self::VsCode => "put it into .vscode/mcp.json",
            Self::Windsurf => "put it into ~/.codeium/windsurf/mcp_config.json",
            Self::Generic => "put it where your client keeps its MCP servers",
        }
    }

    /// What people paste: an entry, or a command that makes it.
    pub(super) fn text(self, endpoint: &Endpoint) -> String {
        if self == Self::ClaudeCode {
            let header = format!("{}: {}", endpoint.header(), endpoint.value_or(&format!("${VARIABLE}")));
            return format!("claude mcp add --transport http {NAME} {} --header \"{header}\"", endpoint.url);
        }
        serde_json::to_string_pretty(&self.entry(endpoint)).expect("a JSON value is JSON")
    }

    /// The entry as a document.
    pub(super) fn entry(self, endpoint: &Endpoint) -> Value {
        let url = endpoint.url.as_str();
        match self {
            // It starts programs only; mcp-remote is one that speaks to servers.
            Self::Claude => {
                let mut arguments = vec!["-y".to_owned(), "mcp-remote".to_owned(), url.to_owned()];
                // No space after the colon: it would part the argument on Windows.
                arguments.extend(["--header".to_owned(), format!("{}:${{FLUXBASE_HEADER}}", endpoint.header())]);
                if endpoint.is_plain() {
                    arguments.push("--allow-http".to_owned());
                }
                let variables = json!({ "FLUXBASE_HEADER": endpoint.value_or("<your API key>") });
                servers(&json!({ "command": "npx", "args": arguments, "env": variables }))
            }
            Self::ClaudeCode => servers(&json!({ "type": "http", "url": url, "headers": endpoint.headers(&format!("${{{VARIABLE}}}")) })),
            Self::Cursor => servers(&json!({ "url": url, "headers": endpoint.headers(&format!("${{env:{VARIABLE}}}")) })),
            Self::Windsurf => servers(&json!({ "serverUrl": url, "headers": endpoint.headers(&format!("${{env:{VARIABLE}}}")) })),
            Self::Generic => servers(&json!({ "type": "http", "url": url, "headers": endpoint.headers("<your API key>") })),
            Self::VsCode => vs_code(endpoint),
        }
    }
}

fn servers(entry: &Value) -> Value {
    json!({ "mcpServers": { NAME: entry } })
}

/// It asks for the key once and keeps it in its own store of secrets.
fn vs_code(endpoint: &Endpoint) -> Value {
    let server = json!({ "type": "http", "url": endpoint.url.as_str(), "headers": endpoint.headers("${input:fluxbase-key}") });
    let mut document = json!({ "servers": { NAME: server } });
    if endpoint.key.is_none() {
        document["inputs"] = json!([{ "type": "promptString", "id": "fluxbase-key", "description": "Fluxbase API key", "password": true }]);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::{Client, Endpoint};
    use clap::ValueEnum;
    use client::Credential;
    use serde_json::json;

    const URL: &str = "http://127.0.0.1:8080/mcp";

    fn endpoint(url: &str, key: Option<&str>) -> Endpoint {
        Endpoint { url: url.parse().unwrap(), key: key.map(|key| Credential::from_text(key).unwrap()) }
    }

    #[test]
    fn every_entry_leads_to_the_endpoint_with_the_key_in_its_header() {
        for client in Client::value_variants() {
            for (key, header) in [("fb_pk_1", "X-API-Key"), ("sb_service_1", "X-Service-Key"), ("a.b.c", "Authorization")] {
                let entry = client.entry(&endpoint(URL, Some(key))).to_string();
                assert!(entry.contains(URL) && entry.contains(header) && entry.contains(key), "{client:?}: {entry}");
                assert!(!entry.contains("FLUXBASE_API_KEY") && !entry.contains("input"), "{client:?}: {entry}");
            }
        }
    }

    #[test]
    fn without_a_key_each_client_is_told_where_to_find_it() {
        let without = endpoint(URL, None);
        for (client, place) in [
            (Client::Claude, "<your API key>"),
            (Client::ClaudeCode, "${FLUXBASE_API_KEY}"),
            (Client::Cursor, "${env:FLUXBASE_API_KEY}"),
            (Client::VsCode, "${input:fluxbase-key}"),
            (Client::Windsurf, "${env:FLUXBASE_API_KEY}"),
            (Client::Generic, "<your API key>"),
        ] {
            assert!(client.entry(&without).to_string().contains(place), "{client:?}");
        }
        assert_eq!(
            client_code(&without),
            "claude mcp add --transport http fluxbase http://127.0.0.1:8080/mcp --header \"X-API-Key: $FLUXBASE_API_KEY\""
        );
    }

    fn client_code(endpoint: &Endpoint) -> String {
        Client::ClaudeCode.text(endpoint)
    }

    #[test]
    fn claude_desktop_gets_a_program_and_a_leave_for_plain_http_elsewhere() {
        let arguments = |url: &str| Client::Claude.entry(&endpoint(url, None))["mcpServers"]["fluxbase"]["args"].clone();
        assert_eq!(arguments(URL), json!(["-y", "mcp-remote", URL, "--header", "X-API-Key:${FLUXBASE_HEADER}"]));
        assert_eq!(arguments("http://10.0.0.1/mcp")[5], "--allow-http");
    }
}
