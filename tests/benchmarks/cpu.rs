//! Processor time of a process and its children, where the system tells it.

use std::fs;

/// The unit of the figures, fixed on all Linux systems.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processor time that the process has used.
pub(crate) fn of_process(pid: i32) -> f64 {
    stat(&pid.to_string()).map_or(0.0, |stat| stat.seconds)
}

/// Seconds of the process, of its children, and of those that have ended.
pub(crate) fn of_family(pid: i32) -> f64 {
    let Some(parent) = stat(&pid.to_string()) else { return 0.0 };
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let children = names.filter_map(|name| stat(&name)).filter(|found| found.parent == pid);
    parent.seconds + parent.ended_children + children.map(|child| child.seconds).sum::<f64>()
}

struct Stat {
    parent: i32,
    seconds: f64,
    ended_children: f64,
}

fn stat(pid: &str) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program stands in parentheses and may hold spaces; the state follows, then numbers.
    let fields: Vec<i64> = line.rsplit_once(") ")?.1.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    let seconds = |user: usize| -> Option<f64> { Some(f64::from(i32::try_from(fields.get(user)? + fields.get(user + 1)?).ok()?) / TICKS_PER_SECOND) };
    Some(Stat { parent: i32::try_from(*fields.first()?).ok()?, seconds: seconds(10)?, ended_children: seconds(12)? })
}
