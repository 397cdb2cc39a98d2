//! Becomes the program it is told to, which then dies with whoever started it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let error = fluxbase_tests::become_tethered(std::env::args_os().skip(1));
    eprintln!("{error}");
    ExitCode::FAILURE
}
