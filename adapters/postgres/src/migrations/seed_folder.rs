//! The folder that seed files lie in.

use super::failure::refused;
use domain::migration::Seed;
use ports::driven::{MigrationError, SeedFile};
use std::{collections::BTreeMap, path::Path};

/// Its seed files by name; only these where some are named. Files of other kinds are not seeds.
pub(super) async fn find(folder: &Path, only: Option<Vec<String>>) -> Result<Vec<SeedFile>, MigrationError> {
    let mut found = list(folder).await?;
    let Some(only) = only else { return Ok(found.into_values().collect()) };
    let mut wanted = BTreeMap::new();
    for name in only {
        let Some(file) = found.remove(&name) else {
            if wanted.contains_key(&name) {
                continue;
            }
            return Err(refused("seed_unknown", format!("there is no seed file '{name}' where the server looks for them (branching.seeds_dir)")));
        };
        wanted.insert(name, file);
    }
    Ok(wanted.into_values().collect())
}

async fn list(folder: &Path) -> Result<BTreeMap<String, SeedFile>, MigrationError> {
    let unreadable = |error: std::io::Error| {
        // Where the folder is concerns nobody but who runs the server.
        tracing::warn!(folder = %folder.display(), %error, "the folder of seeds cannot be read");
        refused("seeds_unreadable", format!("the server's folder of seeds (branching.seeds_dir) cannot be read: {error}"))
    };
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut found = BTreeMap::new();
    while let Some(entry) = entries.next_entry().await.map_err(unreadable)? {
        let path = entry.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Ok(seed) = Seed::named(name) else { continue };
        let is_file = tokio::fs::metadata(&path).await.map_err(unreadable)?.is_file();
        if is_file {
            found.insert(name.to_owned(), SeedFile { seed, path: path.clone() });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::find;
    use ports::driven::MigrationError;
    use std::fs;

    #[tokio::test]
    async fn seeds_come_by_name_and_only_from_the_folder() {
        let folder = std::env::temp_dir().join(format!("fluxbase-seeds-{}", std::process::id()));
        fs::create_dir_all(folder.join("sub.sql")).unwrap();
        for name in ["20_b.csv", "10_a.sql", "readme.md", ".hidden.sql"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        let names = |files: Vec<ports::driven::SeedFile>| files.into_iter().map(|file| file.seed.name).collect::<Vec<_>>();
        assert_eq!(names(find(&folder, None).await.unwrap()), ["10_a.sql", "20_b.csv"]);
        let some = vec!["20_b.csv".to_owned(), "10_a.sql".to_owned(), "10_a.sql".to_owned()];
        assert_eq!(names(find(&folder, Some(some)).await.unwrap()), ["10_a.sql", "20_b.csv"]);
        for name in ["../10_a.sql", "30_c.sql", "/etc/passwd"] {
            let refused = find(&folder, Some(vec![name.to_owned()])).await.unwrap_err();
            assert!(matches!(refused, MigrationError::Refused { code: "seed_unknown", .. }), "{refused:?}");
            assert!(!refused.to_string().contains("fluxbase-seeds-"), "where the folder is concerns nobody: {refused}");
        }
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(find(&folder, None).await.unwrap(), []);
    }
}
