//! Migration files of a folder, as they go along with a request.

use super::{context::Context, failure::CliError};
use domain::{Slug, migration::MigrationFile, operation::NamedText};
use std::{
    fs,
    path::{Path, PathBuf},
    string::FromUtf8Error,
};

/// Names of what was passed over that are told.
const SHOWN: usize = 5;

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
    let found = dir.as_deref().map_or_else(|| Ok(Found::default()), Found::in_folder)?;
    match &dir {
        // The server's own files are not meant by who has some here, kept as other tools have them.
        Some(dir) if found.files.is_empty() && (named.is_some() || found.has_folders()) => Err(found.nothing_in(dir)),
        _ => Ok(Sent { files: found.files, folder: Folder { dir, named: named.is_some() } }),
    }
}

/// What a folder holds.
#[derive(Debug, Default)]
struct Found {
    /// Every SQL file, in the order of names.
    files: Vec<NamedText>,
    /// What else lies there, but for what is hidden; folders with a slash at their end.
    passed_over: Vec<String>,
}

impl Found {
    /// As other tools keep a migration in each; a note or a program among files is none.
    fn has_folders(&self) -> bool {
        self.passed_over.iter().any(|name| name.ends_with('/'))
    }

    fn in_folder(dir: &Path) -> Result<Self, CliError> {
        let unreadable = |error: std::io::Error| {
            let message = format!("cannot read the migrations in {}: {error}", dir.display());
            CliError::local("unreadable", message, Some("name their folder with --dir; `fluxbase migrations new` makes the first one"))
        };
        let mut found = Self::default();
        for entry in fs::read_dir(dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if MigrationFile::is_meant_by(&name) && path.is_file() {
                if path.file_name().and_then(|name| name.to_str()).is_none() {
                    return Err(unreadable_file(&path, "its name is not UTF-8: rename it"));
                }
                let bytes = fs::read(&path).map_err(|error| unreadable_file(&path, &error.to_string()))?;
                let text = String::from_utf8(bytes).map_err(|error| unreadable_file(&path, &not_utf8(&error)))?;
                found.files.push(NamedText { name, text });
            } else if !name.starts_with('.') {
                found.passed_over.push(if path.is_dir() { format!("{name}/") } else { name });
            }
        }
        found.files.sort_by(|one, other| one.name.cmp(&other.name));
        found.passed_over.sort();
        Ok(found)
    }

    fn nothing_in(&self, dir: &Path) -> CliError {
        let dir = dir.display();
        let Some(first) = self.passed_over.first() else { return CliError::Usage(format!("there is no SQL file in {dir}")) };
        let shown = self.passed_over.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = self.passed_over.len().saturating_sub(SHOWN);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let stem = first.trim_end_matches('/').split('.').next().unwrap_or_default();
        let example = if stem.starts_with(|c: char| c.is_ascii_digit()) { format!("{stem}.sql") } else { "20260131120000_add_tasks.sql".to_owned() };
        CliError::Usage(format!(
            "there is no SQL file in {dir} itself: folders in it and other files are passed over ({shown}{more}). Put each migration there as a file of its own, \
             such as {example}, or name the folder that has them with --dir"
        ))
    }
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
    use super::{Folder, Found, sent};
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
    fn a_folder_that_is_laid_out_otherwise_is_told_and_not_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".gitkeep"), "").unwrap();
        let found = Found::in_folder(dir.path()).unwrap();
        assert!(found.files.is_empty() && found.passed_over.is_empty(), "{found:?}");
        fs::create_dir(dir.path().join("20240101_init")).unwrap();
        fs::write(dir.path().join("20240101_init/migration.sql"), "select 1").unwrap();
        fs::write(dir.path().join("migration_lock.toml"), "").unwrap();
        let refused = sent(Some(dir.path())).err().unwrap();
        assert_eq!(refused.exit_code(), 2, "{refused}");
        for part in ["20240101_init/, migration_lock.toml)", "such as 20240101_init.sql", "--dir"] {
            assert!(refused.to_string().contains(part), "{refused}");
        }
    }

    #[test]
    fn only_sql_files_go_along_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("2_b.SQL", "b"), ("1_a.sql", "a"), ("README.md", "no"), (".hidden", "no"), ("._1_a.sql", "no")] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        fs::create_dir(dir.path().join("old.sql")).unwrap();
        let files: Vec<_> = Found::in_folder(dir.path()).unwrap().files.into_iter().map(|file| (file.name, file.text)).collect();
        assert_eq!(files, [("1_a.sql".to_owned(), "a".to_owned()), ("2_b.SQL".to_owned(), "b".to_owned())]);
        assert!(Found::in_folder(&dir.path().join("nowhere")).unwrap_err().to_string().contains("nowhere"));
        fs::write(dir.path().join("3_c.sql"), b"select 1;\nselect '\xff';").unwrap();
        let refused = Found::in_folder(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("3_c.sql: line 2 is no UTF-8"), "{refused}");
    }
}
