//! Where on an HTTP/1 connection the targets of requests lie, and what of them has to be encoded.

/// Where a connection is in its stream of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before a request; empty lines are passed over there.
    Before,
    Method,
    /// Behind the first space.
    TargetBegins,
    /// In a target that begins with `/`.
    Target,
    /// In the rest of a line, up to its end.
    Line,
    /// At the beginning of a header field.
    LineBegins,
    /// Behind a CR there.
    EmptyLineBegins,
    /// Behind a head. What follows is known only once hyper has understood it.
    HeadEnded,
    /// So many bytes of a body are still to come.
    Body(u64),
    /// Nobody knows: everything passes as it is, for good.
    Lost,
}

/// Why a scan stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Everything was looked at.
    Spent,
    /// At a byte that a target may hold in encoded form only.
    Escape,
    /// Behind the end of a head.
    HeadEnd,
}

impl Place {
    /// Goes on over `bytes`, up to the next thing of interest: how many of them pass as they are, and why it is not more.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> (usize, Stop) {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self {
                Self::Before => match rest.iter().position(|byte| !matches!(byte, b'\r' | b'\n')) {
                    Some(begins) => {
                        at += begins;
                        *self = Self::Method;
                    }
                    None => at = bytes.len(),
                },
                Self::Method => at += self.pass(rest, rest.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n')), |_| Self::TargetBegins),
                Self::TargetBegins => *self = if rest[0] == b'/' { Self::Target } else { Self::Line },
                Self::Target => {
                    let end = rest.iter().position(|byte| !stands_in_target(*byte));
                    if let Some(end) = end.filter(|end| is_encoded(rest[*end])) {
                        return (at + end, Stop::Escape);
                    }
                    at += self.pass(rest, end, |_| Self::Line);
                }
                Self::Line => at += self.pass(rest, memchr::memchr(b'\n', rest), |_| Self::LineBegins),
                Self::LineBegins | Self::EmptyLineBegins => {
                    at += 1;
                    *self = match rest[0] {
                        b'\n' => Self::HeadEnded,
                        b'\r' if *self == Self::LineBegins => Self::EmptyLineBegins,
                        _ => Self::Line,
                    };
                }
                Self::HeadEnded => return (at, Stop::HeadEnd),
                Self::Body(left) => {
                    let passed = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    *left -= passed as u64;
                    at += passed;
                    if *left == 0 {
                        *self = Self::Before;
                    }
                }
                Self::Lost => at = bytes.len(),
            }
        }
        (at, if *self == Self::HeadEnded { Stop::HeadEnd } else { Stop::Spent })
    }

    /// Passes what comes before a mark and the mark itself. A request line that ends before its version is none: hyper will say so.
    fn pass(&mut self, rest: &[u8], mark: Option<usize>, next: impl Fn(u8) -> Self) -> usize {
        let Some(mark) = mark else { return rest.len() };
        *self = match rest[mark] {
            b'\r' | b'\n' if *self != Self::Line => Self::Lost,
            byte => next(byte),
        };
        mark + 1
    }
}

/// What RFC 3986 has no place for in a path or query, and clients send all the same: curl sends whatever it is given. A `#` begins a fragment, which
/// never is part of a request: it can only be meant as a character, and hyper would drop all that follows it.
pub(super) const fn is_encoded(byte: u8) -> bool {
    matches!(byte, b'"' | b'#' | b'<' | b'>' | b'[' | b'\\' | b']' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80..)
}

/// What goes on with a target as it is. Other control characters than line ends are left for hyper to refuse.
const fn stands_in_target(byte: u8) -> bool {
    STANDS_IN_TARGET[byte as usize]
}

/// Looked up, since every byte of every target is.
const STANDS_IN_TARGET: [bool; 256] = {
    let mut stands = [false; 256];
    let mut byte = 0;
    while byte < 0x80 {
        stands[byte as usize] = !is_encoded(byte) && !matches!(byte, b' ' | b'\r' | b'\n');
        byte += 1;
    }
    stands
};

#[cfg(test)]
mod tests {
    use super::{Place, Stop, is_encoded, stands_in_target};

    #[test]
    fn what_is_not_encoded_is_taken_by_the_uri_type() {
        for byte in 0x21..0x7f_u8 {
            assert_ne!(is_encoded(byte), stands_in_target(byte));
            if stands_in_target(byte) && byte != b'?' {
                let target = format!("/a{0}b?c=d{0}e", char::from(byte));
                let uri: http::Uri = target.parse().unwrap_or_else(|error| panic!("{target}: {error}"));
                assert_eq!(uri.path_and_query().unwrap().as_str(), target);
            }
        }
    }

    #[test]
    fn a_head_is_followed_to_its_end() {
        for (head, more) in [("GET / HTTP/1.1\r\nhost: a\r\n\r\n", "x"), ("\r\n\nGET / HTTP/1.0\n\n", ""), ("PRI * HTTP/2.0\r\n\r\n", "SM\r\n\r\n")] {
            let mut place = Place::Before;
            assert_eq!(place.scan(format!("{head}{more}").as_bytes()), (head.len(), Stop::HeadEnd));
        }
    }

    #[test]
    fn only_targets_stop_a_scan() {
        let mut place = Place::Before;
        assert_eq!(place.scan(b"G\"T /a?b=\"c HTTP/1.1"), (9, Stop::Escape));
        let rest = b"c HTTP/1.1\"\r\nx: \"{}\"\r\n";
        assert_eq!(place.scan(rest), (rest.len(), Stop::Spent));
        assert_eq!(place, Place::LineBegins);
        for other in ["GET http://a/\" HTTP/1.1\r\n", "OPTIONS *\" HTTP/1.1\r\n", "GET /\r\n/\"", "\"\r\n /\""] {
            let mut place = Place::Before;
            assert_eq!(place.scan(other.as_bytes()), (other.len(), Stop::Spent), "{other}");
        }
    }

    #[test]
    fn a_body_is_passed_by_its_length() {
        let mut place = Place::Body(12);
        assert_eq!(place.scan(b"GET /\" "), (7, Stop::Spent));
        assert_eq!(place.scan(b"HTTP\nGET /\""), (10, Stop::Escape));
    }
}
