//! What a probe found missing, and the way round.

use serde::Serialize;
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Fluxbase does not start.
    Blocking,
    /// Something works less well, or not at all.
    Degraded,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is missing, and what follows from it.
    pub what: String,
    /// What to do, or what Fluxbase does instead.
    pub way_round: String,
}

impl Finding {
    pub(super) fn blocking(code: &'static str, what: impl Into<String>, way_round: impl Into<String>) -> Self {
        Self { code, severity: Severity::Blocking, what: what.into(), way_round: way_round.into() }
    }

    pub(super) fn degraded(code: &'static str, what: impl Into<String>, way_round: impl Into<String>) -> Self {
        Self { code, severity: Severity::Degraded, what: what.into(), way_round: way_round.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.way_round)
    }
}
