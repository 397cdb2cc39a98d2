//! The command line.

mod branch;
mod completions;
mod config;
mod context;
mod db;
mod doctor;
mod failure;
mod keys;
mod mcp;
mod output;
mod pages;
mod serve;
mod server;
mod table;
mod users;
mod wait;
mod when;

use clap::{Parser, Subcommand};
use context::Context;
use failure::CliError;
use output::Format;
use std::{path::PathBuf, process::ExitCode, time::Duration};

const EXAMPLES: &str = "\
Examples:
  fluxbase                                          start a server, with a PostgreSQL of its own and demo data
  fluxbase serve --database-url postgres://...      start a server in front of an existing PostgreSQL
  fluxbase keys create --name claude --user alice@example.com
  fluxbase branch create pr-12 --clone-data full_clone --wait
  fluxbase mcp config claude-code

Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 refused.";

/// Lets AI assistants work on PostgreSQL under row level security, and gives everyone a branch of it.
#[derive(Debug, Parser)]
#[command(name = "fluxbase", version, after_help = EXAMPLES, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    globals: Globals,
    /// Without a command: serve.
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Globals {
    /// Configuration file [default: fluxbase.yaml in the working folder]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(long, global = true, value_name = "DIR", help = "Data folder of the embedded PostgreSQL [env: FLUXBASE_DATA_DIR]")]
    data_dir: Option<PathBuf>,
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "The server to talk to [env: FLUXBASE_URL; else the project's .fluxbase/, else the server on the data folder]"
    )]
    url: Option<String>,
    #[arg(long, global = true, value_name = "KEY", help = "The key to use [env: FLUXBASE_SERVICE_KEY, FLUXBASE_API_KEY; else the local owner's]")]
    key: Option<String>,
    /// How results are written
    #[arg(short, long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server
    Serve(serve::ServeArgs),
    /// Make, list, inspect and delete branches of the database
    #[command(subcommand)]
    Branch(branch::BranchCommand),
    /// Make, promote and list users
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Make, list and revoke keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Reach the embedded PostgreSQL as its owner
    #[command(subcommand)]
    Db(db::DbCommand),
    /// Show the configuration in force, or its schema
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Connect MCP clients
    #[command(subcommand)]
    Mcp(mcp::McpCommand),
    /// Check what a server needs here, and say how to get what is missing
    Doctor(doctor::DoctorArgs),
    /// Print the completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// Carries out what the command line says.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let format = cli.globals.output;
    match carry_out(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.tell(format);
            error.exit_code().into()
        }
    }
}

fn carry_out(cli: Cli) -> Result<(), CliError> {
    let context = Context::new(cli.globals);
    match cli.command.unwrap_or_else(|| Command::Serve(serve::ServeArgs::default())) {
        Command::Serve(args) => in_runtime(serve::run(&context, args)),
        Command::Branch(command) => in_runtime(branch::run(&context, command)),
        Command::Users(command) => in_runtime(users::run(&context, command)),
        Command::Keys(command) => in_runtime(keys::run(&context, command)),
        Command::Db(command) => db::run(&context, command),
        Command::Config(command) => config::run(&context, command),
        Command::Mcp(command) => mcp::run(&context, command),
        Command::Doctor(args) => in_runtime(doctor::run(&context, args)),
        Command::Completions(args) => completions::run(args),
    }
}

fn in_runtime(work: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::local("no_runtime", format!("cannot start threads: {error}"), None))?;
    let done = runtime.block_on(work);
    // A blocking task that is still at work must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
