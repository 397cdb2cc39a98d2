//! Which database to connect to, as whom, and how far to trust the way there.

use std::{fmt, path::PathBuf};

use secrecy::SecretString;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name or address, and a port.
    Tcp(String, u16),
    /// The folder of a Unix socket, and the port that names the socket in it.
    Unix(PathBuf, u16),
}

/// How far the connection is to be encrypted and the server to be known, as libpq's `sslmode`. Unix sockets go without in every mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Never TLS.
    Disable,
    /// TLS where the server offers it; its certificate is not checked.
    Prefer,
    /// TLS or nothing; its certificate is not checked.
    Require,
    /// TLS, by a certificate that leads to a trusted root, whatever name it bears.
    VerifyCa,
    /// TLS, by a certificate that leads to a trusted root and bears the host's name.
    VerifyFull,
}

/// Whether the password exchange is tied to the TLS session, as libpq's `channel_binding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// Where both sides can.
    Prefer,
    /// Or no connection is made.
    Require,
}

/// Which database to connect to, as whom, and how far to trust the way there. Its Debug hides the password.
#[derive(Clone)]
pub struct Target {
    /// Where the server listens.
    pub host: Host,
    /// The login.
    pub user: String,
    /// Its password, where it has one.
    pub password: Option<SecretString>,
    /// The database.
    pub database: String,
    /// How far to encrypt and to check the server.
    pub tls: TlsMode,
    /// Trusted roots in PEM, instead of the public ones.
    pub root_certificate: Option<PathBuf>,
    /// Whether the password exchange is tied to the TLS session.
    pub channel_binding: ChannelBinding,
    /// What `pg_stat_activity` shows.
    pub application_name: String,
    /// Further settings of the session, as libpq's `options` (`-c name=value`).
    pub options: Option<String>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("host", &self.host)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "hidden"))
            .field("database", &self.database)
            .field("tls", &self.tls)
            .field("application_name", &self.application_name)
            .finish_non_exhaustive()
    }
}
