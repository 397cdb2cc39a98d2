//! How results and remarks are written.

use super::failure::CliError;
use serde_json::Value;
use std::io::{self, IsTerminal, Write};

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    // For people. These are no doc comments, for clap would spread them over six lines of every help text.
    #[default]
    Table,
    // One document.
    Json,
    // One document.
    Yaml,
}

/// Writes a result to standard output.
pub(super) fn print(format: Format, document: &Value, table: impl FnOnce() -> String) -> Result<(), CliError> {
    let text = match format {
        Format::Table => table(),
        Format::Json => serde_json::to_string_pretty(document).expect("a JSON value is JSON"),
        Format::Yaml => serde_yaml_ng::to_string(document).expect("a JSON value is YAML"),
    };
    print_text(&text)
}

/// Writes text to standard output, and one end of line after it.
pub(super) fn print_text(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{}", text.trim_end_matches('\n')).and_then(|()| stdout.flush()) {
        // Whoever was reading has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CliError::local("no_output", format!("cannot write the result: {error}"), None)),
        Ok(()) => Ok(()),
    }
}

/// Writes a line to standard error. Nobody may be reading it, and that is no reason to stop.
pub(super) fn write_stderr(text: &str) {
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Whether results may have colours: on a terminal whose user did not ask for none.
pub(super) fn colours() -> bool {
    let asked_for_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    io::stdout().is_terminal() && !asked_for_none && !dumb
}
