//! How results and remarks are written.

use super::failure::CliError;
use domain::unseen::is_unseen;
use serde_json::Value;
use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
};

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
    let text = text.trim_end_matches('\n');
    // A file, or another program, gets what was written.
    let shown = if stdout.is_terminal() { harmless(text) } else { Cow::Borrowed(text) };
    match writeln!(stdout, "{shown}").and_then(|()| stdout.flush()) {
        // Whoever was reading has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CliError::local("no_output", format!("cannot write the result: {error}"), None)),
        Ok(()) => Ok(()),
    }
}

/// Writes a line to standard error. Nobody may be reading it, and that is no reason to stop.
pub(super) fn write_stderr(text: &str) {
    let _ = io::stderr().write_all(format!("{}\n", harmless(text)).as_bytes());
}

/// Text as it may go to a terminal. What people called their tables, wrote into comments and raised as errors may hold sequences that clear the screen, write over what
/// stands there or turn the direction of reading round: such characters are told by their code points. Colours stay.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_meant = |c: char| !is_unseen(c) || c == '\n' || c == '\t';
    if text.chars().all(is_meant) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = colour(rest).unwrap_or(c.len_utf8());
        match &rest[..taken] {
            piece if taken > c.len_utf8() || is_meant(c) => shown.push_str(piece),
            piece => shown.extend(piece.escape_unicode()),
        }
        rest = &rest[taken..];
    }
    shown.into()
}

/// How many bytes a change of colour takes that the text begins with.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    parameters[end..].starts_with('m').then_some("\u{1b}[".len() + end + 1)
}

/// Whether results may have colours: on a terminal whose user did not ask for none.
pub(super) fn colours() -> bool {
    let asked_for_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    io::stdout().is_terminal() && !asked_for_none && !dumb
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_would_act_on_a_terminal_is_told_and_does_not() {
        for (text, shown) in [
            ("a\tb\nc é 漢", "a\tb\nc é 漢"),
            ("\u{1b}[2J\u{1b}]0;owned\u{7}", "\\u{1b}[2J\\u{1b}]0;owned\\u{7}"),
            ("over\rwritten", "over\\u{d}written"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
            ("\u{1b}[1m\u{1b}[38;5;9mbold\u{1b}[0m", "\u{1b}[1m\u{1b}[38;5;9mbold\u{1b}[0m"),
            ("\u{1b}[1", "\\u{1b}[1"),
            ("\u{9b}2J", "\\u{9b}2J"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }
}
