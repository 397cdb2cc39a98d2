//! The folder that the project's migrations lie in.

use super::failure::refused;
use async_trait::async_trait;
use domain::migration::MigrationFile;
use ports::driven::{MigrationError, MigrationFiles, ProjectFile};
use std::{collections::BTreeMap, io::ErrorKind, path::PathBuf};

/// Files of `migrations.dir`. A folder that is not there holds none.
#[derive(Debug)]
pub struct MigrationFolder {
    folder: PathBuf,
}

impl MigrationFolder {
    /// A folder, which need not be there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn unreadable(&self, error: &std::io::Error) -> MigrationError {
        refused("migrations_unreadable", format!("the folder of migrations '{}' cannot be read: {error}", self.folder.display()))
    }
}

#[async_trait]
impl MigrationFiles for MigrationFolder {
    async fn read(&self) -> Result<Vec<ProjectFile>, MigrationError> {
        let mut entries = match tokio::fs::read_dir(&self.folder).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.unreadable(&error)),
        };
        let mut found = BTreeMap::new();
        while let Some(entry) = entries.next_entry().await.map_err(|error| self.unreadable(&error))? {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !MigrationFile::is_meant_by(&name) {
                continue;
            }
            let path = entry.path();
            // A folder is none, however it is called; a link is what it leads to.
            if tokio::fs::metadata(&path).await.map_err(|error| self.unreadable(&error))?.is_file() {
                found.insert(name, tokio::fs::read(&path).await.map_err(|error| self.unreadable(&error))?);
            }
        }
        Ok(found.into_iter().map(|(name, bytes)| ProjectFile { name, bytes }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::MigrationFolder;
    use ports::driven::MigrationFiles;
    use std::fs;

    #[tokio::test]
    async fn files_come_by_name_and_others_are_left() {
        let folder = std::env::temp_dir().join(format!("fluxbase-migrations-{}", std::process::id()));
        fs::create_dir_all(folder.join("0_old.sql")).unwrap();
        for name in ["2_b.SQL", "1_a.sql", "readme.md", ".3_hidden.sql"] {
            fs::write(folder.join(name), name).unwrap();
        }
        let read = MigrationFolder::new(&folder).read().await.unwrap();
        assert_eq!(
            read.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())).collect::<Vec<_>>(),
            [("1_a.sql", &b"1_a.sql"[..]), ("2_b.SQL", b"2_b.SQL")]
        );
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(MigrationFolder::new(&folder).read().await.unwrap(), []);
    }
}
