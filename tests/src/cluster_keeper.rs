//! Owns the PostgreSQL that the test binaries share, and ends with the last of them. They start it; nobody need call it by hand.

use std::{env, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    embedded::run_launcher_if_asked();
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: fluxbase-cluster-keeper <folder>");
        return ExitCode::from(2);
    };
    match fluxbase_tests::keep_cluster(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
