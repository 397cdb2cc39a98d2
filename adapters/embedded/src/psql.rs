//! Opening psql on a cluster that another process runs.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use secrecy::ExposeSecret;

use crate::{SUPERUSER, address::Address, child, folders::pgdata};

/// What would lead psql somewhere else than to the cluster.
const MISLEADING: [&str; 6] = ["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGSSLMODE", "PGTARGETSESSIONATTRS", "PGREQUIREAUTH"];

/// psql did not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot run {}: {source}; install PostgreSQL's client programs, or use `fluxbase db url` with another client", program.display())]
pub struct NoPsql {
    program: PathBuf,
    source: io::Error,
}

/// Becomes psql, as the cluster's superuser; returns only where that cannot be done.
///
/// The password goes by the environment, so that no list of processes shows it. Where a role is named, the session begins as it.
pub fn become_psql(data_dir: &Path, address: &Address, database: &str, role: Option<&str>, arguments: &[OsString]) -> NoPsql {
    let program = psql_beside(&pgdata(data_dir)).unwrap_or_else(|| PathBuf::from("psql"));
    let source = command(&program, address, database, role, arguments).exec();
    NoPsql { program, source }
}

fn command(program: &Path, address: &Address, database: &str, role: Option<&str>, arguments: &[OsString]) -> Command {
    let mut command = child::command(program);
    for name in MISLEADING {
        command.env_remove(name);
    }
    command
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", address.port().to_string())
        .env("PGUSER", SUPERUSER)
        .env("PGPASSWORD", address.password().expose_secret())
        .env("PGDATABASE", database)
        .args(arguments);
    if let Some(role) = role {
        command.env("PGOPTIONS", format!("-c role={role}"));
    }
    command
}

/// The psql of the installation that runs the server: a client of the same version knows all of its catalogues.
fn psql_beside(pgdata: &Path) -> Option<PathBuf> {
    let options = fs::read_to_string(pgdata.join("postmaster.opts")).ok()?;
    let psql = server_program(&options)?.with_file_name("psql");
    psql.is_file().then_some(psql)
}

/// The server writes how it was started: its program, then its arguments in quotes.
fn server_program(options: &str) -> Option<&Path> {
    let line = options.lines().next()?;
    let program = line.split(" \"").next()?;
    Some(Path::new(program)).filter(|program| program.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::{command, psql_beside, server_program};
    use crate::Address;
    use std::{ffi::OsStr, fs, path::Path};

    #[test]
    fn the_installation_is_told_by_what_the_server_wrote() {
        let options = "/opt/my pg/bin/postgres \"-D\" \"/d/postgres\" \"-c\" \"port=5433\"\n";
        assert_eq!(server_program(options), Some(Path::new("/opt/my pg/bin/postgres")));
        assert_eq!(server_program("postgres \"-D\"\n"), None);
        assert_eq!(server_program(""), None);
    }

    #[test]
    fn a_psql_that_is_not_there_is_not_named() {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::write(dir.path().join("postmaster.opts"), format!("{}/postgres \"-D\"\n", bin.display())).unwrap();
        assert_eq!(psql_beside(dir.path()), None);
        fs::write(bin.join("psql"), "").unwrap();
        assert_eq!(psql_beside(dir.path()), Some(bin.join("psql")));
    }

    #[test]
    fn the_password_is_in_the_environment_and_nowhere_else() {
        let address = Address::new(5433, None, "s3cret".to_owned().into());
        let command = command(Path::new("psql"), &address, "fluxbase", Some("owner"), &["-c".into(), "select 1".into()]);
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["-c", "select 1"]);
        let variable = |name: &str| command.get_envs().find(|(known, _)| *known == OsStr::new(name)).and_then(|(_, value)| value);
        assert_eq!(variable("PGPASSWORD"), Some(OsStr::new("s3cret")));
        assert_eq!(variable("PGOPTIONS"), Some(OsStr::new("-c role=owner")));
        assert_eq!((variable("PGPORT"), variable("PGSERVICE")), (Some(OsStr::new("5433")), None));
    }
}
