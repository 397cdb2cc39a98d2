//! Finding the server that is meant, and the credential for it.

use super::{
    failure::CliError,
    logins::Login,
    project::{Project, read, unusable},
};
use crate::serve::files::{owner_key_file, server_file};
use client::Credential;
use domain::Slug;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use url::{Host, Url};

/// Where to look.
pub(super) struct Lookup<'a> {
    /// `--url`.
    pub(super) url_flag: Option<&'a str>,
    /// `--key`.
    pub(super) key_flag: Option<&'a str>,
    /// Variables of the environment.
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    /// The working folder.
    pub(super) folder: &'a Path,
    /// The data folder; asked for only where it is needed, since it takes reading the configuration.
    pub(super) data_dir: &'a dyn Fn() -> Result<PathBuf, CliError>,
    /// Whether this user named a server before.
    pub(super) knows: &'a dyn Fn(&Url) -> Result<bool, CliError>,
    /// Who signed in at a server.
    pub(super) login: &'a dyn Fn(&Url) -> Result<Option<Login>, CliError>,
}

/// The server that is meant.
#[derive(Debug)]
pub(super) struct Found {
    /// Its base URL.
    pub(super) url: Url,
    /// The URL of its MCP endpoint, where it is known to differ from what follows from the base URL.
    pub(super) mcp_url: Option<Url>,
    /// The credential for it; `None` where nobody gave one.
    pub(super) credential: Option<Credential>,
    /// The login that the credential is of, where it is one's: it may have to be refreshed.
    pub(super) login: Option<Login>,
    /// The branch that the project is switched to, where it is not main.
    pub(super) branch: Option<Slug>,
}

/// What a running server writes about itself into its data folder.
#[derive(Deserialize)]
struct ServerFile {
    url: Url,
    mcp_url: Option<Url>,
}

/// Finds both: flags, then the environment, then the project, then the data folder.
pub(super) fn find(lookup: &Lookup<'_>) -> Result<Found, CliError> {
    let project = Project::of(lookup.folder)?;
    let branch = project.as_ref().map_or(Ok(None), |project| project.config()?.branch())?;
    let named = named_url(lookup, project.as_ref())?;
    let given = named_credential(lookup)?;
    let (url, mcp_url, of_project) = if let Some(Named { url, of_project }) = named {
        (url, None, of_project)
    } else {
        let data_dir = (lookup.data_dir)()?;
        let running = running_on(&data_dir)?.ok_or_else(|| nothing_runs_on(&data_dir))?;
        (running.url, running.mcp_url, None)
    };
    let found = |credential, login| Found { url: url.clone(), mcp_url: mcp_url.clone(), credential, login, branch: branch.clone() };
    if let Some(Given { credential, variable }) = given {
        if let (Some(project), Some(variable)) = (&of_project, variable)
            && !is_loopback(&url)
            && !(lookup.knows)(&url)?
        {
            return Err(unknown_server(&url, project, variable));
        }
        return Ok(found(Some(credential), None));
    }
    if let Some(login) = (lookup.login)(&url)? {
        return Ok(found(Some(login.credential()?), Some(login)));
    }
    if let Some(key) = of_project.map_or(Ok(None), |project| project.key())? {
        return Ok(found(Some(Credential::from_text(&key)?), None));
    }
    // The local owner's key opens everything: it goes to the local server and to no other.
    let data_dir = (lookup.data_dir)()?;
    match running_on(&data_dir)? {
        Some(running) if same_server(&url, &running.url) => Ok(found(owner_key(&data_dir)?, None)),
        _ => Ok(found(None, None)),
    }
}

struct Named {
    url: Url,
    /// The project, where it is the project that names it.
    of_project: Option<Project>,
}

fn named_url(lookup: &Lookup<'_>, project: Option<&Project>) -> Result<Option<Named>, CliError> {
    let given = lookup.url_flag.map(|text| ("--url".to_owned(), text.to_owned()));
    if let Some((place, text)) = given.or_else(|| variable(lookup, "FLUXBASE_URL").map(|text| ("FLUXBASE_URL".to_owned(), text))) {
        return Ok(Some(Named { url: parse(&text, &place)?, of_project: None }));
    }
    let Some(project) = project else { return Ok(None) };
    let Some((place, text)) = project.url()? else { return Ok(None) };
    Ok(Some(Named { url: parse(&text, &place.display().to_string())?, of_project: Some(project.clone()) }))
}

/// A credential, and the variable that it stood in, where it was not the command line that gave it.
struct Given {
    credential: Credential,
    variable: Option<&'static str>,
}

fn named_credential(lookup: &Lookup<'_>) -> Result<Option<Given>, CliError> {
    let of_flag = lookup.key_flag.map(|text| (text.to_owned(), None));
    let of_variable = |name| variable(lookup, name).map(|text| (text, Some(name)));
    let given = of_flag.or_else(|| ["FLUXBASE_SERVICE_KEY", "FLUXBASE_API_KEY"].into_iter().find_map(of_variable));
    given.map(|(text, variable)| Ok(Given { credential: Credential::from_text(&text)?, variable })).transpose()
}

/// A folder that was checked out may name any server; a key of the environment was not meant for it.
fn unknown_server(url: &Url, project: &Project, variable: &str) -> CliError {
    let folder = project.folder().display();
    let message = format!("the key of {variable} is not sent to {url}: {folder} names that server, and you never did");
    CliError::local("unknown_server", message, Some("name the server with --url or FLUXBASE_URL, or for good with `fluxbase init --url`"))
}

fn variable(lookup: &Lookup<'_>, name: &str) -> Option<String> {
    (lookup.environment)(name).filter(|value| !value.trim().is_empty())
}

fn parse(text: &str, place: &str) -> Result<Url, CliError> {
    text.trim()
        .parse()
        .map_err(|error| CliError::Usage(format!("{place} is not the URL of a server ({error}); expected something like http://127.0.0.1:8080")))
}

fn running_on(data_dir: &Path) -> Result<Option<ServerFile>, CliError> {
    let file = server_file(data_dir);
    let Some(text) = read(&file)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| unusable(&file, &error))
}

fn owner_key(data_dir: &Path) -> Result<Option<Credential>, CliError> {
    Ok(read(&owner_key_file(data_dir))?.map(|text| Credential::from_text(&text)).transpose()?)
}

fn nothing_runs_on(data_dir: &Path) -> CliError {
    let message = format!("no Fluxbase is running on the data folder {}", data_dir.display());
    CliError::local("no_server", message, Some("start it with `fluxbase`, or name one with --url or FLUXBASE_URL"))
}

/// Whether two URLs lead to one server on this machine, or are the same place.
fn same_server(one: &Url, other: &Url) -> bool {
    let place = |url: &Url| (url.scheme().to_owned(), url.port_or_known_default());
    place(one) == place(other) && (one.host() == other.host() || (is_loopback(one) && is_loopback(other)))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
