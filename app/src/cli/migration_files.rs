//! Migration files of a folder, as they go along with a request.

use super::{context::Context, failure::CliError};
use domain::{Slug, migration::MigrationFile, operation::NamedText};
use std::{
    fs,
    path::{Path, PathBuf},
    string::FromUtf8Error,
};

/// What goes along with a request, and where it comes from.
pub(super) struct Sent {
    /// The files, which are all that the folder has, and so the project; the server takes its own where there are none.
    pub(super) files: Vec<NamedText>,
    pub(super) folder: Folder,
}

/// A folder with migration files.
pub(super) struct Folder {
    /// Where it is, where there is one.
    pub(super) dir: Option<PathBuf>,
    /// Whether it was named on the command line.
    named: bool,
}

impl Folder {
    /// Commands that the server tells, as they are to be typed here: with the folder, where it was named.
    pub(super) fn ways_out(&self, told: &str, branch: &Slug) -> String {
        let Some(dir) = self.dir.as_deref().filter(|_| self.named) else { return told.to_owned() };
        let dir = dir.display().to_string();
        let dir = if dir.contains([' ', '\'', '"', '$']) { format!("'{}'", dir.replace('\'', r"'\''")) } else { dir };
        let on_branch = format!("--branch {branch}");
        told.replace(&on_branch, &format!("{on_branch} --dir {dir}"))
    }
}

/// The files of the folder that is named, which then must hold some; else those of the project.
pub(super) fn sent(named: Option<&Path>) -> Result<Sent, CliError> {
    let dir = Context::migrations_dir(named)?;
    let files = dir.as_deref().map_or(Ok(Vec::new()), of)?;
    match named {
        Some(dir) if files.is_empty() => Err(CliError::Usage(format!("there is no SQL file in {}", dir.display()))),
        _ => Ok(Sent { files, folder: Folder { dir, named: named.is_some() } }),
    }
}

/// Every SQL file of a folder, in the order of names; folders in it are passed over.
pub(super) fn of(dir: &Path) -> Result<Vec<NamedText>, CliError> {
    let unreadable = |error: std::io::Error| {
        let message = format!("cannot read the migrations in {}: {error}", dir.display());
        CliError::local("unreadable", message, Some("name their folder with --dir; `fluxbase migrations new` makes the first one"))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if MigrationFile::is_meant_by(name) && path.is_file() {
            let bytes = fs::read(&path).map_err(|error| unreadable_file(&path, &error.to_string()))?;
            let text = String::from_utf8(bytes).map_err(|error| unreadable_file(&path, &not_utf8(&error)))?;
            files.push(NamedText { name: name.to_owned(), text });
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

fn unreadable_file(path: &Path, reason: &str) -> CliError {
    CliError::local("unreadable", format!("cannot read the migration {}: {reason}", path.display()), None)
}

fn not_utf8(error: &FromUtf8Error) -> String {
    let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
    format!("line {line} is no UTF-8: save it in that encoding")
}

#[cfg(test)]
mod tests {
    use super::{Folder, of};
    use std::fs;

    #[test]
    fn commands_name_the_folder_where_it_was_named() {
        let folder = |dir: &str, named| Folder { dir: Some(dir.into()), named };
        let (told, branch) = ("accept it: fluxbase migrations repair 1 accept --branch pr-1", "pr-1".parse().unwrap());
        assert_eq!(folder("db", false).ways_out(told, &branch), told);
        assert_eq!(folder("db", true).ways_out(told, &branch), format!("{told} --dir db"));
        assert!(folder("my files", true).ways_out(told, &branch).ends_with(" --dir 'my files'"));
    }

    #[test]
    fn only_sql_files_go_along_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("2_b.SQL", "b"), ("1_a.sql", "a"), ("README.md", "no"), (".hidden", "no"), ("._1_a.sql", "no")] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        fs::create_dir(dir.path().join("old.sql")).unwrap();
        let files: Vec<_> = of(dir.path()).unwrap().into_iter().map(|file| (file.name, file.text)).collect();
        assert_eq!(files, [("1_a.sql".to_owned(), "a".to_owned()), ("2_b.SQL".to_owned(), "b".to_owned())]);
        assert!(of(&dir.path().join("nowhere")).unwrap_err().to_string().contains("nowhere"));
        fs::write(dir.path().join("3_c.sql"), b"select 1;\nselect '\xff';").unwrap();
        let refused = of(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("3_c.sql: line 2 is no UTF-8"), "{refused}");
    }
}
