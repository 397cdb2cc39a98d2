//! What `pg_dump` says of a database, less what a branch may differ in.

use sqlx::PgPool;
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
    #[expect(clippy::disallowed_methods, reason = "the proof of a clone is PostgreSQL's own dump")]
    pub(crate) fn raw(&self, database: &str, arguments: &[&str]) -> String {
        let mut url = self.server.clone();
        url.set_path(database);
        let password = url.password().unwrap_or_default().to_owned();
        url.set_password(None).unwrap();
        let mut command = Command::new(self.tools.join("pg_dump"));
        command.args(arguments).arg(url.as_str()).env("PGPASSWORD", percent_encoding::percent_decode_str(&password).decode_utf8_lossy().as_ref());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What must be equal in a parent and its clone: all of it but owners and their rights, the control plane, the guard of psql, and what a branch never
    /// has on purpose: user mappings, publications, event triggers (whoever owns a branch could replace their functions, which a superuser who looks into
    /// the branch would run).
    pub(crate) fn lines(&self, database: &str, schema_only: bool) -> Lines {
        let mut arguments =
            vec!["--no-owner", "--no-publications", "--no-subscriptions", "-N", "branching", "-N", "fluxbase", "-N", "fluxbase_migrations"];
        arguments.extend(schema_only.then_some("--schema-only"));
        let text = self.raw(database, &arguments);
        let mut kept = Vec::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if line.starts_with("CREATE USER MAPPING") || line.starts_with("CREATE EVENT TRIGGER") {
                // To the end of the statement.
                let mut last = line;
                while !last.ends_with(';') {
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

fn is_grant(line: &str) -> bool {
    ["GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES "].iter().any(|start| line.starts_with(start))
}

/// Lines that say nothing of the database, or only of whose it is.
fn is_noise(line: &str) -> bool {
    let whose = ["\\restrict", "\\unrestrict", "-- Dumped", "ALTER EVENT TRIGGER ", "COMMENT ON EVENT TRIGGER "];
    line.is_empty()
        || line == "--"
        || whose.iter().any(|start| line.starts_with(start))
        || (line.starts_with("-- Name: ") && (line.contains("USER MAPPING") || line.contains("EVENT TRIGGER")) )
        // A branch's owner makes its foreign servers itself.
        || line.contains("FOREIGN DATA WRAPPER postgres_fdw; Type: ACL")
        || line.starts_with("GRANT ALL ON FOREIGN DATA WRAPPER postgres_fdw TO ")
        // Schema public has another owner than initdb gave it.
        || line.contains("Name: public; Type: SCHEMA")
        || line.contains("since initdb creates it")
}

/// Fails with what is only in one of them.
pub(crate) fn assert_equal(what: &str, parent: &Lines, copy: &Lines, owner: &str) {
    let ours: Lines = parent.iter().map(|line| line.replace(&format!("FOR ROLE {owner} "), "FOR ROLE fluxbase_branch_owner ")).collect();
    if ours == *copy {
        return;
    }
    let (left, right): (HashSet<_>, HashSet<_>) = (ours.iter().collect(), copy.iter().collect());
    let missing: Vec<_> = ours.iter().filter(|line| !right.contains(line)).take(40).collect();
    let new: Vec<_> = copy.iter().filter(|line| !left.contains(line)).take(40).collect();
    let moved = ours.iter().zip(copy).find(|(one, other)| one != other);
    panic!("{what}: only in the parent {missing:#?}\nonly in the copy {new:#?}\nfirst unlike lines {moved:#?}");
}

/// Whether any file of that database holds these bytes, after all of it was written out.
pub(crate) async fn found_in_files(superuser: &PgPool, database: &str, needles: &[&str]) -> Vec<String> {
    sqlx::raw_sql("checkpoint").execute(superuser).await.unwrap();
    let (folder, oid): (String, i64) = sqlx::query_as("select current_setting('data_directory'), oid::int8 from pg_database where datname = $1")
        .bind(database)
        .fetch_one(superuser)
        .await
        .unwrap();
    let folder = Path::new(&folder).join("base").join(oid.to_string());
    let mut found = Vec::new();
    let mut files = 0;
    for entry in folder.read_dir().unwrap() {
        let entry = entry.unwrap();
        // A file may go while we look.
        let Ok(bytes) = std::fs::read(entry.path()) else { continue };
        files += 1;
        for needle in needles {
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                found.push(format!("{needle} in {}", entry.path().display()));
            }
        }
    }
    assert!(files > 200, "{} is a database's folder", folder.display());
    found
}
