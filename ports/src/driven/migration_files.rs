//! The migration files of the project.

use super::MigrationError;
use async_trait::async_trait;

/// A file as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// Its name, without folders.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Reads the files of `migrations.dir`, where the server runs.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MigrationFiles: Send + Sync {
    /// The files whose names end in `.sql`, by name; none where there is no such folder.
    async fn read(&self) -> Result<Vec<ProjectFile>, MigrationError>;
}
