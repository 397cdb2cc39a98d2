//! What the server says: kept in a file of bounded size, its end in memory for error texts.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// At this size the file becomes `postgres.log.1` and a new one is begun: never more than twice this on the disk.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
const TAIL_BYTES: usize = 4 * 1024;

/// A log file that does not grow for ever.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    size: u64,
    max: u64,
    tail: Vec<u8>,
}

impl Log {
    /// Goes on with the file of the last run.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        Self::with_limit(path, MAX_BYTES)
    }

    fn with_limit(path: PathBuf, max: u64) -> io::Result<Self> {
        let file = open(&path)?;
        Ok(Self { size: file.metadata()?.len(), path, file, max, tail: Vec::new() })
    }

    /// Takes what the server said. A full disk loses it rather than stopping the server.
    pub(crate) fn take(&mut self, said: &[u8]) {
        self.tail.extend_from_slice(said);
        let surplus = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus);
        if self.size >= self.max {
            self.begin_anew();
        }
        if self.file.write_all(said).is_ok() {
            self.size += said.len() as u64;
        }
    }

    fn begin_anew(&mut self) {
        let mut older = self.path.clone().into_os_string();
        older.push(".1");
        let begun = fs::rename(&self.path, older).and_then(|()| open(&self.path));
        match begun {
            Ok(file) => self.file = file,
            // Better short than without end.
            Err(_) => drop(self.file.set_len(0)),
        }
        self.size = 0;
    }

    /// Forgets the end: another server begins to speak.
    pub(crate) fn forget_tail(&mut self) {
        self.tail.clear();
    }

    /// The last the server said.
    pub(crate) fn tail(&self) -> String {
        String::from_utf8_lossy(&self.tail).trim().to_owned()
    }
}

fn open(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_bounded_and_the_end_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postgres.log");
        let mut log = Log::with_limit(path.clone(), 100).unwrap();
        for number in 0..1000 {
            log.take(format!("line {number}\n").as_bytes());
        }
        let sizes: Vec<u64> = ["postgres.log", "postgres.log.1"].map(|name| fs::metadata(dir.path().join(name)).unwrap().len()).into();
        assert!(sizes.iter().all(|size| *size < 120), "{sizes:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert!(log.tail().ends_with("line 999"));
        assert!(log.tail().len() <= TAIL_BYTES);

        drop(log);
        let mut log = Log::with_limit(path.clone(), 100).unwrap();
        log.take(b"again\n");
        assert!(fs::read_to_string(path).unwrap().contains("line 999\nagain"), "it goes on where it was");
    }
}
