//! `fluxbase migrations new`.

use super::EXAMPLES;
use crate::{
    cli::{context::Context, failure::CliError, project::unwritable},
    system::SystemClock,
};
use ports::driven::Clock;
use serde_json::json;
use std::{fs, fs::OpenOptions, io::Write, path::PathBuf};
use time::{OffsetDateTime, macros::format_description};

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
    let dir = args.dir.unwrap_or_else(Context::migrations_of_project);
    let path = dir.join(file_name(&args.name, SystemClock.now()));
    let text = format!("-- {}\n", args.name.replace('_', " "));
    let made = fs::create_dir_all(&dir).and_then(|()| OpenOptions::new().write(true).create_new(true).open(&path));
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| unwritable(&path, &error))?;
    let path = path.display().to_string();
    context.print(&json!({ "path": path }), || path.clone())
}

/// The time is the version: files of people who work at the same time do not collide.
fn file_name(words: &str, now: OffsetDateTime) -> String {
    let version = now.format(format_description!("[year][month][day][hour][minute][second]")).expect("a time has these parts");
    format!("{version}_{words}.sql")
}

#[cfg(test)]
mod tests {
    use super::{file_name, words};
    use time::OffsetDateTime;

    #[test]
    fn a_file_is_named_by_the_time_and_what_it_does() {
        assert_eq!(words("Add tasks: due-dates").unwrap(), "add_tasks_due_dates");
        assert!(words("--").is_err());
        assert_eq!(file_name("add_tasks", OffsetDateTime::UNIX_EPOCH), "19700101000000_add_tasks.sql");
    }
}
