//! What every command has at hand: the global options, the configuration, the server.

use super::{
    Globals,
    failure::CliError,
    logins::Logins,
    output::{self, Format},
    project::Project,
    server::{self, Found, Lookup},
};
use crate::config::{self, Flags, Loaded};
use client::HttpClient;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const MIGRATIONS: &str = "migrations";

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

    /// The server's URL that was given on the command line.
    pub(super) fn url_flag(&self) -> Option<&str> {
        self.globals.url.as_deref()
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

    /// The working folder.
    pub(super) fn folder() -> PathBuf {
        std::env::current_dir().unwrap_or_default()
    }

    /// The server to talk to, and the credential for it.
    pub(super) fn find_server(&self) -> Result<Found, CliError> {
        let environment = |name: &str| std::env::var(name).ok();
        let data_dir = || self.data_dir();
        let logins = Logins::of_user();
        server::find(&Lookup {
            url_flag: self.globals.url.as_deref(),
            key_flag: self.globals.key.as_deref(),
            environment: &environment,
            folder: &Self::folder(),
            data_dir: &data_dir,
            knows: &|url| logins.as_ref().map_or(Ok(false), |logins| logins.knows(url)),
            login: &|url| logins.as_ref().map_or(Ok(None), |logins| logins.find(url)),
        })
    }

    /// A client for the server, on the branch that the project is switched to.
    pub(super) async fn connect(&self) -> Result<HttpClient, CliError> {
        let found = self.find_server()?;
        let client = HttpClient::new(found.url.clone(), None)?;
        let credential = match (found.login, Logins::of_user()) {
            (Some(login), Some(logins)) => logins.fresh_credential(&client, &found.url, login).await?,
            _ => found.credential,
        };
        Ok(client.with_credential(credential).on_branch(found.branch))
    }

    /// The folder with the project's migration files: the one that is named, else `migrations` of the project, where there is one.
    pub(super) fn migrations_dir(named: Option<&Path>) -> Result<Option<PathBuf>, CliError> {
        if let Some(dir) = named {
            return Ok(Some(dir.to_owned()));
        }
        let folder = Self::folder();
        let root = Project::of(&folder)?.map_or(folder, |project| project.root().to_owned());
        Ok(Some(root.join(MIGRATIONS)).filter(|dir| dir.is_dir()))
    }

    /// Where new migrations belong: `migrations` of the project, whether it is there or not. Where there is no project yet: that of the working folder where it
    /// is there, else that of the project as `branch switch` will make it, which would not find any other. Nothing is read there before: whoever may write to
    /// a folder above could say what is run.
    pub(super) fn migrations_of_project() -> Result<PathBuf, CliError> {
        let folder = Self::folder();
        Ok(match Project::of(&folder)? {
            Some(project) => project.root().join(MIGRATIONS),
            None => migrations_without_project(&folder),
        })
    }

    /// Writes a result to standard output.
    pub(super) fn print(&self, document: &Value, table: impl FnOnce() -> String) -> Result<(), CliError> {
        output::print(self.globals.output, document, table)
    }
}

fn migrations_without_project(folder: &Path) -> PathBuf {
    let own = folder.join(MIGRATIONS);
    if own.is_dir() { own } else { Project::root_for(folder).join(MIGRATIONS) }
}

#[cfg(test)]
mod tests {
    use super::migrations_without_project;
    use std::fs;

    #[test]
    fn migrations_begin_where_the_project_will_be() {
        let dir = tempfile::tempdir().unwrap();
        let (root, deep) = (dir.path(), dir.path().join("app/deep"));
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(migrations_without_project(&deep), deep.join("migrations"));
        fs::create_dir(root.join(".git")).unwrap();
        assert_eq!(migrations_without_project(&deep), root.join("migrations"));
        fs::create_dir(deep.join("migrations")).unwrap();
        assert_eq!(migrations_without_project(&deep), deep.join("migrations"), "what is there is found");
    }
}
