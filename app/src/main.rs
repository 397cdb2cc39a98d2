//! Fluxbase: an MCP server over PostgreSQL, and branches of it, in one binary.

mod cli;
mod config;
mod serve;
mod system;
mod telemetry;

use std::process::ExitCode;

/// A tenth of a request's processor time is allocation: an allocator that keeps memory by thread costs less of it (ADR 10).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A child of ours that becomes PostgreSQL: nothing else may happen in it.
    embedded::run_launcher_if_asked();
    rustls::crypto::ring::default_provider().install_default().expect("nobody installed a provider before main");
    match cli::Cli::read(std::env::args_os()) {
        Ok(read) => cli::run(read),
        Err(error) => cli::misread(&error, std::env::args_os()),
    }
}
