//! Saying that requests are answered: to the command line, to people, to scripts.

use super::{
    ServeError,
    banner::Banner,
    files::{PrivateFile, ServerFile, server_file},
    first_keys::FirstKeys,
};
use crate::config::Settings;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What will be said, with room for its files: keys that are shown once are made when it is certain that nothing after them can fail for want of room.
pub(super) struct Announcement<'a> {
    server: &'a ServerFile,
    text: Vec<u8>,
    for_command_line: (PathBuf, PrivateFile),
    for_scripts: Option<(PathBuf, PrivateFile)>,
}

impl<'a> Announcement<'a> {
    pub(super) fn prepare(settings: &Settings, server: &'a ServerFile) -> Result<Self, ServeError> {
        let text = serde_json::to_vec(server).expect("plain values");
        let reserve = |path: &Path| match PrivateFile::reserve(path, text.len()) {
            Ok(file) => Ok((path.to_owned(), file)),
            Err(source) => Err(unwritable(path, source)),
        };
        let for_command_line = reserve(&server_file(&settings.embedded.data_dir))?;
        let for_scripts = settings.server.ready_file.as_deref().map(reserve).transpose()?;
        Ok(Self { server, text, for_command_line, for_scripts })
    }

    pub(super) fn make(self, settings: &Settings, keys: &FirstKeys) -> Result<(), ServeError> {
        let publish = |(path, file): (PathBuf, PrivateFile)| file.publish(&self.text).map_err(|source| unwritable(&path, source));
        publish(self.for_command_line)?;
        let mut stdout = io::stdout().lock();
        write!(stdout, "{}", Banner { server: self.server, keys, settings })
            .and_then(|()| stdout.flush())
            .map_err(|source| unwritable(Path::new("standard output"), source))?;
        // Last, since scripts go on as soon as it is there.
        self.for_scripts.map_or(Ok(()), publish)
    }
}

/// Takes back what was left for the command line, unless another server has put its own there.
pub(super) fn withdraw(settings: &Settings, server: &ServerFile) {
    let path = server_file(&settings.embedded.data_dir);
    let ours = std::fs::read(&path).is_ok_and(|text| text == serde_json::to_vec(server).expect("plain values"));
    if ours {
        let _ = std::fs::remove_file(path);
    }
}

fn unwritable(path: &Path, source: io::Error) -> ServeError {
    ServeError::File { path: path.display().to_string(), source }
}
