//! A small file system, mounted over a folder.

use nix::unistd::geteuid;
use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) const MEGABYTE: u64 = 1024 * 1024;

/// A file system in memory, mounted over a folder with the folder's own contents in it; gone when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// With so much room beside what is there. `None`, told, where this process may not mount.
    pub(crate) fn over(folder: &Path, room: u64) -> Option<Self> {
        let used = size(folder);
        let aside = folder.with_extension("aside");
        assert!(does("cp", &["-a", path(folder), path(&aside)]), "the databases are copied");
        let owner = fs::metadata(folder).unwrap();
        let options = format!("size={},mode={:o},uid={},gid={}", used + room, owner.mode() & 0o7777, owner.uid(), owner.gid());
        let mounted = geteuid().is_root() && does("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", path(folder)]);
        if !mounted {
            fs::remove_dir_all(&aside).unwrap();
            eprintln!("NOT TRIED: a full disk takes a small file system, and this process may mount none (it takes root and CAP_SYS_ADMIN)");
            return None;
        }
        assert!(does("cp", &["-a", &format!("{}/.", path(&aside)), path(folder)]), "the databases are copied back");
        fs::remove_dir_all(&aside).unwrap();
        Some(Self(folder.to_owned()))
    }

    /// Adds room.
    pub(crate) fn grow(&self, by: u64) {
        let disk = nix::sys::statvfs::statvfs(&self.0).unwrap();
        let size = disk.blocks() * disk.fragment_size() + by;
        assert!(does("mount", &["-o", &format!("remount,size={size}"), path(&self.0)]));
    }

    /// Leaves so much room and not more; gives the file that takes the rest.
    pub(crate) fn fill_but(&self, room: u64) -> PathBuf {
        let filler = self.0.join("filler");
        let _ = fs::remove_file(&filler);
        let disk = nix::sys::statvfs::statvfs(&self.0).unwrap();
        let bytes = (disk.blocks_available() * disk.fragment_size()).saturating_sub(room);
        let mut file = File::create(&filler).unwrap();
        // The file itself may have taken a little of it.
        let _ = file.write_all(&vec![0; usize::try_from(bytes).unwrap()]);
        filler
    }

    /// What lies on it.
    pub(crate) fn used(&self) -> u64 {
        let disk = nix::sys::statvfs::statvfs(&self.0).unwrap();
        (disk.blocks() - disk.blocks_free()) * disk.fragment_size()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        does("umount", &["--lazy", path(&self.0)]);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().blocks() * 512 }).sum()
}

#[expect(clippy::disallowed_methods, reason = "only the system's own programs mount")]
fn does(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
}
