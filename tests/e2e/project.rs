//! A project's folder, and the command line in it.

use fluxbase_tests::{TestServer, fresh_id};
use serde_json::Value;
use std::{fs, path::Path, process::Output};

/// A project in a folder of its own, beside others that run at the same time.
pub(crate) struct Project {
    pub(crate) server: &'static TestServer,
    dir: tempfile::TempDir,
}

impl Project {
    pub(crate) async fn new() -> Self {
        let server = TestServer::shared().await;
        let project = Self { server, dir: tempfile::tempdir().unwrap() };
        fs::create_dir(project.path().join(".git")).unwrap();
        fs::write(project.path().join(".git/config"), "[remote \"origin\"]\n\turl = git@github.com:octo/repo.git\n").unwrap();
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.server.cli_in(self.path(), arguments).await;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    pub(crate) async fn ok(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = self.run(arguments).await;
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
        stdout
    }

    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[arguments, &["-o", "json"]].concat()).await).unwrap()
    }
}

/// A name that no other test has.
pub(crate) fn named(what: &str) -> String {
    format!("{what}-{}", &fresh_id().simple().to_string()[..8])
}
