//! What the server tells of itself: log lines on standard error, and metrics.

mod recorder;

pub(crate) use recorder::gather as gather_metrics;

use crate::config::{LogFormat, LogSection};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Starts telling. `Err` names what is wrong with the level.
pub(crate) fn start(log: &LogSection) -> Result<(), String> {
    // rmcp tells every request, rows and all; the others more than anyone asks for. What is said of them explicitly wins.
    let directives = format!("rmcp=error,sqlx=warn,hyper=warn,rustls=warn,{}", log.level);
    let filter = EnvFilter::try_new(directives).map_err(|error| format!("log.level = '{}': {error}", log.level))?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format {
        LogFormat::Json => registry.with(lines.json()).try_init(),
        LogFormat::Text => registry.with(lines.with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())).try_init(),
    };
    started.map_err(|error| error.to_string())
}
