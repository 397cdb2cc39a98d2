//! Real servers: installed, started, killed in every way, and found again. Works as root and as a plain user.
//!
//! Its `main` is its own, since a killed owner's server can only be tied to a program that is its own launcher.

mod endings;
mod installing;
mod refusals;
mod rig;
mod starting;

use libtest_mimic::{Arguments, Trial};

fn main() {
    fluxbase_embedded::run_launcher_if_asked();
    rig::play_a_part_if_asked();
    let arguments = Arguments::from_args();

    let have_postgres = arguments.list || rig::have_postgres();
    let with_postgres = |trial: Trial| {
        let ignored = trial.has_ignored_flag() || !have_postgres;
        trial.with_ignored_flag(ignored)
    };
    let mut trials: Vec<Trial> = starting::trials().into_iter().chain(endings::trials()).chain(refusals::trials()).map(with_postgres).collect();
    trials.extend(installing::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
