//! The Inspector's command line, which connects anew for each question.

use crate::{
    installation::{Package, client, fetch},
    journey,
    session::{Endpoint, Session, reading_key},
};
use fluxbase_tests::TestServer;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};
use tokio::time::timeout;

/// It needs a newer Node.js than systems have, so that comes by npm as well.
const PACKAGES: [&str; 2] = ["node@22.23.3", "@modelcontextprotocol/inspector@2.12.0"];
const ENDS_WITHIN: Duration = Duration::from_mins(2);

static PACKAGE: Package = Package { name: "inspector-2.12.0", program: "node_modules/node/bin/node", fetch: fetch_client };

fn fetch_client(folder: &Path) -> Result<(), String> {
    fs::write(folder.join("package.json"), r#"{"private": true}"#).map_err(|error| error.to_string())?;
    // By force: npm would otherwise go by its own Node.js, and refuse or choose a much older Inspector.
    let options = ["install", "--force", "--no-audit", "--no-fund", "--loglevel=error"];
    fetch("npm", &[options.as_slice(), &PACKAGES].concat(), folder)
}

/// The Inspector on this machine.
pub(crate) struct Inspector(PathBuf);

impl Inspector {
    /// `None` where it cannot be had and need not be.
    pub(crate) async fn find() -> Option<Self> {
        PACKAGE.folder().await.map(Self)
    }

    /// The Node.js that it runs on.
    pub(crate) fn node(&self) -> PathBuf {
        self.0.join(PACKAGE.program)
    }

    /// Runs it once.
    pub(crate) async fn run<S: AsRef<str>>(&self, arguments: &[S]) -> Output {
        let mut command = client(self.node(), &self.0);
        command.arg(self.0.join("node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js")).arg("--cli");
        // Where there is no keychain it says so on standard error, which is to hold faults only.
        command.args(arguments.iter().map(AsRef::as_ref)).env("MCP_INSPECTOR_SECRET_STORE", "memory");
        let ran = timeout(ENDS_WITHIN, command.output()).await.expect("it ends in time");
        ran.expect("Node.js starts")
    }

    /// The arguments that name a server, by one of its protocol eras.
    pub(crate) fn target(endpoint: &Endpoint, era: &str) -> Vec<String> {
        let mut arguments = [endpoint.url.as_str(), "--transport", "http", "--stored-auth-only", "--protocol-era", era].map(str::to_owned).to_vec();
        for (name, value) in &endpoint.headers {
            arguments.extend(["--header".to_owned(), format!("{name}: {value}")]);
        }
        arguments
    }
}

struct InspectorSession<'a> {
    inspector: &'a Inspector,
    target: Vec<String>,
}

impl Session for InspectorSession<'_> {
    async fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        let mut arguments = [self.target.as_slice(), &["--format", "json", "--method", method].map(str::to_owned)].concat();
        for (option, value) in [("--tool-name", &params["name"]), ("--uri", &params["uri"])] {
            arguments.extend(value.as_str().into_iter().flat_map(|value| [option.to_owned(), value.to_owned()]));
        }
        if params["arguments"].is_object() {
            arguments.extend(["--tool-args-json".to_owned(), params["arguments"].to_string()]);
        }
        let output = self.inspector.run(&arguments).await;
        // A result that is an error is printed, and told by the exit code too.
        match serde_json::from_slice::<Value>(&output.stdout) {
            Ok(mut document) => Ok(document["result"].take()),
            Err(_) => Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))),
        }
    }
}

#[tokio::test]
async fn it_uses_every_tool_and_resource_in_each_era() {
    let server = TestServer::shared().await;
    let Some(inspector) = Inspector::find().await else { return };
    let endpoint = Endpoint::of(server, server.key("alice"));
    for era in ["legacy", "modern"] {
        let mut session = InspectorSession { inspector: &inspector, target: Inspector::target(&endpoint, era) };
        journey::every_tool(&mut session, &format!("by-inspector-{era}")).await;
        journey::every_resource(&mut session).await;
    }
    let mut session = InspectorSession { inspector: &inspector, target: Inspector::target(&endpoint, "auto") };
    assert_eq!(session.tool_names().await, journey::ALL_TOOLS);
}

#[tokio::test]
async fn it_is_shown_the_tools_of_its_key_and_may_call_no_others() {
    let server = TestServer::shared().await;
    let Some(inspector) = Inspector::find().await else { return };
    let endpoint = Endpoint::of(server, &reading_key(server).await);
    let mut session = InspectorSession { inspector: &inspector, target: Inspector::target(&endpoint, "modern") };
    journey::only_reading(&mut session).await;
}
