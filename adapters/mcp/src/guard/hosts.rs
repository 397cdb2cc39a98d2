//! Which hosts and origins a request may name: what keeps other people's web pages from using a browser's way to this server.

use crate::settings::McpSettings;
use domain::Slug;
use http::{HeaderMap, Uri, header, uri::Authority};
use std::str::FromStr;

/// A host that requests may be addressed to: `example.com`, or `example.com:8443` for that port only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    name: String,
    port: Option<u16>,
}

/// A text that is no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no host; expected a name or an address, with a port where only that one is meant: example.com, example.com:8443")]
pub struct InvalidHost(String);

impl FromStr for AllowedHost {
    type Err = InvalidHost;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let authority = Authority::try_from(raw).map_err(|_| InvalidHost(raw.to_owned()))?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(InvalidHost(raw.to_owned()));
        }
        Ok(Self { name: name(&authority), port: authority.port_u16() })
    }
}

/// A web origin whose pages may send requests: `https://app.example.com`, `http://localhost:*` for any port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin {
    scheme: String,
    name: String,
    /// `None` for any.
    port: Option<u16>,
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no web origin; expected scheme and host, with a port where it is not the scheme's: https://app.example.com, http://localhost:5173")]
pub struct InvalidOrigin(String);

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let (origin, any_port) = raw.strip_suffix(":*").map_or((raw, false), |origin| (origin, true));
        let (scheme, name, port) = origin_parts(origin).ok_or_else(|| InvalidOrigin(raw.to_owned()))?;
        Ok(Self { scheme, name, port: if any_port { None } else { Some(port) } })
    }
}

fn origin_parts(raw: &str) -> Option<(String, String, u16)> {
    let uri = Uri::try_from(raw).ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let authority = uri.authority()?;
    let port = authority.port_u16().or(match scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    })?;
    (uri.path() == "/" && uri.query().is_none()).then(|| (scheme, name(authority), port))
}

fn name(authority: &Authority) -> String {
    authority.host().trim_matches(['[', ']']).to_ascii_lowercase()
}

/// Names that lead to this machine from itself only.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The hosts and origins that are allowed.
pub(crate) struct HostPolicy {
    hosts: Vec<AllowedHost>,
    origins: Vec<AllowedOrigin>,
    /// In lower case, as names are.
    branch_domain: Option<String>,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForeignRequest {
    /// It does not say which host it is addressed to, or says it in no way that can be read.
    NoHost,
    /// It is addressed to a host that is not ours: a name was made to lead here.
    Host,
    /// A web page of somebody else sends it.
    Origin,
}

impl HostPolicy {
    /// The public URL, what the settings add, and the loopback names.
    pub(crate) fn new(settings: &McpSettings) -> Self {
        let loopback = LOOPBACK.map(str::to_owned);
        let mut hosts = settings.allowed_hosts.clone();
        let mut origins = settings.allowed_origins.clone();
        for name in loopback {
            hosts.push(AllowedHost { name: name.clone(), port: None });
            origins.push(AllowedOrigin { scheme: "http".to_owned(), name: name.clone(), port: None });
            origins.push(AllowedOrigin { scheme: "https".to_owned(), name, port: None });
        }
        if let Some(authority) = settings.public_url.as_ref().and_then(Uri::authority) {
            hosts.push(AllowedHost { name: name(authority), port: None });
        }
        if let Some(url) = &settings.public_url
            && let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority())
        {
            origins.extend(format!("{scheme}://{authority}").parse::<AllowedOrigin>());
        }
        Self { hosts, origins, branch_domain: settings.branch_domain.as_deref().map(str::to_ascii_lowercase) }
    }

    /// What stands before the branch domain in the name of the host that a request is addressed to.
    pub(crate) fn subdomain(&self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        let domain = self.branch_domain.as_deref()?;
        let authority = addressed_to(uri, headers).ok()?;
        before(&name(&authority), domain).map(str::to_owned)
    }

    /// Whether a request may come in.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ForeignRequest> {
        let authority = addressed_to(uri, headers)?;
        let (name, port) = (name(&authority), authority.port_u16());
        let slug = self.branch_domain.as_deref().and_then(|domain| before(&name, domain));
        let a_branchs = slug.is_some_and(|slug| slug.parse::<Slug>().is_ok());
        if !a_branchs && !self.hosts.iter().any(|host| host.name == name && host.port.is_none_or(|wanted| port == Some(wanted))) {
            return Err(ForeignRequest::Host);
        }
        for origin in headers.get_all(header::ORIGIN) {
            let origin = origin.to_str().ok().and_then(origin_parts).ok_or(ForeignRequest::Origin)?;
            // A page of a branch's host may ask that host, and no other branch's.
            let same = a_branchs && origin.1 == name;
            if !same && !self.origins.iter().any(|allowed| allowed.covers(&origin)) {
                return Err(ForeignRequest::Origin);
            }
        }
        Ok(())
    }
}

impl AllowedOrigin {
    fn covers(&self, (scheme, name, port): &(String, String, u16)) -> bool {
        self.scheme == *scheme && self.name == *name && self.port.is_none_or(|wanted| wanted == *port)
    }
}

/// What stands before a domain in a name under it.
fn before<'n>(name: &'n str, domain: &str) -> Option<&'n str> {
    name.strip_suffix(domain)?.strip_suffix('.')
}

/// Where the target names a host, as in HTTP/2, that one; else `Host`. One that says something else beside it is not believed.
fn addressed_to(uri: &Uri, headers: &HeaderMap) -> Result<Authority, ForeignRequest> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) => Some(host.to_str().ok().and_then(|host| Authority::try_from(host).ok()).ok_or(ForeignRequest::NoHost)?),
        (Some(_), Some(_)) => return Err(ForeignRequest::NoHost),
    };
    let addressed = match (uri.authority(), host) {
        (Some(target), Some(host)) if name(target) != name(&host) => return Err(ForeignRequest::NoHost),
        (Some(target), _) => target.clone(),
        (None, host) => host.ok_or(ForeignRequest::NoHost)?,
    };
    if is_plain(&addressed) { Ok(addressed) } else { Err(ForeignRequest::NoHost) }
}

/// A host and perhaps a port, which the parser lets be anything.
fn is_plain(authority: &Authority) -> bool {
    let rest = authority.as_str().strip_prefix(authority.host());
    rest.is_some_and(|rest| rest.is_empty() || rest == ":" || authority.port_u16().is_some())
}

#[cfg(test)]
mod tests {
    use super::{AllowedHost, AllowedOrigin, ForeignRequest, HostPolicy};
    use crate::settings::McpSettings;
    use http::{HeaderMap, HeaderName, HeaderValue, Uri};

    fn policy() -> HostPolicy {
        HostPolicy::new(&McpSettings {
            public_url: Some(Uri::from_static("https://db.example.com/base")),
            allowed_hosts: vec!["other.example.com:8443".parse().unwrap()],
            allowed_origins: vec!["https://app.example.com".parse().unwrap()],
            branch_domain: Some("Branches.example.com".to_owned()),
            ..McpSettings::default()
        })
    }

    fn check(pairs: &[(&'static str, &'static str)]) -> Result<(), ForeignRequest> {
        let headers: HeaderMap = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        policy().check(&Uri::from_static("/mcp"), &headers)
    }

    #[test]
    fn our_own_names_are_let_in() {
        for host in ["localhost:8080", "127.0.0.1", "[::1]:9", "LOCALHOST", "db.example.com", "db.example.com:8443", "other.example.com:8443"] {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
        }
        for origin in ["http://localhost:6274", "https://db.example.com", "https://db.example.com:443", "https://app.example.com", "http://[::1]:1"] {
            assert_eq!(check(&[("host", "localhost"), ("origin", origin)]), Ok(()), "{origin}");
        }
    }

    #[test]
    fn foreign_names_are_not() {
        for host in ["evil.example", "localhost.evil.example", "db.example.com.evil.example", "other.example.com", "0.0.0.0", "127.0.0.2"] {
            assert_eq!(check(&[("host", host)]), Err(ForeignRequest::Host), "{host}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "http://db.example.com",
            "https://db.example.com:8443",
            "https://app.example.com.evil.example",
            "file://",
            "",
            "http://localhost@evil.example",
        ] {
            assert_eq!(check(&[("host", "localhost"), ("origin", origin)]), Err(ForeignRequest::Origin), "{origin}");
        }
    }

    #[test]
    fn a_branchs_host_is_ours_and_its_pages_may_ask_it() {
        for host in ["pr-1.branches.example.com", "PR-1.branches.example.com:8080"] {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
            assert_eq!(check(&[("host", host), ("origin", "https://pr-1.branches.example.com")]), Ok(()), "{host}");
        }
        for host in ["branches.example.com", "a.b.branches.example.com", "xbranches.example.com", "-.branches.example.com", "pr-1.example.com"] {
            assert_eq!(check(&[("host", host)]), Err(ForeignRequest::Host), "{host}");
        }
        for (host, origin) in [("pr-1.branches.example.com", "https://pr-2.branches.example.com"), ("localhost", "https://pr-1.branches.example.com")]
        {
            assert_eq!(check(&[("host", host), ("origin", origin)]), Err(ForeignRequest::Origin), "{host} {origin}");
        }
    }

    #[test]
    fn without_a_host_nobody_comes_in() {
        assert_eq!(check(&[]), Err(ForeignRequest::NoHost));
        assert_eq!(check(&[("host", "a b")]), Err(ForeignRequest::NoHost));
        assert_eq!(policy().check(&Uri::from_static("http://localhost/mcp"), &HeaderMap::new()), Ok(()));
        for odd in ["user@localhost", "127.0.0.1:8080.evil.example", "localhost:99999", "evil.example:80@localhost"] {
            assert_eq!(check(&[("host", odd)]), Err(ForeignRequest::NoHost), "{odd}");
        }
    }

    #[test]
    fn a_host_in_the_target_is_the_one_that_counts() {
        let check = |target: &'static str, host: &'static str| {
            policy().check(&Uri::from_static(target), &HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static(host))]))
        };
        assert_eq!(check("http://localhost:8080/mcp", "localhost"), Ok(()));
        assert_eq!(check("http://evil.example/mcp", "evil.example"), Err(ForeignRequest::Host));
        assert_eq!(check("http://evil.example/mcp", "localhost"), Err(ForeignRequest::NoHost));
        assert_eq!(check("http://localhost/mcp", "evil.example"), Err(ForeignRequest::NoHost));
    }

    #[test]
    fn what_is_no_host_or_origin_cannot_be_set() {
        for raw in ["", "a b", "user@host", "http://host"] {
            assert!(raw.parse::<AllowedHost>().is_err(), "{raw}");
        }
        for raw in ["", "example.com", "https://example.com/path", "ftp://example.com", "https://"] {
            assert!(raw.parse::<AllowedOrigin>().is_err(), "{raw}");
        }
    }
}
