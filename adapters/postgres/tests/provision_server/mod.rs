//! The tests' server, as the wire knows servers.

use crate::cluster::{PASSWORD, cluster};
use fluxbase_postgres::wire::{ChannelBinding, Host, Target, TlsMode};

/// The server, as the superuser reaches it.
pub(crate) fn server() -> Target {
    Target {
        host: Host::Unix(cluster().folder.clone(), cluster().port),
        user: "postgres".to_owned(),
        password: Some(PASSWORD.into()),
        database: "postgres".to_owned(),
        tls: TlsMode::Disable,
        root_certificate: None,
        channel_binding: ChannelBinding::Prefer,
        application_name: "test".to_owned(),
        options: None,
    }
}
