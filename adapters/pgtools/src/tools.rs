//! PostgreSQL's own programs: whether they are there, and whether they fit the server.

use crate::child::{self, ChildError};
use std::{fmt, path::PathBuf};

/// The programs a clone needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// Path or name of `pg_dump`.
    pub pg_dump: PathBuf,
    /// Path or name of `pg_restore`.
    pub pg_restore: PathBuf,
}

/// What is wrong with one of them. Its text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolProblem {
    /// It is not there, or does not run.
    Missing {
        /// `pg_dump` or `pg_restore`.
        tool: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It belongs to another major version than the server.
    WrongMajor {
        /// `pg_dump` or `pg_restore`.
        tool: &'static str,
        /// Where it is.
        path: PathBuf,
        /// Its major version.
        found: u32,
        /// The server's.
        server: u32,
    },
}

impl fmt::Display for ToolProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { tool, path } => {
                write!(f, "{tool} was not found at '{}': branches need it; install PostgreSQL's client programs", path.display())
            }
            Self::WrongMajor { tool, path, found, server } => {
                write!(f, "{tool} at '{}' is of version {found}, the server of version {server}: ", path.display())?;
                write!(f, "branches need the programs of the server's own version; install PostgreSQL {server}'s client programs")
            }
        }
    }
}

impl Tools {
    /// Everything that is wrong with the programs, for a server of that major version; nothing when branches can be made.
    pub async fn problems(&self, server_major: u32) -> Vec<ToolProblem> {
        let mut problems = Vec::new();
        for (tool, path) in [("pg_dump", &self.pg_dump), ("pg_restore", &self.pg_restore)] {
            let mut command = child::command(path);
            command.arg("--version");
            match child::run(command, &[], |_| false).await.as_deref().map(major) {
                Ok(Some(found)) if found == server_major => {}
                Ok(Some(found)) => problems.push(ToolProblem::WrongMajor { tool, path: path.clone(), found, server: server_major }),
                Ok(None) | Err(ChildError::NotRun(_) | ChildError::Failed(_)) => problems.push(ToolProblem::Missing { tool, path: path.clone() }),
            }
        }
        problems
    }
}

/// The major version in `pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major(version: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(version);
    let number = text.split_once("(PostgreSQL) ")?.1;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{ToolProblem, Tools, major};

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major(b"pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major(b"pg_restore (PostgreSQL) 18.6\n"), Some(18));
        assert_eq!(major(b"pg_dump (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(major(b"something else"), None);
    }

    #[tokio::test]
    async fn each_missing_program_is_named() {
        let tools = Tools { pg_dump: "no/such/pg_dump".into(), pg_restore: "no/such/pg_restore".into() };
        let problems = tools.problems(15).await;
        assert!(matches!(problems[..], [ToolProblem::Missing { tool: "pg_dump", .. }, ToolProblem::Missing { tool: "pg_restore", .. }]));
        assert!(problems[0].to_string().contains("install"));
    }
}
