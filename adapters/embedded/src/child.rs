//! The one place where this crate names another program.

use std::{ffi::OsStr, process::Command};

/// A command for `program`, not started yet.
#[expect(clippy::disallowed_methods, reason = "this adapter is one of the two that own child processes")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}
