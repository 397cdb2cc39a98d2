//! PostgreSQL installations that somebody else put on this machine.

use std::{
    cmp::Reverse,
    env, fs,
    path::{Path, PathBuf},
};

use crate::{
    binaries::{Binaries, BinarySource, SUPPORTED},
    install_error::Looked,
    user::RunAs,
};

/// Where packages put one folder a version; `#` stands for the major version.
const PLACES: [&str; 8] = [
    "/usr/lib/postgresql/#",
    "/usr/pgsql-#",
    "/usr/libexec/postgresql#",
    "/usr/lib64/pgsql#",
    "/opt/homebrew/opt/postgresql@#",
    "/usr/local/opt/postgresql@#",
    "/Library/PostgreSQL/#",
    "/usr/local/pgsql-#",
];

/// The usable installations, those with pgvector first, newest first; and what is wrong with the others.
pub(crate) fn installations(user: &RunAs) -> (Vec<Binaries>, Vec<Looked>) {
    let mut usable = Vec::new();
    let mut others = Vec::new();
    for root in candidates() {
        match Binaries::inspect(&root, BinarySource::Local, user) {
            Ok(binaries) => usable.push(binaries),
            Err(reason) => others.push(Looked { place: root.display().to_string(), found: reason }),
        }
    }
    usable.sort_by_key(|found| Reverse((found.has_vector(), found.major())));
    (usable, others)
}

/// The places that were looked at, for the message when there is nothing.
pub(crate) fn places() -> String {
    let folders = PLACES.map(|place| place.replace('#', "<version>"));
    format!("{}, and the PATH", folders.join(", "))
}

fn candidates() -> Vec<PathBuf> {
    let by_version = SUPPORTED.rev().flat_map(|major| PLACES.map(|place| PathBuf::from(place.replace('#', &major.to_string()))));
    let on_the_path =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default().into_iter().filter_map(|bin| root_of(&bin));

    let mut roots = Vec::new();
    for root in by_version.chain(on_the_path).filter(|root| root.join("bin/initdb").is_file()) {
        let root = fs::canonicalize(&root).unwrap_or(root);
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots
}

/// The installation that a folder of programs on the PATH belongs to; links in it lead elsewhere.
fn root_of(bin: &Path) -> Option<PathBuf> {
    let initdb = fs::canonicalize(bin.join("initdb")).ok()?;
    let bin = initdb.parent()?;
    (bin.file_name()? == "bin").then(|| bin.parent().map(Path::to_owned))?
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_on_the_path_leads_to_the_installation() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("pg/bin");
        let linked = dir.path().join("links");
        fs::create_dir_all(&real).unwrap();
        fs::create_dir(&linked).unwrap();
        fs::write(real.join("initdb"), "").unwrap();
        symlink(real.join("initdb"), linked.join("initdb")).unwrap();

        let root = root_of(&linked).unwrap();
        assert_eq!(root, fs::canonicalize(dir.path().join("pg")).unwrap());
        assert_eq!(root_of(dir.path()), None);
    }
}
