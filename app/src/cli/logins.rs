//! Who `fluxbase login` signed in, at which server: kept in the user's configuration folder, for its owner's eyes only.

use super::{
    failure::CliError,
    project::{read, unusable, unwritable},
};
use crate::{serve::files::write_private, system::SystemClock};
use client::{Credential, HttpClient, RemoteFailure};
use etcetera::BaseStrategy;
use ports::{
    driven::{Clock, Secret},
    driving::{RefreshSession, SessionTokens},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::{self, File},
    path::PathBuf,
};
use time::{Duration, OffsetDateTime};
use url::Url;

/// A token that expires so soon is exchanged before it is used.
const MARGIN: Duration = Duration::seconds(30);

/// The file of logins.
#[derive(Clone, Debug)]
pub(super) struct Logins {
    path: PathBuf,
}

/// What somebody is signed in by.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(super) enum Login {
    /// A key.
    Key {
        /// It.
        key: String,
    },
    /// A session.
    Session {
        /// Whose.
        email: String,
        /// Good for about an hour.
        access_token: String,
        /// What gets the next pair; good once.
        refresh_token: String,
        /// When the access token expires.
        #[serde(with = "time::serde::rfc3339")]
        expires_at: OffsetDateTime,
    },
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key { .. } => "Login(key)",
            Self::Session { .. } => "Login(session)",
        })
    }
}

impl Login {
    /// A session from its tokens.
    pub(super) fn of_session(tokens: &SessionTokens) -> Self {
        let lifetime = Duration::seconds(i64::try_from(tokens.expires_in).unwrap_or(i64::MAX));
        Self::Session {
            email: tokens.user.email.clone(),
            access_token: tokens.access_token.expose().to_owned(),
            refresh_token: tokens.refresh_token.expose().to_owned(),
            expires_at: SystemClock.now().saturating_add(lifetime),
        }
    }

    /// What requests carry.
    pub(super) fn credential(&self) -> Result<Credential, CliError> {
        let (Self::Key { key: text } | Self::Session { access_token: text, .. }) = self;
        Ok(Credential::from_text(text)?)
    }

    /// The token that gets the next pair, where that is due.
    fn due(&self) -> Option<&str> {
        match self {
            Self::Session { refresh_token, expires_at, .. } if *expires_at <= SystemClock.now() + MARGIN => Some(refresh_token),
            Self::Key { .. } | Self::Session { .. } => None,
        }
    }
}

impl Logins {
    /// Those of this user.
    pub(super) fn of_user() -> Option<Self> {
        let strategy = etcetera::choose_base_strategy().ok()?;
        Some(Self { path: strategy.config_dir().join("fluxbase/logins.json") })
    }

    /// The login at a server.
    pub(super) fn find(&self, server: &Url) -> Result<Option<Login>, CliError> {
        Ok(self.all()?.remove(&place(server)))
    }

    /// Keeps a login; `None` forgets it.
    pub(super) fn keep(&self, server: &Url, login: Option<&Login>) -> Result<(), CliError> {
        let folder = self.path.parent().expect("it lies in a folder");
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        let mut all = self.all()?;
        match login {
            Some(login) => all.insert(place(server), login.clone()),
            None => all.remove(&place(server)),
        };
        let text = serde_json::to_vec_pretty(&all).expect("texts are JSON");
        write_private(&self.path, &text).map_err(|error| unwritable(&self.path, &error))
    }

    /// Notes that this user named a server.
    pub(super) fn note(&self, server: &Url) -> Result<(), CliError> {
        let (path, mut servers) = (self.servers(), self.named()?);
        if !servers.insert(place(server)) {
            return Ok(());
        }
        let folder = path.parent().expect("it lies in a folder");
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        let text = serde_json::to_vec_pretty(&servers).expect("texts are JSON");
        write_private(&path, &text).map_err(|error| unwritable(&path, &error))
    }

    /// Whether this user named a server, or signed in there.
    pub(super) fn knows(&self, server: &Url) -> Result<bool, CliError> {
        Ok(self.named()?.contains(&place(server)) || self.all()?.contains_key(&place(server)))
    }

    fn named(&self) -> Result<BTreeSet<String>, CliError> {
        let path = self.servers();
        let Some(text) = read(&path)? else { return Ok(BTreeSet::new()) };
        serde_json::from_str(&text).map_err(|error| unusable(&path, &error))
    }

    fn servers(&self) -> PathBuf {
        self.path.with_file_name("servers.json")
    }

    /// The login's credential; a session whose access token expires is given the next one. Commands at the same time take turns: a refresh token is good
    /// once, and one that comes back a second time ends the session.
    pub(super) async fn fresh_credential(&self, client: &HttpClient, server: &Url, login: Login) -> Result<Option<Credential>, CliError> {
        if login.due().is_none() {
            return login.credential().map(Some);
        }
        let lock = self.path.with_extension("lock");
        let turn = File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(|error| unwritable(&lock, &error))?;
        let Some(login) = self.find(server)? else { return Ok(None) };
        let Some(refresh_token) = login.due() else { return login.credential().map(Some) };
        let refreshed = client.send(&RefreshSession { refresh_token: Secret::new(refresh_token) }).await;
        let login = match refreshed {
            Ok(answer) => Login::of_session(&answer.output),
            Err(failure) if failure.status() == Some(401) => return Err(over(&failure)),
            Err(failure) => return Err(failure.into()),
        };
        self.keep(server, Some(&login))?;
        drop(turn);
        login.credential().map(Some)
    }

    fn all(&self) -> Result<BTreeMap<String, Login>, CliError> {
        let Some(text) = read(&self.path)? else { return Ok(BTreeMap::new()) };
        serde_json::from_str(&text).map_err(|error| unusable(&self.path, &error))
    }

    #[cfg(test)]
    pub(super) fn in_file(path: PathBuf) -> Self {
        Self { path }
    }
}

fn over(failure: &RemoteFailure) -> CliError {
    CliError::local("session_over", format!("the session is over: {failure}"), Some("sign in again with `fluxbase login`"))
}

/// A server, whatever stands behind its port.
fn place(server: &Url) -> String {
    server.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Login, Logins};
    use crate::{cli::testing::Server, system::SystemClock};
    use client::Credential;
    use ports::driven::Clock;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;
    use time::Duration;

    fn session(expires_in: Duration) -> Login {
        let (access_token, refresh_token) = ("old.access.token".to_owned(), "old".to_owned());
        Login::Session { email: "a@example.com".to_owned(), access_token, refresh_token, expires_at: SystemClock.now() + expires_in }
    }

    fn text(credential: Option<Credential>) -> String {
        credential.unwrap().header_value().expose().to_owned()
    }

    #[tokio::test]
    async fn a_session_that_runs_out_is_refreshed_and_kept() {
        let user = json!({
            "id": "00000000-0000-4000-8000-000000000001", "email": "a@example.com", "admin": false, "member": true, "created_at": "2026-01-02T03:04:05Z",
        });
        let tokens = json!({ "access_token": "new.access.token", "refresh_token": "new", "expires_in": 3600, "user": user });
        let server = Server::answering([(200, tokens)]).await;
        let dir = tempfile::tempdir().unwrap();
        let (logins, url) = (Logins::in_file(dir.path().join("fluxbase/logins.json")), server.url());
        logins.keep(&url, Some(&session(Duration::seconds(5)))).unwrap();
        let mode = std::fs::metadata(dir.path().join("fluxbase/logins.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let login = logins.find(&url).unwrap().unwrap();
        let fresh = logins.fresh_credential(&server.client(), &url, login.clone()).await.unwrap();
        assert_eq!(text(fresh), "Bearer new.access.token");
        // Another command that saw the old one finds the new one, and asks nobody.
        assert_eq!(text(logins.fresh_credential(&server.client(), &url, login).await.unwrap()), "Bearer new.access.token");
        assert_eq!(server.asked(), ["POST /api/v1/auth/refresh"]);
        logins.keep(&url, None).unwrap();
        assert!(logins.find(&url).unwrap().is_none());
    }

    #[test]
    fn a_server_is_known_by_being_named_or_signed_in_at() {
        let dir = tempfile::tempdir().unwrap();
        let logins = Logins::in_file(dir.path().join("fluxbase/logins.json"));
        let [named, signed_in, other] = ["https://a.example.com", "https://b.example.com", "https://c.example.com"].map(|url| url.parse().unwrap());
        logins.note(&named).unwrap();
        logins.keep(&signed_in, Some(&Login::Key { key: "fb_pk_a".to_owned() })).unwrap();
        assert_eq!([&named, &signed_in, &other].map(|url| logins.knows(url).unwrap()), [true, true, false]);
    }

    #[tokio::test]
    async fn one_that_is_good_is_used_as_it_is_and_one_that_is_over_says_so() {
        let server = Server::answering([(401, json!({ "code": "unauthenticated", "detail": "the refresh token is not valid" }))]).await;
        let dir = tempfile::tempdir().unwrap();
        let (logins, url) = (Logins::in_file(dir.path().join("logins.json")), server.url());
        let good = logins.fresh_credential(&server.client(), &url, session(Duration::HOUR)).await.unwrap();
        assert_eq!(text(good), "Bearer old.access.token");
        logins.keep(&url, Some(&session(Duration::ZERO))).unwrap();
        let error = logins.fresh_credential(&server.client(), &url, session(Duration::ZERO)).await.unwrap_err();
        assert!(error.to_string().contains("the session is over"), "{error}");
    }
}
