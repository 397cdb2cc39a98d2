//! Definitions: dumped from the parent in one snapshot, restored into the branch by its owner.

use crate::{
    child::{self, ChildError},
    error::{refused, retryable},
    meter::Meter,
    settings::{OWNER_ROLE, Settings},
    toc::Contents,
};
use ports::driven::{BuildError, BuildRequest, LoginPurpose};
use std::io::Write;

/// How a section is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In one transaction.
    AtOnce,
    /// Each statement by itself.
    OneByOne,
    /// So many statements at the same time.
    InParallel(usize),
}

/// A schema-only dump. It lies in memory: no rows are in it, and nothing is left on disk when the process is killed.
pub(crate) struct Definitions {
    archive: Vec<u8>,
    pub(crate) contents: Contents,
}

impl Definitions {
    /// Reads the dump's table of contents. `schemas` exist in the branch already.
    pub(crate) async fn open(settings: &Settings, archive: Vec<u8>, schemas: &[&str]) -> Result<Self, BuildError> {
        let mut command = child::command(&settings.tools.pg_restore);
        command.arg("--list");
        let list = child::run(command, &archive, |_| false).await.map_err(|error| failed("reading the dump", &error))?;
        Ok(Self { contents: Contents::sort(&String::from_utf8_lossy(&list), schemas), archive })
    }

    /// Types, tables, functions, views: what rows need to be there.
    pub(crate) async fn restore_before_rows(&self, settings: &Settings, request: &BuildRequest, meter: &Meter) -> Result<(), BuildError> {
        self.restore(settings, request, "pre-data", &self.contents.before_policies, Way::AtOnce, meter).await
    }

    /// Indexes, constraints, triggers, rules: every key is checked as it is made. Over many rows several are made at the same time.
    pub(crate) async fn restore_after_rows(
        &self,
        settings: &Settings,
        request: &BuildRequest,
        streams: usize,
        meter: &Meter,
    ) -> Result<(), BuildError> {
        let way = if streams > 1 { Way::InParallel(streams) } else { Way::AtOnce };
        self.restore(settings, request, "post-data", &self.contents.before_policies, way, meter).await
    }

    /// Policies, and the tables that keep them.
    pub(crate) async fn restore_policies(&self, settings: &Settings, request: &BuildRequest, meter: &Meter) -> Result<(), BuildError> {
        self.restore(settings, request, "post-data", &self.contents.policies, Way::AtOnce, meter).await
    }

    async fn restore(
        &self,
        settings: &Settings,
        request: &BuildRequest,
        section: &str,
        list: &str,
        way: Way,
        meter: &Meter,
    ) -> Result<(), BuildError> {
        match self.restore_once(settings, request, section, list, way, meter).await {
            // One transaction is much quicker, and it came to nothing as a whole.
            Err(ChildError::Failed(said)) if said.contains("out of shared memory") && way == Way::AtOnce => {
                self.restore_once(settings, request, section, list, Way::OneByOne, meter).await
            }
            outcome => outcome,
        }
        .map_err(|error| failed("restoring the parent's definitions", &error))
    }

    async fn restore_once(
        &self,
        settings: &Settings,
        request: &BuildRequest,
        section: &str,
        list: &str,
        way: Way,
        meter: &Meter,
    ) -> Result<(), ChildError> {
        let mut entries = tempfile::NamedTempFile::new().map_err(ChildError::NotRun)?;
        entries.write_all(list.as_bytes()).map_err(ChildError::NotRun)?;
        let mut command = child::command(&settings.tools.pg_restore);
        let options = "-c synchronous_commit=off -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 \
                       -c default_transaction_read_only=off -c client_min_messages=warning -c maintenance_work_mem=192MB";
        child::connect(&mut command, &settings.server, &settings.login(LoginPurpose::Builder, &request.target.database), options);
        command.arg(format!("--dbname={}", connection_string(request.target.database.as_str())));
        command.args(["--no-owner", "--no-privileges", "--no-tablespaces", "--exit-on-error", "--verbose"]);
        command.arg(format!("--role={OWNER_ROLE}")).arg(format!("--section={section}")).arg("--use-list").arg(entries.path());
        // Several workers read the dump wherever they need it: it has to be a file. No rows are in it.
        let mut file = tempfile::NamedTempFile::new().map_err(ChildError::NotRun)?;
        let mut input = &self.archive[..];
        match way {
            Way::AtOnce => drop(command.arg("--single-transaction")),
            Way::OneByOne => {}
            Way::InParallel(jobs) => {
                file.write_all(&self.archive).map_err(ChildError::NotRun)?;
                command.arg(format!("--jobs={jobs}")).arg(file.path());
                input = &[];
            }
        }
        let heard = |line: &str| {
            let created = line.starts_with("pg_restore: creating ");
            meter.add(u64::from(created));
            created
        };
        child::run(command, input, heard).await.map(|_| ())
    }
}

/// A name by itself would be taken apart where it holds a `=`.
fn connection_string(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', r"\\").replace('\'', r"\'"))
}

/// What the programs say is text; what speaks of the moment may be tried again.
fn failed(doing: &str, error: &ChildError) -> BuildError {
    const OF_THE_MOMENT: [&str; 9] =
        ["connection", "terminat", "timeout", "deadlock", "No space left", "out of shared memory", "out of memory", "shutting down", "starting up"];
    match error {
        ChildError::NotRun(cause) => retryable(format!("{doing}: the program could not be run: {cause}")),
        ChildError::Failed(said) if OF_THE_MOMENT.iter().any(|sign| said.contains(sign)) => retryable(format!("{doing}: {said}")),
        ChildError::Failed(said) => refused("definitions_refused", format!("{doing}: {said}")),
    }
}
