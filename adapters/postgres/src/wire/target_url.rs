//! Reads a target from a `postgres://` URL, with the parameters of libpq that matter here.

use std::{borrow::Cow, str::FromStr};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::target::{ChannelBinding, Host, Target, TlsMode};

const PORT: u16 = 5432;

/// Why a URL names no target. The texts never hold the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Not a URL at all.
    #[error("not a URL: {0}")]
    NotAUrl(url::ParseError),
    /// A URL of something else.
    #[error("the URL does not begin with postgres:// or postgresql://")]
    Scheme,
    /// Nobody to log in as.
    #[error("the URL names no user")]
    NoUser,
    /// A part that is not UTF-8 after percent decoding, or holds a NUL byte.
    #[error("the {0} in the URL is not text")]
    NotText(&'static str),
    /// A port that is no port.
    #[error("the port in the URL is no port")]
    Port,
    /// A value outside the parameter's list.
    #[error("`{value}` is no value of `{parameter}`; one of {allowed} would be")]
    Value {
        /// The parameter.
        parameter: &'static str,
        /// What it was given.
        value: String,
        /// What it takes.
        allowed: &'static str,
    },
    /// A parameter that would be ignored.
    #[error("the URL parameter `{0}` is not known here")]
    UnknownParameter(String),
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(raw).map_err(InvalidTarget::NotAUrl)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(InvalidTarget::Scheme);
        }
        let decoded = |what, text| decode(what, text).map(Cow::into_owned);
        let mut host = decoded("host", url.host_str().unwrap_or("localhost"))?;
        let mut port = url.port().unwrap_or(PORT);
        let mut user = decoded("user", url.username())?;
        let mut password = url.password().map(|text| decoded("password", text)).transpose()?;
        let mut database = decoded("database", url.path().trim_start_matches('/'))?;
        let mut target = Self {
            host: Host::Tcp(String::new(), 0),
            user: String::new(),
            password: None,
            database: String::new(),
            tls: TlsMode::Prefer,
            root_certificate: None,
            channel_binding: ChannelBinding::Prefer,
            application_name: ports::driven::CONTROL_PLANE_APPLICATION.to_owned(),
            options: None,
        };
        for (name, value) in url.query_pairs() {
            let value = value.into_owned();
            match &*name {
                "host" => host = value,
                "port" => port = value.parse().map_err(|_| InvalidTarget::Port)?,
                "user" => user = value,
                "password" => password = Some(value),
                "dbname" => database = value,
                "sslmode" => target.tls = tls_mode(value)?,
                "sslrootcert" => target.root_certificate = Some(value.into()),
                "channel_binding" => target.channel_binding = channel_binding(value)?,
                "application_name" => target.application_name = value,
                "options" => target.options = Some(value),
                _ => return Err(InvalidTarget::UnknownParameter(name.into_owned())),
            }
        }
        if user.is_empty() {
            return Err(InvalidTarget::NoUser);
        }
        if database.is_empty() {
            database.clone_from(&user);
        }
        if target.root_certificate.is_some() && target.tls == TlsMode::Require {
            target.tls = TlsMode::VerifyCa; // as libpq: who names a root wants it checked
        }
        for (what, text) in [("user", &user), ("database", &database), ("application name", &target.application_name)] {
            if text.contains('\0') {
                return Err(InvalidTarget::NotText(what));
            }
        }
        target.host = if host.starts_with('/') { Host::Unix(host.into(), port) } else { Host::Tcp(host.trim_matches(['[', ']']).to_owned(), port) };
        (target.user, target.database, target.password) = (user, database, password.map(SecretString::from));
        Ok(target)
    }
}

fn decode<'a>(what: &'static str, text: &'a str) -> Result<Cow<'a, str>, InvalidTarget> {
    percent_decode_str(text).decode_utf8().map_err(|_| InvalidTarget::NotText(what))
}

fn tls_mode(value: String) -> Result<TlsMode, InvalidTarget> {
    match value.as_str() {
        "disable" => Ok(TlsMode::Disable),
        "prefer" => Ok(TlsMode::Prefer),
        "require" => Ok(TlsMode::Require),
        "verify-ca" => Ok(TlsMode::VerifyCa),
        "verify-full" => Ok(TlsMode::VerifyFull),
        _ => Err(InvalidTarget::Value { parameter: "sslmode", value, allowed: "disable, prefer, require, verify-ca, verify-full" }),
    }
}

fn channel_binding(value: String) -> Result<ChannelBinding, InvalidTarget> {
    match value.as_str() {
        "disable" => Ok(ChannelBinding::Disable),
        "prefer" => Ok(ChannelBinding::Prefer),
        "require" => Ok(ChannelBinding::Require),
        _ => Err(InvalidTarget::Value { parameter: "channel_binding", value, allowed: "disable, prefer, require" }),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn target(url: &str) -> Target {
        url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn a_url_names_host_user_password_and_database() {
        let target = target("postgresql://al%40ice:p%2Fw%3A@db.example.com:6543/my%20db?sslmode=verify-full&application_name=x");
        assert_eq!(target.host, Host::Tcp("db.example.com".into(), 6543));
        assert_eq!((target.user.as_str(), target.database.as_str()), ("al@ice", "my db"));
        assert_eq!(target.password.as_ref().unwrap().expose_secret(), "p/w:");
        assert_eq!((target.tls, target.application_name.as_str()), (TlsMode::VerifyFull, "x"));
        assert!(!format!("{target:?}").contains("p/w"));
    }

    #[test]
    fn what_a_url_leaves_out_is_as_in_libpq() {
        let target = target("postgres://bob@localhost");
        assert_eq!((target.host, target.database.as_str()), (Host::Tcp("localhost".into(), 5432), "bob"));
        assert_eq!((target.tls, target.channel_binding), (TlsMode::Prefer, ChannelBinding::Prefer));
    }

    #[test]
    fn a_folder_is_a_unix_socket_and_brackets_are_ipv6() {
        let unix = Host::Unix("/run/pg".into(), 5433);
        assert_eq!(target("postgres://u:p@%2Frun%2Fpg:5433/d").host, unix);
        assert_eq!(target("postgres://u:p@localhost:5433/d?host=/run/pg").host, unix);
        assert_eq!(target("postgres:///d?host=/run/pg&port=5433&user=u").host, unix);
        assert_eq!(target("postgres://u@[::1]:1/d").host, Host::Tcp("::1".into(), 1));
    }

    #[test]
    fn a_root_with_require_is_checked() {
        assert_eq!(target("postgres://u@h/d?sslmode=require&sslrootcert=/ca.pem").tls, TlsMode::VerifyCa);
    }

    #[test]
    fn what_would_be_ignored_is_refused() {
        let refused = |url: &str| url.parse::<Target>().unwrap_err();
        assert_eq!(refused("mysql://u@h/d"), InvalidTarget::Scheme);
        assert_eq!(refused("postgres://h/d"), InvalidTarget::NoUser);
        assert_eq!(refused("postgres://u@h/d?sslmoed=require"), InvalidTarget::UnknownParameter("sslmoed".into()));
        assert!(refused("postgres://u@h/d?sslmode=allow").to_string().contains("verify-full"));
        assert_eq!(refused("postgres://u%00@h/d"), InvalidTarget::NotText("user"));
    }
}
