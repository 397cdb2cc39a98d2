//! What `pg_dump` says of a database, less what a branch may differ in.

use serde_json::Value;
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::Command,
};

/// Who asks which server.
pub(crate) struct Dumps {
    pub(crate) tools: PathBuf,
    /// The superuser's URL, without a database.
    pub(crate) server: url::Url,
}

/// The lines that are compared.
pub(crate) type Lines = Vec<String>;

impl Dumps {
    /// Everything, as text.
    pub(crate) fn raw(&self, database: &str, arguments: &[&str]) -> String {
        let mut url = self.server.clone();
        url.set_path(database);
        let output = program(&self.tools.join("pg_dump"), arguments, url).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What must be equal in a parent and its clone: all of it but owners and their rights, the control plane, the guard of psql, what a branch never has on
    /// purpose (user mappings, publications), and what the branch's own report says is withheld.
    pub(crate) fn lines(&self, database: &str, schema_only: bool, withheld: &[String]) -> Lines {
        let mut arguments =
            vec!["--no-owner", "--no-publications", "--no-subscriptions", "-N", "branching", "-N", "fluxbase", "-N", "fluxbase_migrations"];
        // What pgbench writes while others look is looked at otherwise.
        arguments.push("--exclude-table-data=bench.*");
        arguments.extend(schema_only.then_some("--schema-only"));
        let text = self.raw(database, &arguments);
        let mut kept = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("CREATE USER MAPPING") || withheld.iter().any(|start| line.starts_with(start)) {
                // To the end of the statement.
                let mut last = line;
                while !last.ends_with(';') && !last.starts_with("--") {
                    last = lines.next().unwrap();
                }
                continue;
            }
            if !is_noise(line) {
                kept.push(line.to_owned());
            }
        }
        // Several grants on one object come in the order in which they were made.
        for some in kept.chunk_by_mut(|one, next| is_grant(one) && is_grant(next)).filter(|some| some.len() > 1) {
            some.sort();
        }
        kept
    }
}

/// One of PostgreSQL's programs, on a database.
#[expect(clippy::disallowed_methods, reason = "the proof of a clone, and the load, are PostgreSQL's own programs")]
pub(crate) fn program(path: &Path, arguments: &[&str], mut database: url::Url) -> Command {
    let password = percent_encoding::percent_decode_str(database.password().unwrap_or_default()).decode_utf8_lossy().into_owned();
    database.set_password(None).unwrap();
    let mut command = Command::new(path);
    command.args(arguments).arg(database.as_str()).env("PGPASSWORD", password);
    command
}

/// What begins the lines in a dump of what a branch has not: by its report, and the control plane's own event triggers.
pub(crate) fn withheld_lines(branch: &Value) -> Vec<String> {
    let mut starts = event_trigger_lines("fluxbase_catalogue_");
    for entry in branch["withheld"].as_array().unwrap().iter().filter(|entry| entry["rows"] == "object") {
        let name = entry["table"].as_str().unwrap().split_once('.').unwrap().1;
        match entry["kind"].as_str().unwrap() {
            "event trigger" => starts.extend(event_trigger_lines(name)),
            // The only one in these tests.
            "grant on table" => {
                starts.extend(["GRANT SELECT ON TABLE pg_catalog.pg_statistic", "-- Name: TABLE pg_statistic; Type: ACL"].map(str::to_owned));
            }
            kind => panic!("{kind} is withheld: {entry}"),
        }
    }
    starts
}

fn event_trigger_lines(name: &str) -> Vec<String> {
    let starts = ["CREATE EVENT TRIGGER", "ALTER EVENT TRIGGER", "COMMENT ON EVENT TRIGGER", "-- Name: EVENT TRIGGER", "-- Name:"];
    starts.iter().map(|start| format!("{start} {name}")).collect()
}

fn is_grant(line: &str) -> bool {
    ["GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES "].iter().any(|start| line.starts_with(start))
}

/// Lines that say nothing of the database, or only of whose it is.
fn is_noise(line: &str) -> bool {
    let whose = ["\\restrict", "\\unrestrict", "-- Dumped"];
    line.is_empty()
        || line == "--"
        || whose.iter().any(|start| line.starts_with(start))
        || (line.starts_with("-- Name: ") && line.contains("; Type: USER MAPPING"))
        // A branch's owner makes its foreign servers itself.
        || (line.contains("FOREIGN DATA WRAPPER ") && (line.contains("; Type: ACL") || line.ends_with(" TO fluxbase_branch_owner;")))
        // Schema public has another owner than initdb gave it.
        || line.contains("Name: public; Type: SCHEMA")
        || line.contains("since initdb creates it")
}

/// Fails with what is only in one of them.
pub(crate) fn assert_equal(what: &str, parent: &Lines, copy: &Lines, owner: &str) {
    let by_role = |lines: &Lines| -> Lines { lines.iter().map(|line| of_the_one_owner(line, owner)).collect() };
    let (ours, copy) = (by_role(parent), by_role(copy));
    if ours == copy {
        return;
    }
    let (left, right): (HashSet<_>, HashSet<_>) = (ours.iter().collect(), copy.iter().collect());
    let missing: Vec<_> = ours.iter().filter(|line| !right.contains(line)).take(40).collect();
    let new: Vec<_> = copy.iter().filter(|line| !left.contains(line)).take(40).collect();
    let moved = ours.iter().zip(&copy).find(|(one, other)| one != other);
    panic!("{what}: only in the parent {missing:#?}\nonly in the copy {new:#?}\nfirst unlike lines {moved:#?}");
}

/// The parent's owner is the owner of branches there: in its default grants, and where it takes something from itself.
fn of_the_one_owner(line: &str, owner: &str) -> String {
    let mut line = line.replace(&format!("FOR ROLE {owner} "), "FOR ROLE fluxbase_branch_owner ");
    for word in ["TO", "FROM"] {
        if let Some(start) = line.strip_suffix(&format!(" {word} {owner};")).filter(|_| is_grant(&line)) {
            line = format!("{start} {word} fluxbase_branch_owner;");
        }
    }
    line
}
