//! `fluxbase migrations new`.

use super::EXAMPLES;
use crate::{
    cli::{context::Context, failure::CliError, project::unwritable},
    system::SystemClock,
};
use ports::driven::Clock;
use serde_json::json;
use std::{
    collections::HashSet,
    fs,
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
};
use time::{Duration, OffsetDateTime, macros::format_description};

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NewArgs {
    /// What it does, such as "add tasks"
    #[arg(value_parser = words)]
    name: String,
    /// The folder for it [default: migrations/ of the project]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Lower case, with underscores between what is neither letter nor digit.
fn words(text: &str) -> Result<String, String> {
    let lower = text.to_lowercase();
    let words: Vec<_> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { Err("expected a few words, such as add_tasks".to_owned()) } else { Ok(words.join("_")) }
}

pub(super) fn run(context: &Context, args: NewArgs) -> Result<(), CliError> {
    let dir = args.dir.map_or_else(Context::migrations_of_project, Ok)?;
    let path = dir.join(file_name(&args.name, free_version(&dir, SystemClock.now())));
    let text = format!("-- {}\n", args.name.replace('_', " "));
    let made = fs::create_dir_all(&dir).and_then(|()| OpenOptions::new().write(true).create_new(true).open(&path));
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| unwritable(&path, &error))?;
    let path = path.display().to_string();
    context.print(&json!({ "path": path }), || path.clone())
}

/// The time is the version: files of people who work at the same time do not collide.
fn file_name(words: &str, version: OffsetDateTime) -> String {
    format!("{}_{words}.sql", digits(version))
}

fn digits(version: OffsetDateTime) -> String {
    version.format(format_description!("[year][month][day][hour][minute][second]")).expect("a time has these parts")
}

/// The first second from now on that no file of the folder has: of two made at once neither could be applied.
fn free_version(dir: &Path, now: OffsetDateTime) -> OffsetDateTime {
    let names = fs::read_dir(dir).into_iter().flatten().flatten().map(|file| file.file_name().to_string_lossy().into_owned());
    let taken: HashSet<String> = names.map(|name| name.chars().take_while(char::is_ascii_digit).collect()).collect();
    let mut version = now;
    while taken.contains(&digits(version)) {
        version += Duration::SECOND;
    }
    version
}

#[cfg(test)]
mod tests {
    use super::{file_name, free_version, words};
    use std::fs;
    use time::{Duration, OffsetDateTime};

    #[test]
    fn a_file_is_named_by_the_time_and_what_it_does() {
        assert_eq!(words("Add tasks: due-dates").unwrap(), "add_tasks_due_dates");
        assert!(words("--").is_err());
        assert_eq!(file_name("add_tasks", OffsetDateTime::UNIX_EPOCH), "19700101000000_add_tasks.sql");
    }

    #[test]
    fn files_that_are_made_at_once_have_versions_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(free_version(&dir.path().join("none"), now), now);
        for second in 0..3 {
            let version = free_version(dir.path(), now);
            assert_eq!(version, now + Duration::seconds(second));
            fs::write(dir.path().join(file_name("a", version)), "").unwrap();
        }
    }
}
