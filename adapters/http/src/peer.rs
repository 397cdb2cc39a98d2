//! Whom requests come from: the other end of the connection, or whom a trusted proxy names.

use domain::access::Peer;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use poem::Request;
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whom a request that came through the [`crate::Edge`] came from.
pub(crate) fn peer(request: &Request) -> Option<Peer> {
    request.extensions().get().copied()
}

/// The proxies whose `X-Forwarded-For` is believed. Anybody can send that header: without a proxy that is known, it tells nothing.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// A text that is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no address and no network; expected something like 10.0.0.7, 10.0.0.0/8 or fd00::/8")]
pub struct InvalidProxy(pub String);

impl TrustedProxies {
    /// Addresses, and networks such as `10.0.0.0/8`.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidProxy> {
        let network = |text: &str| text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let networks = texts.into_iter().map(|text| network(text.trim()).ok_or_else(|| InvalidProxy(text.to_owned())));
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// Whom a request came from; `None` where there is no connection, in tests.
    pub(crate) fn peer_of(&self, request: &Request) -> Option<Peer> {
        let socket = request.remote_addr().as_socket_addr()?;
        Some(self.origin(socket.ip(), request.headers()).into())
    }

    fn origin(&self, other_end: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = other_end;
        if !self.trust(address) {
            return address;
        }
        // Every proxy writes down whom it heard the request from, behind what it was told: the list is good from its end up to the first stranger.
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        for hop in lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',')) {
            let Some(before) = hop_address(hop.trim()) else { break };
            address = before;
            if !self.trust(address) {
                break;
            }
        }
        address
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// An address, as some proxies write it: with a port, or in brackets.
fn hop_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::{InvalidProxy, TrustedProxies};
    use domain::access::Peer;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn peer(proxies: &TrustedProxies, socket: &str, forwarded: &[&'static str]) -> String {
        let lines = forwarded.iter().map(|line| (HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(line)));
        let mut headers = HeaderMap::new();
        headers.extend(lines.map(|(name, value)| (Some(name), value)));
        Peer::from(proxies.origin(socket.parse().unwrap(), &headers)).to_string()
    }

    #[test]
    fn only_proxies_that_are_trusted_are_believed_and_only_as_far_as_they_heard_it_themselves() {
        let proxies = TrustedProxies::parse(["10.0.0.0/8", " fd00::1 "]).unwrap();
        for (socket, forwarded, expected) in [
            ("203.0.113.7", &["198.51.100.1"][..], "203.0.113.7"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            // What the client wrote itself stands before what the proxy wrote.
            ("10.0.0.1", &["192.0.2.99, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.99", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.99, unknown, 10.0.0.2"], "10.0.0.2"),
            ("fd00::1", &["[2001:db8::5]:1234"], "2001:db8::/64"),
            ("fd00::1", &["198.51.100.1:99"], "198.51.100.1"),
        ] {
            assert_eq!(peer(&proxies, socket, forwarded), expected, "{socket} {forwarded:?}");
        }
        let nobody = TrustedProxies::default();
        assert_eq!(peer(&nobody, "127.0.0.1", &["198.51.100.1"]), "127.0.0.1");
    }

    #[test]
    fn what_is_no_network_is_said_to_be_none() {
        assert_eq!(TrustedProxies::parse(["10.0.0.0/8", "proxy.local"]).unwrap_err(), InvalidProxy("proxy.local".to_owned()));
    }
}
