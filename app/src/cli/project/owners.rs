//! Whose files a project is taken from: another user's folder further up must not say where keys go, which branch is meant and what is run on it.

use crate::cli::failure::CliError;
use nix::unistd::geteuid;
use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

/// Users whose files are believed.
#[derive(Clone, Debug)]
pub(super) struct Owners(Vec<u32>);

const ROOT: u32 = 0;

/// Ids of further users whose projects are taken, with commas between them: for folders that are shared on purpose, as with containers and runners of CI.
const TRUSTED: &str = "FLUXBASE_TRUSTED_OWNERS";

impl Owners {
    /// The user who runs this, root, whoever became root by sudo, and who is named by [`TRUSTED`].
    pub(super) fn trusted() -> Result<Self, CliError> {
        let user = geteuid().as_raw();
        let became_root = (user == ROOT).then(|| std::env::var("SUDO_UID").ok()?.parse().ok()).flatten();
        let named = std::env::var_os(TRUSTED).unwrap_or_default();
        Ok(Self([ROOT, user].into_iter().chain(became_root).chain(named_by(&named.to_string_lossy())?).collect()))
    }

    /// Refuses a file or folder that is somebody else's; as the link that it may be, and as what that leads to. One that is not there is nobody's.
    pub(super) fn check(&self, path: &Path) -> Result<(), CliError> {
        for look in [fs::symlink_metadata, fs::metadata] {
            match look(path) {
                Ok(found) if !self.0.contains(&found.uid()) => return Err(foreign(path, found.uid())),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(CliError::local("unreadable", format!("cannot look at {}: {error}", path.display()), None)),
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn only(user: u32) -> Self {
        Self(vec![user])
    }
}

/// The ids that a list names. One that cannot be read would leave a project refused that somebody means to be taken, and nobody told why.
fn named_by(list: &str) -> Result<Vec<u32>, CliError> {
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(|entry| entry.parse().map_err(|_| unreadable(entry))).collect()
}

fn unreadable(entry: &str) -> CliError {
    CliError::Usage(format!(
        "{TRUSTED} has '{}', which is no user id: it takes numbers with commas between them, as in {TRUSTED}=1000,1001 (`id -u <name>` prints a user's)",
        entry.escape_debug()
    ))
}

/// Passed over, it would leave a command on another branch than the one that is meant where the folder is shared on purpose.
fn foreign(path: &Path, owner: u32) -> CliError {
    let message = format!("{} belongs to another user (id {owner}): what it says of server, branch and migrations is not taken", path.display());
    let hint = format!(
        "where you trust it, as in a container with a folder of its host, set {TRUSTED}={owner} or make it yours with chown; else work in a folder of your own"
    );
    CliError::local("foreign_project", message, Some(&hint))
}

#[cfg(test)]
mod tests {
    use super::{TRUSTED, named_by};

    #[test]
    fn what_is_no_user_id_is_refused_by_name() {
        for (list, ids) in [("", &[][..]), (" , ", &[]), ("1000", &[1000]), (" 1000, 4294967294 ,", &[1000, 4_294_967_294])] {
            assert_eq!(named_by(list).unwrap(), ids, "{list:?}");
        }
        for (list, bad) in
            [("1000,alice", "'alice'"), ("-1", "'-1'"), ("1000;1001", "'1000;1001'"), ("1000 1001", "'1000 1001'"), ("4294967296", "'4294967296'")]
        {
            let refused = named_by(list).unwrap_err();
            let said = refused.to_string();
            assert!(said.contains(bad) && said.starts_with(TRUSTED) && refused.exit_code() == 2, "{said}");
        }
    }
}
