use super::{Found, Lookup, find};
use crate::cli::{failure::CliError, logins::Login};
use client::Credential;
use std::{collections::HashMap, fs, path::PathBuf};
use tempfile::TempDir;

/// A machine: a project two folders up from the working folder, and a server on a data folder.
struct Machine {
    dir: TempDir,
    environment: HashMap<&'static str, &'static str>,
    logged_in_at: Option<&'static str>,
    known: Option<&'static str>,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("project/src/deep")).unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        Self { dir, environment: HashMap::new(), logged_in_at: None, known: None }
    }

    fn write(self, path: &str, text: &str) -> Self {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn with_server(self) -> Self {
        self.write("data/server.json", r#"{"url":"http://127.0.0.1:8080","mcp_url":"http://127.0.0.1:8080/mcp","pid":1,"data_dir":"/d"}"#)
            .write("data/owner-key", "sb_service_owner\n")
    }

    fn with_project(self) -> Self {
        self.write("project/.fluxbase/config.json", r#"{"url":"http://project:1","branch":"x"}"#)
    }

    fn set(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.insert(name, value);
        self
    }

    fn find(&self, url_flag: Option<&str>, key_flag: Option<&str>) -> Result<Found, CliError> {
        let data_dir: PathBuf = self.dir.path().join("data");
        find(&Lookup {
            url_flag,
            key_flag,
            environment: &|name| self.environment.get(name).map(|value| (*value).to_owned()),
            folder: &self.dir.path().join("project/src/deep"),
            data_dir: &|| Ok(data_dir.clone()),
            knows: &|url| Ok(self.known == Some(url.as_str())),
            login: &|url| Ok(self.logged_in_at.filter(|at| *at == url.as_str()).map(|_| Login::Key { key: "fb_pk_login".to_owned() })),
        })
    }

    fn found(&self, url_flag: Option<&str>, key_flag: Option<&str>) -> (String, Option<String>) {
        let found = self.find(url_flag, key_flag).unwrap();
        (found.url.to_string(), found.credential.as_ref().map(value))
    }
}

fn value(credential: &Credential) -> String {
    credential.header_value().expose().to_owned()
}

fn pair(url: &str, key: Option<&str>) -> (String, Option<String>) {
    (url.to_owned(), key.map(str::to_owned))
}

#[test]
fn each_place_gives_way_to_the_one_before() {
    let machine = Machine::new().with_server();
    assert_eq!(machine.found(None, None), pair("http://127.0.0.1:8080/", Some("sb_service_owner")));
    let mut machine = machine.with_project().set("FLUXBASE_API_KEY", "fb_pk_env");
    machine.known = Some("http://project:1/");
    assert_eq!(machine.found(None, None), pair("http://project:1/", Some("fb_pk_env")));
    let machine = machine.set("FLUXBASE_URL", "http://env:2").set("FLUXBASE_SERVICE_KEY", "sb_service_env");
    assert_eq!(machine.found(None, None), pair("http://env:2/", Some("sb_service_env")));
    assert_eq!(machine.found(Some("http://flag:3"), Some("fb_pk_flag")), pair("http://flag:3/", Some("fb_pk_flag")));
}

#[test]
fn an_empty_variable_is_none() {
    let machine = Machine::new().with_server().set("FLUXBASE_URL", "").set("FLUXBASE_SERVICE_KEY", " ");
    assert_eq!(machine.found(None, None), pair("http://127.0.0.1:8080/", Some("sb_service_owner")));
}

#[test]
fn the_owners_key_goes_to_the_local_server_only() {
    let machine = Machine::new().with_server();
    for url in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080/"] {
        assert_eq!(machine.found(Some(url), None).1.as_deref(), Some("sb_service_owner"), "{url}");
    }
    for url in ["http://127.0.0.1:8081", "http://example.com:8080", "https://127.0.0.1:8080", "http://127.0.0.1.example.com:8080"] {
        assert_eq!(machine.found(Some(url), None).1, None, "{url}");
    }
    assert_eq!(machine.with_project().found(None, None), pair("http://project:1/", None));
}

#[test]
fn a_projects_key_goes_to_the_projects_server_only() {
    let machine = Machine::new().with_server().with_project().write("project/.fluxbase/key", "fb_pk_project\n");
    assert_eq!(machine.found(None, None), pair("http://project:1/", Some("fb_pk_project")));
    assert_eq!(machine.found(Some("http://flag:3"), None), pair("http://flag:3/", None));
}

#[test]
fn a_key_of_the_environment_goes_to_no_server_that_only_a_folder_names() {
    let mut machine = Machine::new().with_project().set("FLUXBASE_SERVICE_KEY", "sb_service_env");
    let refused = machine.find(None, None).unwrap_err();
    assert!(matches!(&refused, CliError::Local { code: "unknown_server", hint: Some(hint), .. } if hint.contains("--url")), "{refused}");
    assert!(refused.to_string().contains("http://project:1/") && !refused.to_string().contains("sb_service"), "{refused}");
    let named = pair("http://project:1/", Some("sb_service_env"));
    assert_eq!(machine.found(Some("http://project:1"), None), named);
    assert_eq!(machine.found(None, Some("fb_pk_flag")), pair("http://project:1/", Some("fb_pk_flag")));
    machine.known = Some("http://project:1/");
    assert_eq!(machine.found(None, None), named);
    let machine = machine.write("project/.fluxbase/config.json", r#"{"url":"http://localhost:1"}"#);
    assert_eq!(machine.found(None, None), pair("http://localhost:1/", Some("sb_service_env")));
}

#[test]
fn a_project_may_name_its_server_in_a_line_of_text() {
    let machine = Machine::new().write("project/.fluxbase/url", "http://plain:4\n");
    assert_eq!(machine.found(None, Some("fb_pk_flag")).0, "http://plain:4/");
}

#[test]
fn no_server_at_all_says_how_to_start_one() {
    let error = Machine::new().find(None, None).unwrap_err();
    assert!(matches!(&error, CliError::Local { code: "no_server", hint: Some(hint), .. } if hint.contains("`fluxbase`")), "{error}");
}

#[test]
fn what_is_no_url_and_what_is_no_key_are_usage() {
    let machine = Machine::new();
    for error in [machine.find(Some("nowhere"), Some("fb_pk_a")).unwrap_err(), machine.find(Some("http://a"), Some("a b")).unwrap_err()] {
        assert_eq!(error.exit_code(), 2, "{error}");
    }
}

#[test]
fn who_signed_in_comes_before_files_and_after_what_is_given() {
    let machine = Machine::new().with_server().with_project().write("project/.fluxbase/key", "fb_pk_project\n");
    let mut machine = machine.set("FLUXBASE_URL", "");
    machine.logged_in_at = Some("http://project:1/");
    assert_eq!(machine.found(None, None).1.as_deref(), Some("fb_pk_login"));
    assert_eq!(machine.found(None, Some("fb_pk_flag")).1.as_deref(), Some("fb_pk_flag"));
    assert_eq!(machine.found(Some("http://127.0.0.1:8080"), None).1.as_deref(), Some("sb_service_owner"), "another server, another login");
}

#[test]
fn the_branch_that_a_project_is_switched_to_is_found() {
    let machine = Machine::new().with_server().with_project();
    assert_eq!(machine.find(None, Some("fb_pk_a")).unwrap().branch.unwrap().as_str(), "x");
    assert!(Machine::new().with_server().find(None, None).unwrap().branch.is_none());
}
