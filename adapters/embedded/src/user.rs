//! The user that PostgreSQL runs as: it refuses to run as root.

use std::{
    fmt, fs, io,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::{Gid, Uid, User, chown, getegid, geteuid};

/// Tried in this order when we are root. `initdb` needs an entry in passwd, so a bare uid will not do.
pub(crate) const UNPRIVILEGED: [&str; 3] = ["fluxbase", "postgres", "nobody"];

/// Who PostgreSQL runs as.
#[derive(Clone, Debug)]
pub(crate) enum RunAs {
    /// The user we are.
    Itself,
    /// Somebody else, since we are root.
    Lowered { name: String, uid: Uid, gid: Gid },
}

/// We are root and there is nobody to become.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL refuses to run as root, and none of the users fluxbase, postgres, nobody exists here; make one: useradd --system fluxbase")]
pub struct NoUser;

impl RunAs {
    /// The user for a new cluster.
    pub(crate) fn choose() -> Result<Self, NoUser> {
        if !geteuid().is_root() {
            return Ok(Self::Itself);
        }
        UNPRIVILEGED.iter().find_map(|name| User::from_name(name).ok().flatten()).map(Self::from).ok_or(NoUser)
    }

    /// The user for a cluster that belongs to `owner`; `None` where we cannot become that user.
    pub(crate) fn for_owner(owner: u32) -> Option<Self> {
        let owner = Uid::from_raw(owner);
        if owner == geteuid() {
            return (!owner.is_root()).then_some(Self::Itself);
        }
        if !geteuid().is_root() {
            return None;
        }
        User::from_uid(owner).ok().flatten().map(Self::from)
    }

    /// Makes `command` start as this user. The standard library drops the supplementary groups along with root.
    pub(crate) fn lower(&self, command: &mut Command) {
        if let Self::Lowered { uid, gid, .. } = self {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
    }

    /// Gives a file or folder to this user.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Itself => Ok(()),
            Self::Lowered { uid, gid, .. } => Ok(chown(path, Some(*uid), Some(*gid))?),
        }
    }

    /// The outermost folder on the way to (and including) `path` that this user may not enter. Access lists beyond the mode bits are not looked at.
    pub(crate) fn first_untraversable(&self, path: &Path) -> Option<PathBuf> {
        let (uid, gid) = match self {
            Self::Itself => (geteuid(), getegid()),
            Self::Lowered { uid, gid, .. } => (*uid, *gid),
        };
        let mut outermost_first: Vec<&Path> = path.ancestors().filter(|dir| dir.is_absolute()).collect();
        outermost_first.reverse();
        outermost_first
            .into_iter()
            .find(|dir| {
                // What cannot be looked at is left to whoever opens it and gets the precise error.
                fs::metadata(dir).is_ok_and(|found| {
                    let execute = if found.uid() == uid.as_raw() {
                        0o100
                    } else if found.gid() == gid.as_raw() {
                        0o010
                    } else {
                        0o001
                    };
                    found.mode() & execute == 0
                })
            })
            // A plain user may be in the folder's group without its being the primary one; only root's choice is certain.
            .filter(|_| matches!(self, Self::Lowered { .. }))
            .map(Path::to_owned)
    }
}

impl From<User> for RunAs {
    fn from(user: User) -> Self {
        Self::Lowered { name: user.name, uid: user.uid, gid: user.gid }
    }
}

impl fmt::Display for RunAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lowered { name, .. } => f.write_str(name),
            Self::Itself => write!(f, "{}", name_of(geteuid().as_raw())),
        }
    }
}

/// A user's name, or its number where passwd has none.
pub(crate) fn name_of(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| format!("uid {uid}"), |user| user.name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_folder_on_the_way_is_found() {
        let stranger = RunAs::Lowered { name: "stranger".to_owned(), uid: Uid::from_raw(4_000_000), gid: Gid::from_raw(4_000_000) };
        let open = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let inner = open.path().join("private/inner");
        fs::create_dir_all(&inner).unwrap();
        for dir in [open.path().join("private"), inner.clone()] {
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert_eq!(stranger.first_untraversable(&inner), None);

        let private = open.path().join("private");
        fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(stranger.first_untraversable(&inner), Some(private));
    }
}
