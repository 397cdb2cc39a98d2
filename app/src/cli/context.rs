//! What every command has at hand: the global options, the configuration, the server.

use super::{
    Globals,
    failure::CliError,
    output::{self, Format},
    server::{self, Found, Lookup},
};
use crate::config::{self, Flags, Loaded};
use client::HttpClient;
use serde_json::{Value, json};
use std::path::PathBuf;

pub(super) struct Context {
    globals: Globals,
}

impl Context {
    pub(super) fn new(globals: Globals) -> Self {
        Self { globals }
    }

    pub(super) fn format(&self) -> Format {
        self.globals.output
    }

    /// The key that was given on the command line, and nowhere else.
    pub(super) fn key_flag(&self) -> Option<&str> {
        self.globals.key.as_deref()
    }

    /// The configuration, with what the command adds to it.
    pub(super) fn load(&self, overrides: Vec<(String, Value)>) -> Result<Loaded, CliError> {
        let data_dir = self.globals.data_dir.iter().map(|dir| ("embedded.data_dir".to_owned(), json!(dir)));
        let flags = Flags { config: self.globals.config.clone(), overrides: data_dir.chain(overrides).collect() };
        Ok(config::load(&flags)?)
    }

    pub(super) fn data_dir(&self) -> Result<PathBuf, CliError> {
        Ok(self.load(Vec::new())?.settings.embedded.data_dir)
    }

    /// The server to talk to, and the credential for it.
    pub(super) fn find_server(&self) -> Result<Found, CliError> {
        let environment = |name: &str| std::env::var(name).ok();
        let data_dir = || self.data_dir();
        let folder = std::env::current_dir().unwrap_or_default();
        server::find(&Lookup {
            url_flag: self.globals.url.as_deref(),
            key_flag: self.globals.key.as_deref(),
            environment: &environment,
            folder: &folder,
            data_dir: &data_dir,
        })
    }

    pub(super) fn connect(&self) -> Result<HttpClient, CliError> {
        let found = self.find_server()?;
        Ok(HttpClient::new(found.url, found.credential)?)
    }

    /// Writes a result to standard output.
    pub(super) fn print(&self, document: &Value, table: impl FnOnce() -> String) -> Result<(), CliError> {
        output::print(self.globals.output, document, table)
    }
}
