//! What PostgreSQL has on disk: the files of its databases, and its log.

use sqlx::PgPool;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Which file holds which of these words: of one database, after all of it was written out.
pub(crate) async fn found_in_files(superuser: &PgPool, database: &str, needles: &[&str]) -> Vec<String> {
    let (folder, own) = folders(superuser, database).await;
    let own = folder.join("base").join(own);
    assert!(own.read_dir().unwrap().count() > 200, "{} is a database's folder", own.display());
    search(&own, needles)
}

/// The same of everything that is neither that database's nor the log: other databases, templates, temporary files, statistics.
pub(crate) async fn found_elsewhere(superuser: &PgPool, database: &str, needles: &[&str]) -> Vec<String> {
    let (folder, own) = folders(superuser, database).await;
    let (own, log) = (folder.join("base").join(own), folder.join("pg_wal"));
    let mut found = search(&folder, needles);
    found.retain(|line| ![&own, &log].iter().any(|beside| line.contains(&format!("{}/", beside.display()))));
    found
}

/// The data directory after a checkpoint, and the name of a database's folder.
async fn folders(superuser: &PgPool, database: &str) -> (PathBuf, String) {
    sqlx::raw_sql("checkpoint").execute(superuser).await.unwrap();
    let (folder, own): (String, String) = sqlx::query_as("select current_setting('data_directory'), oid::text from pg_database where datname = $1")
        .bind(database)
        .fetch_one(superuser)
        .await
        .unwrap();
    (folder.into(), own)
}

/// A place in the log: the segment's name, and where in it.
pub(crate) type LogPosition = (String, i32);

/// Where the log ends.
pub(crate) async fn end_of_log(superuser: &PgPool) -> LogPosition {
    sqlx::query_as("select file_name, file_offset from pg_walfile_name_offset(pg_switch_wal())").fetch_one(superuser).await.unwrap()
}

/// What was logged since then. A segment is an older one's file, so what stands behind its end does not count.
pub(crate) async fn found_in_log(superuser: &PgPool, (first, begin): &LogPosition, needles: &[&str]) -> Vec<String> {
    let (last, end) = end_of_log(superuser).await;
    let folder: String = sqlx::query_scalar("select current_setting('data_directory')").fetch_one(superuser).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    let mut segments = 0;
    for entry in Path::new(&folder).join("pg_wal").read_dir().unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name.len() != first.len() || !(first..=&last).contains(&&name) {
            continue;
        }
        let bytes = fs::read(entry.path()).unwrap();
        let place = |offset: i32| usize::try_from(offset).unwrap();
        let from = if name == *first { place(*begin) } else { 0 };
        let to = if name == last { place(end) } else { bytes.len() };
        fs::write(copy.path().join(name), &bytes[from..to.max(from)]).unwrap();
        segments += 1;
    }
    assert!(segments > 0, "{first} to {last} of the log are there");
    search(copy.path(), needles)
}

/// By `grep`: these are hundreds of megabytes, and the tests are not compiled to be quick.
#[expect(clippy::disallowed_methods, reason = "the tests look at files that are none of the product's")]
fn search(folder: &Path, needles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for needle in needles {
        // A file may go while it looks, which it says and ends with an error.
        let output = Command::new("grep").args(["-rlaF", "--", needle]).arg(folder).env("LC_ALL", "C").output().unwrap();
        found.extend(String::from_utf8_lossy(&output.stdout).lines().map(|file| format!("{needle} in {file}")));
    }
    found
}
