//! Connections to branches' databases in JSON.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use poem_openapi::Object;
use ports::{
    driven::{BranchLogin, Secret},
    driving::IssuedConnection,
};
use time::OffsetDateTime;

/// Where and as whom to connect to a branch's database.
#[derive(Object)]
#[oai(rename = "Connection")]
pub(crate) struct ConnectionDocument {
    /// What psql and drivers take. With its password only in the answer that made it.
    pub(crate) url: String,
    /// The role: it can connect to this branch's database and to no other that Fluxbase made.
    pub(crate) user: String,
    /// The host.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// The database. After a reset it is another one.
    pub(crate) database: String,
    /// When the password was made.
    pub(crate) rotated_at: OffsetDateTime,
    /// Other databases of the server that let anybody in, this role too.
    pub(crate) other_databases: Vec<String>,
}

impl ConnectionDocument {
    fn of(login: BranchLogin, password: Option<&Secret>) -> Self {
        let database = login.database.to_string();
        let url = url(&login, password);
        let BranchLogin { user, host, port, rotated_at, other_databases, .. } = login;
        Self { url, user, host, port, database, rotated_at, other_databases }
    }
}

impl From<BranchLogin> for ConnectionDocument {
    fn from(login: BranchLogin) -> Self {
        Self::of(login, None)
    }
}

impl From<IssuedConnection> for ConnectionDocument {
    fn from(issued: IssuedConnection) -> Self {
        Self::of(issued.login, Some(&issued.password))
    }
}

/// What a URL may hold as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn url(login: &BranchLogin, password: Option<&Secret>) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let password = password.map(|password| format!(":{}", encoded(password.expose()))).unwrap_or_default();
    let (user, database, port) = (encoded(&login.user), encoded(login.database.as_str()), login.port);
    if login.host.starts_with('/') {
        return format!("postgres://{user}{password}@/{database}?host={}&port={port}", encoded(&login.host));
    }
    let host = if login.host.contains(':') { format!("[{}]", login.host) } else { login.host.clone() };
    format!("postgres://{user}{password}@{host}:{port}/{database}")
}

#[cfg(test)]
mod tests {
    use super::ConnectionDocument;
    use domain::branch::DatabaseName;
    use ports::{
        driven::{BranchLogin, Secret},
        driving::IssuedConnection,
    };
    use time::OffsetDateTime;

    fn login(host: &str) -> BranchLogin {
        BranchLogin {
            user: "fluxbase_1_branch_2".to_owned(),
            host: host.to_owned(),
            port: 5432,
            database: DatabaseName::existing("odd name/1"),
            rotated_at: OffsetDateTime::UNIX_EPOCH,
            other_databases: Vec::new(),
        }
    }

    #[test]
    fn urls_are_what_drivers_take() {
        let issued = IssuedConnection { login: login("db.example.com"), password: Secret::new("p@ss/w:rd") };
        assert_eq!(ConnectionDocument::from(issued).url, "postgres://fluxbase_1_branch_2:p%40ss%2Fw%3Ard@db.example.com:5432/odd%20name%2F1");
        assert_eq!(ConnectionDocument::from(login("::1")).url, "postgres://fluxbase_1_branch_2@[::1]:5432/odd%20name%2F1");
        let socket = ConnectionDocument::from(login("/run/postgresql")).url;
        assert_eq!(socket, "postgres://fluxbase_1_branch_2@/odd%20name%2F1?host=%2Frun%2Fpostgresql&port=5432");
    }
}
