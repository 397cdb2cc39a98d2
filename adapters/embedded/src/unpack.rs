//! Unpacking the fetched archive: checked, nothing outside its folder, all or nothing.

use std::{
    fs,
    io::{self, Cursor, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::{folders::make_dirs, wheel};

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("the file's SHA-256 is {found}, not {expected}")]
    Hash { found: String, expected: String },
    #[error("the archive is broken: {0}")]
    Broken(#[from] zip::result::ZipError),
    #[error("the archive holds {0:?}, which would land outside its folder")]
    Outside(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Unpacks `archive`, whose SHA-256 must be `sha256`, as the folder `target`, replacing what is there.
///
/// Everything may be read by everybody, whatever the umask: the server runs as another user.
pub(crate) fn unpack(archive: &Path, sha256: &str, target: &Path) -> Result<(), UnpackError> {
    let bytes = fs::read(archive)?;
    let found = hex(&Sha256::digest(&bytes));
    if found != sha256 {
        return Err(UnpackError::Hash { found, expected: sha256.to_owned() });
    }
    let beside = target.with_extension(format!("tmp-{}", std::process::id()));
    remove_if_there(&beside)?;
    let unpacked = unpack_into(&bytes, &beside).and_then(|()| {
        remove_if_there(target)?;
        Ok(fs::rename(&beside, target)?)
    });
    if unpacked.is_err() {
        remove_if_there(&beside)?;
    }
    unpacked
}

fn unpack_into(bytes: &[u8], folder: &Path) -> Result<(), UnpackError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    make_dirs(folder, 0o755)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let inside = match entry.enclosed_name() {
            Some(path) if !entry.is_symlink() => path,
            _ => return Err(UnpackError::Outside(entry.name()?.into_owned())),
        };
        if entry.is_dir() || wheel::is_left_out(&inside) {
            continue;
        }
        let path = folder.join(&inside);
        if let Some(parent) = path.parent() {
            make_dirs(parent, 0o755)?;
        }
        let mode = if is_executable(&inside) { 0o755 } else { 0o644 };
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
        io::copy(&mut entry, &mut file)?;
        file.flush()?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Zip tools often lose the bits, so they follow from the place.
fn is_executable(path: &Path) -> bool {
    let program = path.components().any(|part| part.as_os_str() == "bin");
    let library = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains(".so") || name.contains(".dylib"));
    program || library
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn archive(names: &[&str]) -> (tempfile::TempDir, std::path::PathBuf, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.whl");
        let mut writer = ZipWriter::new(fs::File::create(&path).unwrap());
        for name in names {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(b"content").unwrap();
        }
        writer.finish().unwrap();
        let hash = hex(&Sha256::digest(fs::read(&path).unwrap()));
        (dir, path, hash)
    }

    #[test]
    fn bits_are_restored_and_headers_left_out() {
        let (dir, path, hash) = archive(&["p/bin/tool", "p/share/text", "p/include/x.h"]);
        let target = dir.path().join("out");
        unpack(&path, &hash, &target).unwrap();
        unpack(&path, &hash, &target).unwrap();

        let mode = |name: &str| fs::metadata(target.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("p/bin/tool"), 0o755);
        assert_eq!(mode("p/share/text"), 0o644);
        assert_eq!(mode("p/share"), 0o755);
        assert!(!target.join("p/include").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing beside the archive and the copy");
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused_and_nothing_stays() {
        for name in ["../evil", "p/../../evil"] {
            let (dir, path, hash) = archive(&["p/fine", name]);
            let refused = unpack(&path, &hash, &dir.path().join("in/out"));
            assert!(matches!(refused, Err(UnpackError::Outside(_))), "{name}: {refused:?}");
            assert!(!dir.path().join("evil").exists());
            assert_eq!(fs::read_dir(dir.path().join("in")).unwrap().count(), 0);
        }
    }

    #[test]
    fn another_hash_is_refused() {
        let (dir, path, _) = archive(&["p/fine"]);
        let refused = unpack(&path, &"0".repeat(64), &dir.path().join("out"));
        assert!(matches!(refused, Err(UnpackError::Hash { .. })), "{refused:?}");
    }
}
