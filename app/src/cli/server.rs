//! Finding the server that is meant, and the credential for it.

use super::failure::CliError;
use crate::serve::files::{owner_key_file, server_file};
use client::Credential;
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use url::{Host, Url};

/// The folder of a project that says which server it belongs to.
const PROJECT: &str = ".fluxbase";

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
}

/// What a running server writes about itself into its data folder.
#[derive(Deserialize)]
struct ServerFile {
    url: Url,
    mcp_url: Option<Url>,
}

/// Finds both: flags, then the environment, then the project, then the data folder.
pub(super) fn find(lookup: &Lookup<'_>) -> Result<Found, CliError> {
    let project = project_of(lookup.folder);
    let named = named_url(lookup, project.as_deref())?;
    let credential = named_credential(lookup)?;
    if let (Some(named), Some(credential)) = (&named, &credential) {
        return Ok(Found { url: named.url.clone(), mcp_url: None, credential: Some(credential.clone()) });
    }
    if let Some(Named { url, of_project: Some(project) }) = &named
        && let Some(key) = read(&project.join("key"))?
    {
        return Ok(Found { url: url.clone(), mcp_url: None, credential: Some(Credential::from_text(&key)?) });
    }
    let data_dir = (lookup.data_dir)()?;
    let running = running_on(&data_dir)?;
    match (named, running) {
        (None, None) => Err(nothing_runs_on(&data_dir)),
        (None, Some(running)) => {
            let credential = credential.map_or_else(|| owner_key(&data_dir), |credential| Ok(Some(credential)))?;
            Ok(Found { url: running.url, mcp_url: running.mcp_url, credential })
        }
        // The local owner's key opens everything: it goes to the local server and to no other.
        (Some(Named { url, .. }), Some(running)) if same_server(&url, &running.url) => {
            let credential = owner_key(&data_dir)?;
            Ok(Found { url, mcp_url: None, credential })
        }
        (Some(Named { url, .. }), _) => Ok(Found { url, mcp_url: None, credential }),
    }
}

struct Named {
    url: Url,
    /// The project's folder, where it is the project that names it.
    of_project: Option<PathBuf>,
}

fn named_url(lookup: &Lookup<'_>, project: Option<&Path>) -> Result<Option<Named>, CliError> {
    let given = lookup.url_flag.map(|text| ("--url".to_owned(), text.to_owned()));
    if let Some((place, text)) = given.or_else(|| variable(lookup, "FLUXBASE_URL").map(|text| ("FLUXBASE_URL".to_owned(), text))) {
        return Ok(Some(Named { url: parse(&text, &place)?, of_project: None }));
    }
    let Some(project) = project else { return Ok(None) };
    let Some((place, text)) = project_url(project)? else { return Ok(None) };
    Ok(Some(Named { url: parse(&text, &place.display().to_string())?, of_project: Some(project.to_owned()) }))
}

fn named_credential(lookup: &Lookup<'_>) -> Result<Option<Credential>, CliError> {
    let given = lookup.key_flag.map(str::to_owned);
    let text = given.or_else(|| ["FLUXBASE_SERVICE_KEY", "FLUXBASE_API_KEY"].into_iter().find_map(|name| variable(lookup, name)));
    Ok(text.map(|text| Credential::from_text(&text)).transpose()?)
}

fn variable(lookup: &Lookup<'_>, name: &str) -> Option<String> {
    (lookup.environment)(name).filter(|value| !value.trim().is_empty())
}

fn parse(text: &str, place: &str) -> Result<Url, CliError> {
    text.trim()
        .parse()
        .map_err(|error| CliError::Usage(format!("{place} is not the URL of a server ({error}); expected something like http://127.0.0.1:8080")))
}

/// The nearest project folder, from the working folder upwards.
fn project_of(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(PROJECT)).find(|project| ["config.json", "url"].iter().any(|file| project.join(file).is_file()))
}

/// The project's server, and the file that names it.
fn project_url(project: &Path) -> Result<Option<(PathBuf, String)>, CliError> {
    #[derive(Deserialize)]
    struct Config {
        url: Option<String>,
    }
    let config = project.join("config.json");
    if let Some(text) = read(&config)? {
        let read: Config = serde_json::from_str(&text).map_err(|error| unusable(&config, &error))?;
        if let Some(url) = read.url {
            return Ok(Some((config, url)));
        }
    }
    let plain = project.join("url");
    Ok(read(&plain)?.map(|url| (plain, url)))
}

fn running_on(data_dir: &Path) -> Result<Option<ServerFile>, CliError> {
    let file = server_file(data_dir);
    let Some(text) = read(&file)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| unusable(&file, &error))
}

fn owner_key(data_dir: &Path) -> Result<Option<Credential>, CliError> {
    Ok(read(&owner_key_file(data_dir))?.map(|text| Credential::from_text(&text)).transpose()?)
}

/// A file's text; `None` where there is no file.
fn read(path: &Path) -> Result<Option<String>, CliError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => {
            let hint = "run this as the user who started the server, or name the server and a key with --url and --key";
            Err(CliError::local("unreadable", format!("cannot read {}: {error}", path.display()), Some(hint)))
        }
    }
}

fn unusable(path: &Path, error: &serde_json::Error) -> CliError {
    CliError::local("unreadable", format!("{} cannot be understood: {error}", path.display()), None)
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
