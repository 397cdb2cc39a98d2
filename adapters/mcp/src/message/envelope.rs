//! What came in: one message, a batch of them, or neither.

use super::RpcError;
use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Messages of a batch at most.
const MAX_BATCH: usize = 32;

/// A body that is JSON.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// One message.
    One(Bytes),
    /// A batch.
    Batch(Vec<Bytes>),
}

impl Incoming {
    /// Takes a body apart. Batches belong to revision 2025-03-26, which is also meant where the header is missing.
    pub(crate) fn read(body: Bytes, headers: &HeaderMap) -> Result<Self, RpcError> {
        if body.trim_ascii_start().first() != Some(&b'[') {
            return Ok(Self::One(body));
        }
        let messages: Vec<&RawValue> =
            serde_json::from_slice(&body).map_err(|error| RpcError::parse_error(format!("the body is no JSON: {error}")))?;
        if headers.get("mcp-protocol-version").is_some_and(|version| version != "2025-03-26") {
            return Err(RpcError::invalid_request("a batch is part of revision 2025-03-26 only: send one message in a request"));
        }
        if messages.is_empty() || messages.len() > MAX_BATCH {
            return Err(RpcError::invalid_request(format!("a batch has 1 to {MAX_BATCH} messages")));
        }
        Ok(Self::Batch(messages.into_iter().map(|message| body.slice_ref(message.get().as_bytes())).collect()))
    }
}

/// The outside of one message. Its parameters are passed over unread.
#[derive(Debug, Deserialize)]
pub(crate) struct Single<'a> {
    #[serde(borrow)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) method: Option<Cow<'a, str>>,
}

impl<'a> Single<'a> {
    /// Reads the outside of a message.
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, RpcError> {
        let single: Self = serde_json::from_slice(message).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => RpcError::invalid_request(format!("the body is no JSON-RPC message: {error}")),
            _ => RpcError::parse_error(format!("the body is no JSON: {error}")),
        })?;
        if single.jsonrpc.as_deref() != Some("2.0") {
            return Err(RpcError::invalid_request("the body is no JSON-RPC message: jsonrpc must be \"2.0\""));
        }
        Ok(single)
    }

    /// Whether it asks for an answer in the form that requests have.
    pub(crate) fn is_request(&self) -> bool {
        self.method.is_some() && self.has_good_id()
    }

    /// A text, or a whole number that fits.
    pub(crate) fn has_good_id(&self) -> bool {
        self.id.is_some_and(|id| id.get().starts_with('"') || id.get().parse::<i64>().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::{Incoming, Single};
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName};

    #[test]
    fn the_code_says_whether_it_was_json_at_all() {
        for (body, code) in [
            ("", -32700),
            ("{", -32700),
            ("nope", -32700),
            ("{\"jsonrpc\":\"2.0\"} x", -32700),
            ("\u{feff}{}", -32700),
            ("1", -32600),
            ("{}", -32600),
        ] {
            assert_eq!(Single::read(body.as_bytes()).unwrap_err().code, code, "{body}");
        }
        assert_eq!(Single::read(b"{\"jsonrpc\":\"2.0\",\"method\":5}").unwrap_err().code, -32600);
        assert_eq!(Single::read(b"\xff").unwrap_err().code, -32700);
        let good = Single::read(br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"deep":[[]]}}"#).unwrap();
        assert_eq!((good.id.unwrap().get(), good.method.as_deref()), ("1", Some("ping")));
    }

    #[test]
    fn a_request_has_a_method_and_an_id() {
        let is_request = |rest: &str| Single::read(format!(r#"{{"jsonrpc":"2.0"{rest}}}"#).as_bytes()).unwrap().is_request();
        for good in [r#","id":1,"method":"a""#, r#","id":"","method":"a""#, r#","id":-1,"method":"""#] {
            assert!(is_request(good), "{good}");
        }
        for bad in [r#","id":1"#, r#","method":"a""#, r#","id":null,"method":"a""#, r#","id":1.5,"method":"a""#, r#","id":[],"method":"a""#] {
            assert!(!is_request(bad), "{bad}");
        }
    }

    #[test]
    fn batches_belong_to_one_revision() {
        let read = |body: &'static str, version: Option<&str>| {
            let headers: HeaderMap =
                version.map(|version| (HeaderName::from_static("mcp-protocol-version"), version.parse().unwrap())).into_iter().collect();
            Incoming::read(Bytes::from_static(body.as_bytes()), &headers).map_err(|error| error.code)
        };
        assert!(matches!(read(" [{\"a\":1}, {}]", None), Ok(Incoming::Batch(messages)) if messages == ["{\"a\":1}", "{}"]));
        assert!(matches!(read("[{}]", Some("2025-03-26")), Ok(Incoming::Batch(_))));
        assert_eq!(read("[{}]", Some("2025-06-18")).unwrap_err(), -32600);
        assert_eq!(read("[]", None).unwrap_err(), -32600);
        assert_eq!(read("[{}", None).unwrap_err(), -32700);
    }
}
