//! Where a running cluster is reached, and as whom.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{SUPERUSER, error::ClusterError, folders::pgdata, orphan::PidFile, password};

/// Where a running cluster is reached by its superuser. Debug hides the password.
#[derive(Clone, Debug)]
pub struct Address {
    port: u16,
    socket_dir: Option<PathBuf>,
    password: SecretString,
}

impl Address {
    pub(crate) fn new(port: u16, socket_dir: Option<PathBuf>, password: SecretString) -> Self {
        Self { port, socket_dir, password }
    }

    /// The address of the cluster that another process runs on this data folder: for `fluxbase db url` and the like. `None` while none is ready.
    pub fn of_running(data_dir: &Path) -> Result<Option<Self>, ClusterError> {
        let Some(found) = PidFile::read(&pgdata(data_dir)).filter(PidFile::is_ready) else {
            return Ok(None);
        };
        if !found.is_of(&pgdata(data_dir)) {
            return Ok(None);
        }
        let password = password::read(data_dir)?;
        Ok(Some(Self::new(found.port, found.socket_dir, password)))
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the Unix socket; `None` where the data folder's path is too long for one.
    pub fn socket_dir(&self) -> Option<&Path> {
        self.socket_dir.as_deref()
    }

    /// The superuser's password, for clients that take it apart from the URL.
    pub fn password(&self) -> &SecretString {
        &self.password
    }

    /// The superuser's URL for one database.
    pub fn superuser_url(&self, database: &str) -> SecretString {
        let mut url = Url::parse("postgres://127.0.0.1").expect("a constant URL is valid");
        let usable = "a URL with a host takes user, password, port and path";
        url.set_port(Some(self.port)).expect(usable);
        url.set_username(SUPERUSER).expect(usable);
        url.set_password(Some(self.password.expose_secret())).expect(usable);
        url.path_segments_mut().expect(usable).push(database);
        String::from(url).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_whole_and_debug_hides_the_password() {
        let address = Address::new(5433, None, "s3cret".to_owned().into());
        let url = address.superuser_url("a/b");
        assert_eq!(url.expose_secret(), "postgres://fluxbase:s3cret@127.0.0.1:5433/a%2Fb");
        assert!(!format!("{address:?} {url:?}").contains("s3cret"));
    }
}
