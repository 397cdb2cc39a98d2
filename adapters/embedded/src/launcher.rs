//! Starting PostgreSQL's programs so that they cannot outlive us, as a user that is not root.
//!
//! Linux can signal a child when its parent dies, but only the child can ask for it, between fork and exec. Safe Rust has no place there; so this
//! program executes itself with a private argument, asks for the signal, and becomes the program it was asked to start. Elsewhere there is no such
//! signal, and a server left over is stopped at the next start.
//!
//! On the way it asks Linux not to let a process of PostgreSQL that was just woken push aside whoever woke it (`SCHED_BATCH`, sched(7)): that is
//! Fluxbase, which has the next request at hand. Requests that meet each other on a busy machine gain 7 % by it
//! ([ADR 10](../../../app/docs/adr/0010-where-the-time-of-a-request-goes.md)).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use nix::sys::signal::Signal;

use crate::{child, user::RunAs};

/// How PostgreSQL is started on Linux; elsewhere always [`Launcher::Direct`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Launcher {
    /// This very program executes itself: its `main` calls [`run_launcher_if_asked`] first thing.
    #[default]
    ThisProgram,
    /// Another program whose `main` does: for tests that run under somebody else's `main`.
    Program(PathBuf),
    /// No launcher: the server may outlive this process if that is killed.
    Direct,
}

impl Launcher {
    /// A command that runs `program` as `user`, in its own process group, so that Ctrl-C in the terminal does not reach it.
    ///
    /// `at_death` is what it gets when the *thread* that starts it ends.
    pub(crate) fn command(&self, program: &Path, user: &RunAs, at_death: Signal) -> Command {
        use std::os::unix::process::CommandExt;

        let mut command = self.launching(program, user, at_death);
        command.process_group(0).current_dir("/").env_clear().env("PATH", "/usr/bin:/bin");
        command
    }

    #[cfg(target_os = "linux")]
    fn launching(&self, program: &Path, user: &RunAs, at_death: Signal) -> Command {
        let launcher = match self {
            // Not `current_exe`: that path leads nowhere once the file was replaced by an upgrade.
            Self::ThisProgram => Path::new("/proc/self/exe"),
            Self::Program(path) => path,
            Self::Direct => return direct(program, user),
        };
        let mut command = child::command(launcher);
        command.arg(linux::MARKER).args(linux::Order::new(user, at_death).arguments()).arg(program);
        command
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "there is no signal to ask for, so every launcher does the same")]
    fn launching(&self, program: &Path, user: &RunAs, _at_death: Signal) -> Command {
        direct(program, user)
    }
}

fn direct(program: &Path, user: &RunAs) -> Command {
    let mut command = child::command(program);
    user.lower(&mut command);
    command
}

/// Becomes PostgreSQL if this process was started as its launcher; returns at once otherwise.
///
/// To be called first thing in `main`, before threads, arguments or logging.
pub fn run_launcher_if_asked() {
    #[cfg(target_os = "linux")]
    linux::run_if_asked();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{env, os::unix::process::CommandExt};

    use nix::{
        sys::{prctl, signal::Signal},
        unistd::{Gid, Uid, getppid, setgid, setgroups, setuid},
    };
    use rustix::process::getpriority_process;
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
    };

    use crate::{child, user::RunAs};

    pub(super) const MARKER: &str = "__launch-postgres";

    /// What the launcher is told on its command line, before the program and its arguments.
    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct Order {
        parent: i32,
        at_death: Signal,
        lower_to: Option<(Uid, Gid)>,
    }

    impl Order {
        pub(super) fn new(user: &RunAs, at_death: Signal) -> Self {
            Self {
                parent: std::process::id().cast_signed(),
                at_death,
                lower_to: match user {
                    RunAs::Itself => None,
                    RunAs::Lowered { uid, gid, .. } => Some((*uid, *gid)),
                },
            }
        }

        pub(super) fn arguments(&self) -> [String; 3] {
            let user = match self.lower_to {
                None => "-".to_owned(),
                Some((uid, gid)) => format!("{uid}:{gid}"),
            };
            [self.parent.to_string(), self.at_death.to_string(), user]
        }

        fn parse(arguments: [&str; 3]) -> Option<Self> {
            let [parent, at_death, user] = arguments;
            let lower_to = if user == "-" {
                None
            } else {
                let (uid, gid) = user.split_once(':')?;
                Some((Uid::from_raw(uid.parse().ok()?), Gid::from_raw(gid.parse().ok()?)))
            };
            Some(Self { parent: parent.parse().ok()?, at_death: at_death.parse().ok()?, lower_to })
        }

        fn obey(&self) -> Result<(), String> {
            if let Some((uid, gid)) = self.lower_to {
                setgroups(&[gid]).map_err(|error| format!("cannot drop groups: {error}"))?;
                setgid(gid).map_err(|error| format!("cannot become group {gid}: {error}"))?;
                setuid(uid).map_err(|error| format!("cannot become user {uid}: {error}"))?;
            }
            // After the change of user, which forgets it.
            prctl::set_pdeathsig(self.at_death).map_err(|error| format!("cannot ask for the signal: {error}"))?;
            if getppid().as_raw() != self.parent {
                return Err("the process that asked for it is gone".to_owned());
            }
            Ok(())
        }
    }

    /// Works as well without, so a refusal (of a sandbox) is none. A niceness that somebody chose stays; the library would set it to 0.
    fn let_wakers_go_on() {
        if getpriority_process(None) == Ok(0) {
            let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
            let _ = set_thread_priority_and_policy(thread_native_id(), niceness_zero(), policy);
        }
    }

    /// The library counts from 0 to 99, where 0 is the nicest.
    fn niceness_zero() -> ThreadPriority {
        ThreadPriorityValue::try_from(48_u8).map_or(ThreadPriority::Min, ThreadPriority::Crossplatform)
    }

    pub(super) fn run_if_asked() {
        let mut arguments = env::args_os().skip(1);
        if arguments.next().is_none_or(|first| first != MARKER) {
            return;
        }
        let mut next = || arguments.next().and_then(|argument| argument.into_string().ok()).unwrap_or_default();
        let order = [next(), next(), next()];
        let reason = match Order::parse(order.each_ref().map(String::as_str)) {
            None => "not understood".to_owned(),
            Some(order) => match (order.obey(), arguments.next()) {
                (Err(reason), _) => reason,
                (Ok(()), None) => "no program named".to_owned(),
                (Ok(()), Some(program)) => {
                    let_wakers_go_on();
                    let error = child::command(&program).args(arguments).exec();
                    format!("cannot run {}: {error}", program.display())
                }
            },
        };
        eprintln!("launcher: {reason}");
        std::process::exit(126);
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_order_survives_the_command_line() {
            for lower_to in [None, Some((Uid::from_raw(101), Gid::from_raw(104)))] {
                let order = Order { parent: 77, at_death: Signal::SIGINT, lower_to };
                let arguments = order.arguments();
                assert_eq!(Order::parse(arguments.each_ref().map(String::as_str)), Some(order));
            }
            assert_eq!(Order::parse(["1", "SIGINT", "101"]), None);
            assert_eq!(Order::parse(["", "", ""]), None);
        }

        #[test]
        fn who_is_woken_does_not_push_aside_and_is_as_nice_as_before() {
            // The policy is a thread's own, and so is the niceness, on Linux.
            std::thread::spawn(|| {
                let before = getpriority_process(None).unwrap();
                let_wakers_go_on();
                assert_eq!(getpriority_process(None).unwrap(), before);
                let wanted = if before == 0 { NormalThreadSchedulePolicy::Batch } else { NormalThreadSchedulePolicy::Other };
                assert_eq!(thread_priority::thread_schedule_policy(), Ok(ThreadSchedulePolicy::Normal(wanted)));
            })
            .join()
            .unwrap();
        }

        #[test]
        fn an_orphan_does_not_go_on() {
            let order = Order { parent: -1, at_death: Signal::SIGCONT, lower_to: None };
            assert_eq!(order.obey(), Err("the process that asked for it is gone".to_owned()));
            prctl::set_pdeathsig(None).unwrap();
        }
    }
}
