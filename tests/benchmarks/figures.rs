//! What one measurement says.

use std::{fmt, time::Duration};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The same query by pgbench, as the login of user traffic, over the socket that the server goes by.
    PgbenchSocket,
    /// The same over TCP, as `fluxbase db url` has it and as servers go to a PostgreSQL that is not theirs.
    PgbenchTcp,
    /// `GET /api/v1/tables/users`.
    Rest,
    /// `tools/call query_table`.
    Mcp,
}

impl Subject {
    pub(crate) const ALL: [Self; 4] = [Self::PgbenchSocket, Self::PgbenchTcp, Self::Rest, Self::Mcp];

    /// Whether it asks Fluxbase.
    pub(crate) const fn asks_fluxbase(self) -> bool {
        matches!(self, Self::Rest | Self::Mcp)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::PgbenchSocket => "pgbench, socket",
            Self::PgbenchTcp => "pgbench, TCP",
            Self::Rest => "REST",
            Self::Mcp => "MCP",
        }
    }
}

/// How fast something was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed {
    pub(crate) per_second: f64,
    /// The 50th and the 99th percentile; pgbench tells an average only.
    pub(crate) latency: Option<(Duration, Duration)>,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) subject: Subject,
    pub(crate) connections: u32,
    pub(crate) speed: Speed,
    /// Processor time of Fluxbase and of PostgreSQL, as shares of one core.
    pub(crate) fluxbase_cores: f64,
    pub(crate) postgres_cores: f64,
}

impl Figures {
    /// Processor time that a request took, in microseconds.
    pub(crate) fn per_request(&self, cores: f64) -> f64 {
        cores * 1e6 / self.speed.per_second
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {:.0}/s", self.subject.name(), self.connections, self.speed.per_second)?;
        match self.speed.latency {
            Some((p50, p99)) => write!(f, ", p50 {p50:.2?}, p99 {p99:.2?}"),
            None => Ok(()),
        }
    }
}
