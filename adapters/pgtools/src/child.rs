//! Child processes: fed, heard out, and ended with whoever waits for them.

use crate::error::raised_in;
use std::{collections::VecDeque, path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

/// How many lines of what a child complained of are kept.
const COMPLAINTS: usize = 40;

/// Why a child's work came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    /// It could not be started or heard.
    #[error("the program could not be run")]
    NotRun(#[source] std::io::Error),
    /// It ended with an error; what it said, without the statements it quotes.
    #[error("{0}")]
    Failed(String),
}

/// A child that is killed when nobody waits for it any more, and that takes nothing about PostgreSQL from our own environment.
#[expect(clippy::disallowed_methods, reason = "the adapter whose technology is PostgreSQL's programs")]
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").env("LANGUAGE", "").kill_on_drop(true);
    command
}

/// Runs a child to its end and gives what it wrote. `heard` is asked about each line of stderr; a line that it takes is no complaint.
pub(crate) async fn run(mut command: Command, input: &[u8], mut heard: impl FnMut(&str) -> bool) -> Result<Vec<u8>, ChildError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(ChildError::NotRun)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        let mut stdin = stdin.expect("piped");
        // A child that ends early says why on stderr; the broken pipe only says that it ended.
        let _ = stdin.write_all(input).await;
    };
    let read = async {
        let mut output = Vec::new();
        stdout.expect("piped").read_to_end(&mut output).await.map(|_| output)
    };
    let listen = async {
        let mut complaints: VecDeque<String> = VecDeque::new();
        // Whether the last of them is the server's, and nothing was heard yet of who raised it.
        let mut of_the_server = false;
        let mut lines = BufReader::new(stderr.expect("piped")).split(b'\n');
        while let Some(line) = lines.next_segment().await? {
            let line = String::from_utf8_lossy(&line).into_owned();
            if heard(&line) {
                continue;
            }
            if is_complaint(&line) {
                of_the_server = line.contains(EXECUTED);
                complaints.push_back(line);
            } else if let Some(raised) = raised_in(&line).filter(|_| of_the_server) {
                of_the_server = false;
                let complaint = complaints.back_mut().expect("it is the server's");
                complaint.truncate(complaint.find(EXECUTED).unwrap_or_default() + EXECUTED.len());
                complaint.push_str(&raised);
            }
            if complaints.len() > COMPLAINTS {
                complaints.pop_front();
            }
        }
        Ok::<_, std::io::Error>(complaints)
    };
    let ((), output, complaints) = tokio::join!(feed, read, listen);
    let status = child.wait().await.map_err(ChildError::NotRun)?;
    let complaints = Vec::from(complaints.map_err(ChildError::NotRun)?);
    if status.success() {
        return output.map_err(ChildError::NotRun);
    }
    Err(ChildError::Failed(if complaints.is_empty() { format!("it ended with {status}") } else { complaints.join("; ") }))
}

/// What a program says before what the server said.
const EXECUTED: &str = "could not execute query: ";

/// The statement that failed is quoted too (`Command was: ..`), over several lines: it may hold options of foreign servers, and is left out.
fn is_complaint(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(_, rest)| ["error: ", "warning: ", "hint: ", "from TOC entry "].iter().any(|kind| rest.starts_with(kind)))
}

#[cfg(test)]
mod tests {
    use super::{ChildError, command, run};
    use std::path::Path;

    fn shell(script: &str) -> tokio::process::Command {
        let mut command = command(Path::new("sh"));
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn input_output_and_the_spoken_lines_are_told_apart() {
        let mut created = 0;
        let output = run(shell("cat; echo 'pg_restore: creating TABLE' >&2"), b"archive", |line| {
            let is = line.contains("creating");
            created += usize::from(is);
            is
        });
        assert_eq!(output.await.unwrap(), b"archive");
        assert_eq!(created, 1);
    }

    #[tokio::test]
    async fn what_a_function_raises_is_not_told_but_which_it_was() {
        for (context, by) in [
            ("CONTEXT:  PL/pgSQL function app.f(text) line 3 at RAISE", "PL/pgSQL function app.f(text) line 3 at RAISE"),
            ("KONTEXT:  PL/pgSQL-Funktion app.f(text) Zeile 3 bei RAISE", "PL/pgSQL-Funktion app.f(text) Zeile 3 bei RAISE"),
            ("CONTEXT:  PL/Perl function \"f\"", "PL/Perl function \"f\""),
        ] {
            let said = format!("pg_restore: error: could not execute query: ERROR:  Alice\nof Wonderland\n{context}\nPL/Perl function \"outer\"");
            let ChildError::Failed(said) = run(shell(&format!("echo '{said}' >&2; exit 1")), b"", |_| false).await.unwrap_err() else { panic!() };
            assert_eq!(said, format!("pg_restore: error: could not execute query: {by} raises an error, whose text may be of rows and is not shown"));
        }
        // The server's own words are.
        let said =
            "pg_restore: error: could not execute query: ERROR:  function g() does not exist\nCONTEXT:  PL/pgSQL function f() line 1 at assignment";
        let ChildError::Failed(said) = run(shell(&format!("echo '{said}' >&2; exit 1")), b"", |_| false).await.unwrap_err() else { panic!() };
        assert!(said.ends_with("function g() does not exist"), "{said}");
    }

    #[tokio::test]
    async fn a_failure_tells_what_was_said_without_the_statement() {
        let script = "echo 'pg_restore: error: no such role' >&2; echo 'Command was: CREATE SERVER x OPTIONS (password secret)' >&2; exit 1";
        let ChildError::Failed(said) = run(shell(script), b"", |_| false).await.unwrap_err() else { panic!() };
        assert_eq!(said, "pg_restore: error: no such role");
    }
}
