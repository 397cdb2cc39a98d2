//! `fluxbase completions`: scripts that let a shell complete this command line.

use super::{Cli, failure::CliError, output::print_text};
use clap::CommandFactory;
use clap_complete::{Shell, generate};

const EXAMPLES: &str = "\
Examples:
  fluxbase completions bash > ~/.local/share/bash-completion/completions/fluxbase
  fluxbase completions zsh > ~/.zfunc/_fluxbase
  fluxbase completions fish > ~/.config/fish/completions/fluxbase.fish";

#[derive(Clone, Copy, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: CompletionsArgs) -> Result<(), CliError> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "fluxbase", &mut script);
    print_text(&String::from_utf8_lossy(&script))
}
