//! Processes that do not outlive the tests, however those end.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    path::PathBuf,
    process::{Child, Command},
    sync::{Mutex, OnceLock, mpsc},
    thread,
};

/// The binary that is tested: cargo puts it beside the folder of the test binaries.
pub(super) fn fluxbase_program() -> PathBuf {
    let program = beside_us("fluxbase");
    assert!(program.is_file(), "{} is not there: `cargo test --workspace` builds it, and so does `cargo build -p fluxbase`", program.display());
    program
}

fn beside_us(name: &str) -> PathBuf {
    let own = env::current_exe().expect("a test binary knows its own path");
    let deps = own.parent().expect("it is in a folder");
    deps.parent().unwrap_or(deps).join(name)
}

/// A command for the program, in an environment that holds nothing but what is set here.
#[expect(clippy::disallowed_methods, reason = "the tests drive real processes")]
pub(super) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// A command whose process is killed when this one ends, be it by a signal. It must be started by [`spawn`].
pub(super) fn tethered(program: impl AsRef<OsStr>) -> Command {
    let mut command = command(beside_us("fluxbase-test-tether"));
    command.arg(std::process::id().to_string()).arg(program);
    command
}

/// Starts a command from a thread that lives as long as this process: the kernel watches the thread, not the process.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static STARTER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, received) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in received {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (reply, child) = mpsc::channel();
    starter.lock().expect("sending does not panic").send((command, reply)).expect("the thread does not end");
    child.recv().expect("the thread answers")
}

/// Asks the kernel to kill this process with its parent, then becomes the program that the arguments name; returns only if it cannot.
pub fn become_tethered(mut arguments: impl Iterator<Item = OsString>) -> io::Error {
    use std::os::unix::process::CommandExt;
    let (Some(parent), Some(program)) = (arguments.next(), arguments.next()) else {
        return io::Error::new(io::ErrorKind::InvalidInput, "usage: fluxbase-test-tether <pid of the parent> <program> [arguments]");
    };
    if let Err(error) = tether(&parent) {
        return error;
    }
    #[expect(clippy::disallowed_methods, reason = "this process becomes the one that is tested")]
    Command::new(program).args(arguments).exec()
}

#[cfg(target_os = "linux")]
fn tether(parent: &OsStr) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    // As under a service manager: a session of its own, so that Linux's autogroups give the server a share of the processor of its own (ADR 10).
    nix::unistd::setsid()?;
    // Who died before we asked is not heard of.
    if nix::unistd::getppid().to_string().as_str() == parent { Ok(()) } else { Err(io::Error::other("the tests are gone")) }
}

/// Elsewhere there is no such signal: a server is stopped when its value is dropped, and one of a killed test run is not.
#[cfg(not(target_os = "linux"))]
fn tether(_parent: &OsStr) -> io::Result<()> {
    Ok(())
}
