//! What can be chosen on the command line.

/// Measures REST and MCP against pgbench.
#[derive(Debug, clap::Parser)]
pub(crate) struct Options {
    /// Rounds, after one that only warms up
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Connections at the same time
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    pub(crate) connections: Vec<u32>,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// How long each measurement of a round takes.
    pub(crate) fn seconds_of(&self, round: u32) -> u32 {
        if round == 0 { 1 } else { self.seconds }
    }
}
