//! What the server tells of itself: log lines on standard error, and metrics.

mod recorder;

pub(crate) use recorder::gather as gather_metrics;

use crate::config::{LogFormat, LogSection};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, prelude::*};

/// Starts telling. `Err` names what is wrong with the level.
pub(crate) fn start(log: &LogSection) -> Result<(), String> {
    let filter = filter(&log.level).map_err(|error| format!("log.level = '{}': {error}", log.level))?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format {
        LogFormat::Json => registry.with(lines.json()).try_init(),
        LogFormat::Text => registry.with(lines.with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())).try_init(),
    };
    started.map_err(|error| error.to_string())
}

/// rmcp tells every request, rows and all; what code of a database says by RAISE WARNING may be of rows, and would stand among our own lines; the others tell more
/// than anyone asks for. What is said of them explicitly wins.
fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(format!("rmcp=error,sqlx=warn,sqlx::postgres::notice=off,hyper=warn,rustls=warn,{level}"))
}

#[cfg(test)]
mod tests {
    use super::filter;
    use std::{
        io,
        sync::{Arc, Mutex},
    };
    use tracing_subscriber::{fmt, prelude::*};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged at that level.
    fn logged(level: &str) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(filter(level).unwrap()).with(lines), || {
            tracing::warn!(target: "sqlx::postgres::notice", "Alice");
            tracing::warn!(target: "sqlx::query", "slow");
            tracing::info!("ours");
        });
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_code_of_a_database_raises_is_no_line_of_the_log_unless_somebody_asks() {
        let usual = logged("info");
        assert!(usual.contains("slow") && usual.contains("ours") && !usual.contains("Alice"), "{usual}");
        assert!(logged("info,sqlx::postgres::notice=warn").contains("Alice"));
    }
}
