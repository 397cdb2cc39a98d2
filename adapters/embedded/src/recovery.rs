//! How a server that was killed puts its files on the disk before it recovers.

use std::fs;

/// The setting of `recovery_init_sync_method` for this machine; `None` leaves PostgreSQL its own, which opens and syncs file after file: a cluster of many
/// branches has some hundred thousand.
///
/// `syncfs` has the kernel sync the whole file systems that the cluster lies on. That is as durable, as long as the kernel tells the program what could not be
/// written, which Linux does from 5.8 on (PostgreSQL's manual, "Error Handling" of the server's settings).
pub(crate) fn sync_method() -> Option<&'static str> {
    let release = if cfg!(target_os = "linux") { fs::read_to_string("/proc/sys/kernel/osrelease").ok() } else { None };
    release.is_some_and(|release| tells_errors(&release)).then_some("syncfs")
}

/// Whether `syncfs` of this release of Linux tells errors of what it wrote.
fn tells_errors(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (5, 8),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::tells_errors;

    #[test]
    fn kernels_that_keep_errors_to_themselves_sync_file_by_file() {
        for (release, tells) in [
            ("5.8.0", true),
            ("6.1.0-13-amd64\n", true),
            ("5.15.167.4-microsoft-standard-WSL2", true),
            ("5.7.19", false),
            ("4.4.0", false),
            ("", false),
        ] {
            assert_eq!(tells_errors(release), tells, "{release}");
        }
    }
}
