//! The folder that seed files lie in.

use super::failure::refused;
use domain::migration::{InvalidSeedName, Seed};
use ports::driven::{MigrationError, SeedFile};
use std::{collections::BTreeMap, ffi::OsStr, path::Path};

/// Its seed files by name; only these where some are named. Files of other kinds are not seeds. What is meant as one and is none is refused: passed over, it
/// would be missed by nobody until its rows are.
pub(super) async fn find(folder: &Path, only: Option<Vec<String>>) -> Result<Vec<SeedFile>, MigrationError> {
    let mut found = list(folder).await?;
    let Some(only) = only else { return found.into_iter().map(|(name, file)| file.map_err(|unfit| unfit.refused(&name))).collect() };
    let mut wanted = BTreeMap::new();
    for name in only {
        let Some(file) = found.remove(&name) else {
            if wanted.contains_key(&name) {
                continue;
            }
            return Err(match Seed::named(&name) {
                Ok(_) => refused("seed_unknown", format!("there is no seed file '{name}' where the server looks for them (branching.seeds_dir)")),
                Err(reason) => Unfit::Name(reason).refused(&name),
            });
        };
        wanted.insert(name.clone(), file.map_err(|unfit| unfit.refused(&name))?);
    }
    Ok(wanted.into_values().collect())
}

/// Why what is called like a seed is none.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Unfit {
    /// Its name does not say what it is a seed of.
    Name(InvalidSeedName),
    /// Its name cannot be written down, and so be told or logged.
    Bytes,
    /// A link to a file that lies elsewhere, which may be anything that the server can read.
    Outside,
    /// A link to nothing.
    Nowhere,
    /// A pipe, a socket or a device: it may have no end.
    NoFile,
}

impl Unfit {
    fn refused(self, name: &str) -> MigrationError {
        let what = match self {
            Self::Name(reason) => return refused("seed_unfit", format!("the seed file {reason}")),
            Self::Bytes => "has a name that is not UTF-8: rename it",
            Self::Outside => "is a link that leads out of the folder of seeds (branching.seeds_dir): put the file itself there",
            Self::Nowhere => "is a link that leads nowhere: put the file itself into the folder of seeds (branching.seeds_dir), or take the link out",
            Self::NoFile => "is no regular file, but a pipe, a socket or a device: put a file in its place, or take it out",
        };
        refused("seed_unfit", format!("the seed file '{name}' {what}"))
    }
}

async fn list(folder: &Path) -> Result<BTreeMap<String, Result<SeedFile, Unfit>>, MigrationError> {
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
    let own = tokio::fs::canonicalize(folder).await.map_err(unreadable)?;
    let mut found = BTreeMap::new();
    while let Some(entry) = entries.next_entry().await.map_err(unreadable)? {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if !Seed::is_meant_by(&name) {
            continue;
        }
        let fit = match tokio::fs::canonicalize(&path).await {
            // Where it really lies: a link within the folder is as good as a file.
            Ok(real) if real.starts_with(&own) => {
                let file = tokio::fs::metadata(&real).await.map_err(unreadable)?.file_type();
                if file.is_dir() {
                    continue;
                }
                if file.is_file() { seed(&entry.file_name()).map(|seed| SeedFile { seed, path: real }) } else { Err(Unfit::NoFile) }
            }
            Ok(_) => Err(Unfit::Outside),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Unfit::Nowhere),
            Err(error) => return Err(unreadable(error)),
        };
        found.insert(name, fit);
    }
    Ok(found)
}

fn seed(name: &OsStr) -> Result<Seed, Unfit> {
    Seed::named(name.to_str().ok_or(Unfit::Bytes)?).map_err(Unfit::Name)
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
        for name in ["20_b.CSV", "10_a.sql", "readme.md", ".hidden.sql"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        let names = |files: Vec<ports::driven::SeedFile>| files.into_iter().map(|file| file.seed.name).collect::<Vec<_>>();
        assert_eq!(names(find(&folder, None).await.unwrap()), ["10_a.sql", "20_b.CSV"]);
        let some = vec!["20_b.CSV".to_owned(), "10_a.sql".to_owned(), "10_a.sql".to_owned()];
        assert_eq!(names(find(&folder, Some(some)).await.unwrap()), ["10_a.sql", "20_b.CSV"]);
        for (name, expected, said) in [
            ("30_c.sql", "seed_unknown", "no seed file '30_c.sql'"),
            ("../10_a.sql", "seed_unfit", "the name alone, without folders"),
            ("/etc/passwd", "seed_unfit", "the name alone, without folders"),
            ("readme.md", "seed_unfit", "neither .sql nor .csv"),
        ] {
            let refused = find(&folder, Some(vec![name.to_owned()])).await.unwrap_err();
            assert!(matches!(refused, MigrationError::Refused { code, .. } if code == expected) && refused.to_string().contains(said), "{refused:?}");
            assert!(!refused.to_string().contains("fluxbase-seeds-"), "where the folder is concerns nobody: {refused}");
        }
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(find(&folder, None).await.unwrap(), []);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_meant_as_a_seed_is_not_passed_over() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

        let folder = std::env::temp_dir().join(format!("fluxbase-meant-{}", std::process::id()));
        let names = [
            (&b"40_db.public.tasks.csv"[..], "does not name a table, or a schema and a table"),
            (b"50_.csv", "does not name a table"),
            (b"60_a\\b.sql", "without folders"),
            (b"70_us\xe2\x80\xaeers.sql", "U+202E"),
            (b"80_caf\xe9.sql", "not UTF-8"),
        ];
        for (name, said) in names {
            fs::create_dir_all(folder.join("90_old.b.c.csv")).unwrap();
            fs::write(folder.join("10_a.sql"), "x").unwrap();
            fs::write(folder.join(OsStr::from_bytes(name)), "x").unwrap();
            let refused = find(&folder, None).await.unwrap_err();
            assert!(matches!(refused, MigrationError::Refused { code: "seed_unfit", .. }) && refused.to_string().contains(said), "{refused:?}");
            assert_eq!(find(&folder, Some(vec!["10_a.sql".to_owned()])).await.unwrap().len(), 1, "what is named is not kept from being sown");
            fs::remove_dir_all(&folder).unwrap();
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn links_out_of_the_folder_are_not_followed() {
        use std::os::unix::{fs::symlink, net::UnixListener};

        let parent = std::env::temp_dir().join(format!("fluxbase-links-{}", std::process::id()));
        let folder = parent.join("seeds");
        fs::create_dir_all(folder.join("..data")).unwrap();
        fs::write(parent.join("10_secret.sql"), "x").unwrap();
        fs::write(folder.join("..data/20_b.sql"), "x").unwrap();
        symlink("../10_secret.sql", folder.join("10_a.sql")).unwrap();
        symlink("..data/20_b.sql", folder.join("20_b.sql")).unwrap();
        symlink("nothing", folder.join("30_c.sql")).unwrap();
        let _socket = UnixListener::bind(folder.join("40_d.csv")).unwrap();
        symlink(&parent, folder.join("50_e.sql")).unwrap();

        let named = |name: &str| find(&folder, Some(vec![name.to_owned()]));
        let inside = named("20_b.sql").await.unwrap();
        assert_eq!(fs::read_to_string(&inside[0].path).unwrap(), "x");
        for (name, part) in
            [("10_a.sql", "leads out of"), ("30_c.sql", "leads nowhere"), ("40_d.csv", "no regular file"), ("50_e.sql", "leads out of")]
        {
            let refused = named(name).await.unwrap_err();
            assert!(matches!(refused, MigrationError::Refused { code: "seed_unfit", .. }), "{refused:?}");
            let said = refused.to_string();
            assert!(said.contains(name) && said.contains(part) && !said.contains("fluxbase-links-"), "{said}");
        }
        assert!(find(&folder, None).await.unwrap_err().to_string().contains("10_a.sql"));
        fs::remove_dir_all(&parent).unwrap();
    }
}
