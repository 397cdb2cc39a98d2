//! The command line.

mod branch;
mod completions;
mod config;
mod context;
mod db;
mod doctor;
mod failure;
mod flags;
mod git;
mod init;
mod keys;
mod login;
mod logins;
mod mcp;
mod migration_files;
mod migrations;
mod operation;
mod output;
mod pages;
mod password;
mod project;
mod serve;
mod server;
mod table;
mod users;
mod wait;
mod when;
mod words;

use clap::{Parser, Subcommand, error::ErrorKind};
use context::Context;
use failure::CliError;
use output::Format;
use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

const EXAMPLES: &str = "\
Examples:
  fluxbase                                          start a server, with a PostgreSQL of its own and demo data
  fluxbase --no-demo                                the same with an empty database: flags of serve need no word
  fluxbase serve --database-url postgres://...      start a server in front of an existing PostgreSQL
  fluxbase keys create --name claude --user alice@example.com
  fluxbase branch create pr-12 --clone-data full_clone --wait
  fluxbase branch switch pr-12                      later commands mean that branch
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
    #[arg(
        long,
        global = true,
        value_name = "KEY",
        help = "The key to use [env: FLUXBASE_SERVICE_KEY, FLUXBASE_API_KEY; else that of `fluxbase login`, else the local owner's]"
    )]
    key: Option<String>,
    /// How results are written
    #[arg(short, long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server
    Serve(serve::ServeArgs),
    /// Make a folder a project: which server and which branch it means
    Init(init::InitArgs),
    /// Sign in at a server
    Login(login::LoginArgs),
    /// Sign out at a server
    Logout(login::LogoutArgs),
    /// Make, switch, migrate, compare, reset and delete branches of the database
    #[command(subcommand)]
    Branch(branch::BranchCommand),
    /// Make, list and apply the project's migrations
    #[command(subcommand)]
    Migrations(migrations::MigrationsCommand),
    /// Show, follow and call off long-running work
    #[command(subcommand)]
    Operation(operation::OperationCommand),
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

impl Cli {
    /// Reads a command line. Flags of `serve` need not have the word before them; what neither reading understands is told as the first one has it.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments: Vec<_> = arguments.into_iter().collect();
        Self::try_parse_from(&arguments).or_else(|error| {
            if error.kind() != ErrorKind::UnknownArgument || arguments.is_empty() {
                return Err(error);
            }
            let mut with_word = arguments;
            with_word.insert(1, "serve".into());
            Self::try_parse_from(with_word).map_err(|_| error)
        })
    }
}

/// Tells why a command line cannot be read, in the format that it asks for; help is no fault.
pub(crate) fn misread(error: &clap::Error, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let format = asked_format(arguments.filter_map(|argument| argument.into_string().ok()));
    if !error.use_stderr() || format == Format::Table {
        error.exit();
    }
    let text = error.to_string();
    let (message, _) = text.split_once("\n\nFor more information").unwrap_or((text.trim_end(), ""));
    let usage = CliError::Usage(message.trim_start_matches("error: ").to_owned());
    usage.tell(format);
    usage.exit_code().into()
}

/// What `-o` says, read by itself where the rest cannot be.
fn asked_format(mut arguments: impl Iterator<Item = String>) -> Format {
    while let Some(argument) = arguments.next() {
        let given = match argument.as_str() {
            "-o" | "--output" => arguments.next(),
            other => other.strip_prefix("--output=").or_else(|| other.strip_prefix("-o")).map(|format| format.trim_start_matches('=').to_owned()),
        };
        if let Some(Ok(format)) = given.map(|format| <Format as clap::ValueEnum>::from_str(&format, false)) {
            return format;
        }
    }
    Format::Table
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
        Command::Init(args) => init::run(&context, args),
        Command::Login(args) => in_runtime(login::login(&context, args)),
        Command::Logout(args) => in_runtime(login::logout(&context, args)),
        Command::Migrations(command) => in_runtime(migrations::run(&context, command)),
        Command::Operation(command) => in_runtime(operation::run(&context, command)),
        Command::Branch(command) => in_runtime(branch::run(&context, command)),
        Command::Users(command) => in_runtime(users::run(&context, command)),
        Command::Keys(command) => in_runtime(keys::run(&context, command)),
        Command::Db(command) => in_runtime(db::run(&context, command)),
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
