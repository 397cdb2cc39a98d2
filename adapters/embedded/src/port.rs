//! The port of a cluster: the same from start to start where nobody else has taken it, since people keep URLs that name it.

use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

fn file_in(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres.port")
}

/// The port that the cluster had; `None` where it had none, or what is written there is none.
pub(crate) fn kept(data_dir: &Path) -> Option<u16> {
    fs::read_to_string(file_in(data_dir)).ok()?.trim().parse().ok().filter(|port| *port != 0)
}

/// Keeps it for the next start. Where that fails, that start takes another port, as it would have without.
pub(crate) fn keep(data_dir: &Path, port: u16) {
    if kept(data_dir) == Some(port) {
        return;
    }
    let path = file_in(data_dir);
    let beside = path.with_extension("port.new");
    if let Err(error) = fs::write(&beside, format!("{port}\n")).and_then(|()| fs::rename(&beside, &path)) {
        tracing::warn!(%error, path = %path.display(), port, "the port of the embedded PostgreSQL could not be kept: the next start takes another");
    }
}

/// A port on loopback that nobody has at this moment.
pub(crate) fn free() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::{file_in, keep, kept};
    use std::fs;

    #[test]
    fn it_is_kept_and_what_is_none_is_not() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(kept(dir.path()), None);
        for port in [54321, 54322] {
            keep(dir.path(), port);
            assert_eq!(kept(dir.path()), Some(port));
        }
        for text in ["", "0", "65536", "none"] {
            fs::write(file_in(dir.path()), text).unwrap();
            assert_eq!(kept(dir.path()), None, "{text}");
        }
    }
}
